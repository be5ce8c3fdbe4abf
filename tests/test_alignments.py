"""Reading GRID's alignments, and finding out whose a folder of them is."""

from pathlib import Path

import numpy as np
import pytest

from lipkit.corpora.alignments import (
    AlignmentError,
    AlignmentFolder,
    match_folders,
    read_alignment,
    sentence_words,
)
from lipkit.corpora.record import Word
from lipkit.errors import LipkitError

BIN_BLUE = "0 23750 sil\n23750 29500 bin\n29500 34000 blue\n34000 35500 at\n"
BIN_BLUE += "35500 41000 f\n41000 47250 two\n47250 53000 now\n53000 74500 sil\n"


def write_alignment(path: Path, name: str) -> Path:
    """An alignment that says what ``name`` spells, a word every 0.2 s from 0.4 s on."""
    rows = [(0, 10_000, "sil")]
    for i, word in enumerate(sentence_words(name)):
        rows.append((10_000 + 5_000 * i, 15_000 + 5_000 * i, word))
    rows.append((40_000, 74_500, "sil"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{start} {end} {word}\n" for start, end, word in rows))
    return path


def test_a_name_spells_its_sentence():
    assert sentence_words("bbaf2n") == ("bin", "blue", "at", "f", "two", "now")
    assert sentence_words("lgbazs") == ("lay", "green", "by", "a", "zero", "soon")
    assert sentence_words("PRIX9A") == ("place", "red", "in", "x", "nine", "again")
    assert sentence_words("swwq1p") == ("set", "white", "with", "q", "one", "please")


@pytest.mark.parametrize("name", ["", "bbaf2", "bbaf2nn", "xbaf2n", "bbaf0n", "bbaw2n", "take01"])
def test_a_name_of_another_kind_spells_nothing(name):
    assert sentence_words(name) is None


def test_times_are_seconds_and_silence_is_left_out(tmp_path):
    path = tmp_path / "bbaf2n.align"
    path.write_text(BIN_BLUE.replace("34000 35500 at", "34000 34500 sp\n34500 35500 at"))
    words = read_alignment(path, "bbaf2n")
    assert words[0] == Word("bin", 0.95, 1.18)
    assert words[2] == Word("at", 1.38, 1.42)
    assert [word.text for word in words] == ["bin", "blue", "at", "f", "two", "now"]


def test_windows_line_ends_blank_lines_and_a_byte_order_mark_are_fine(tmp_path):
    path = tmp_path / "bbaf2n.align"
    path.write_bytes(b"\xef\xbb\xbf" + BIN_BLUE.replace("\n", "\r\n\r\n").encode())
    assert len(read_alignment(path, "bbaf2n")) == 6


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty"),
        (b"  \n\n", "is empty"),
        (b"0 23750 sil\n23750 29500\n", "line 2 has 2 columns"),
        (b"0 23750 sil\n23750 29500 bin now\n", "line 2 has 4 columns"),
        (b"0 early sil\n", "line 1: the times are not numbers"),
        (b"0 nan bin\n", "line 1: the times are not times"),
        (b"-5 10 bin\n", "line 1: the times are not times"),
        (b"0 100 sil\n300 200 bin\n", "line 2 ends before it starts"),
        (b"0 300 bin\n200 400 blue\n", "'blue' starts before"),
        (b"0 300 sil\n", "holds no word"),
        (b"\x00\x01\x02\x03 1 2", "is not a text file"),
        (b"\xff\xd8\xff\xe0 JFIF", "is not a text file"),
        (BIN_BLUE.replace("two", "ten").encode(), "says 'bin blue at f ten now'"),
    ],
)
def test_a_broken_alignment_is_named_with_its_fault(tmp_path, content, fault):
    path = tmp_path / "bbaf2n.align"
    path.write_bytes(content)
    with pytest.raises(AlignmentError) as caught:
        read_alignment(path, "bbaf2n")
    assert fault in caught.value.fault
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, LipkitError)


def test_a_missing_alignment_is_an_alignment_error(tmp_path):
    with pytest.raises(AlignmentError, match="cannot be read"):
        read_alignment(tmp_path / "none.align")


def test_names_outside_the_grammar_are_not_held_against_the_words(tmp_path):
    path = tmp_path / "take01.align"
    path.write_text("0 100 hello\n")
    assert [word.text for word in read_alignment(path, "take01")] == ["hello"]


def test_units_are_a_25000th_of_a_second_on_real_clips(grid_root):
    """The sound is loud where words are; any other unit would move them off it."""
    from lipkit.media import read_audio

    def contrast(units: float) -> float:
        """Mean level of words over that of silence, dB, over the clips."""
        differences = []
        for path in paths:
            loudness = levels[path]
            spoken = np.zeros(len(loudness), bool)
            for word in read_alignment(path, path.stem):
                first, last = (round(t * 25_000 / units * 100) for t in (word.start, word.end))
                spoken[first:last] = True
            differences.append(loudness[spoken].mean() - loudness[~spoken].mean())
        return float(np.mean(differences))

    paths = sorted((grid_root / "align" / "s1").glob("*.align"))[::150]
    levels = {}
    for path in paths:
        samples = read_audio(next((grid_root / "s1").glob(f"{path.stem}.*")))
        tens = samples[: len(samples) // 441 * 441].reshape(-1, 441)
        levels[path] = 10 * np.log10((tens**2).mean(axis=1) + 1e-8)
    right = contrast(25_000)
    assert right > 8
    for wrong in (20_000, 22_050, 28_000, 32_000):
        assert contrast(wrong) < right - 1, wrong


def test_every_real_alignment_reads_and_agrees_with_its_name(grid_root):
    paths = sorted((grid_root / "align").rglob("*.align"))
    assert len(paths) == 911
    for path in paths:
        words = read_alignment(path, path.stem)
        assert len(words) == 6
        assert 0 < words[0].start < words[-1].end <= 74_500 / 25_000


def folder(root: Path, name: str, claimed: str | None, clips: dict[str, str]) -> AlignmentFolder:
    """An alignment folder; ``clips`` maps a file's name to the sentence it says."""
    files = {}
    for file, said in clips.items():
        path = root / name / f"{file}.align"
        if said:
            write_alignment(path, said)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
        files[file] = path
    return AlignmentFolder(name, claimed, files)


def own(*names: str) -> dict[str, str]:
    return {name: name for name in names}


A = ("bbaf2n", "lgbazs", "prix9a", "swwq1p")
B = ("bbaf3s", "lgba1p", "prixzn", "swwq2a")
C = ("bbal4p", "lgbh5n", "prin6a", "swwm7s")


def test_swapped_folders_are_put_right(tmp_path):
    folders = [folder(tmp_path, "align/s5", "s5", own(*B)), folder(tmp_path, "s6", "s6", own(*A))]
    matches = match_folders({"s5": A, "s6": B}, folders)
    assert matches["s5"].folder.name == "s6"
    assert matches["s6"].folder.name == "align/s5"
    assert matches["s5"].rematched
    assert "s6 fits 4 of 4 clips, which stands under another speaker's name" in str(matches["s5"])


def test_a_rotation_of_three_is_put_right(tmp_path):
    folders = [
        folder(tmp_path, name, name, own(*clips))
        for name, clips in (("s10", B), ("s11", C), ("s12", A))
    ]
    matches = match_folders({"s10": A, "s11": B, "s12": C}, folders)
    assert {s: m.folder.name for s, m in matches.items()} == {
        "s10": "s12",
        "s11": "s10",
        "s12": "s11",
    }


def test_right_folders_stay(tmp_path):
    folders = [folder(tmp_path, "s5", "s5", own(*A)), folder(tmp_path, "s6", "s6", own(*B))]
    matches = match_folders({"s5": A, "s6": B}, folders)
    assert not any(match.rematched for match in matches.values())
    assert matches["s5"].folder.name == "s5"


def test_a_folder_serves_one_speaker_only(tmp_path):
    folders = [folder(tmp_path, "s5", "s5", own(*A))]
    matches = match_folders({"s5": A[:3], "s6": A}, folders)
    assert [s for s, m in matches.items() if m.folder] == ["s6"]


def test_names_alone_do_not_match_when_the_words_are_others(tmp_path):
    """Both folders have the clips' names; only one says what the names spell."""
    scrambled = dict(zip(A, A[1:] + A[:1], strict=True))
    folders = [folder(tmp_path, "s5", "s5", scrambled), folder(tmp_path, "s9", "s9", own(*A))]
    assert match_folders({"s5": A}, folders)["s5"].folder.name == "s9"


def test_words_decide_for_every_file_not_only_for_the_first(tmp_path):
    half = own(*A[:2]) | {A[2]: A[3], A[3]: A[2]}
    folders = [folder(tmp_path, "s5", "s5", half), folder(tmp_path, "s9", "s9", own(*A[:3]))]
    match = match_folders({"s5": A}, folders)["s5"]
    assert (match.folder.name, match.fitting) == ("s9", 3)


def test_on_a_tie_the_folder_of_the_speakers_own_name_wins(tmp_path):
    folders = [folder(tmp_path, "s1", "s1", own(*A)), folder(tmp_path, "s5", "s5", own(*A))]
    match = match_folders({"s5": A}, folders)["s5"]
    assert match.folder.name == "s5"
    assert not match.rematched


def test_a_tie_between_foreign_folders_is_refused_and_said(tmp_path):
    folders = [folder(tmp_path, "s1", "s1", own(*A)), folder(tmp_path, "s2", "s2", own(*A, *B))]
    match = match_folders({"s5": A[:1]}, folders)["s5"]
    assert match.folder is None
    assert "fit 1 of 1 clips equally well" in match.refused


def test_a_chance_overlap_is_not_a_match(tmp_path):
    """One sentence in common of nine: as much as strangers share."""
    names = [f"bbaf{digit}n" for digit in range(1, 10)]
    others = [names[0]] + [f"lgaf{digit}n" for digit in range(1, 9)]
    match = match_folders({"s5": names}, [folder(tmp_path, "s5", "s5", own(*others))])["s5"]
    assert match.folder is None
    assert match.refused == "s5 fits 1 of 9 clips"


def test_a_broken_file_speaks_neither_for_nor_against(tmp_path):
    folders = [folder(tmp_path, "s5", "s5", own(*A[:2]) | {A[2]: ""})]
    match = match_folders({"s5": A}, folders)["s5"]
    assert match.folder is not None
    assert match.fitting == 3


def test_no_folders_no_matches_and_nothing_refused():
    match = match_folders({"s1": A}, [])["s1"]
    assert (match.folder, match.refused) == (None, "")
    assert str(match) == "s1: no alignments"
