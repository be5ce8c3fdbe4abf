"""Human voices: what is read of a folder, where it is cut, and when each sound is said."""

from itertools import pairwise

import numpy as np
import pytest

from lipkit.config import SAMPLE_RATE
from lipkit.errors import LipkitError
from lipkit.media import write_audio
from lipkit.talker import listening
from lipkit.talker.recordings import LONGEST, cuts, find_pieces, find_recordings
from lipkit.talker.speech import SILENCE, Phoneme, speak

TEXT = "Please measure both brown boats at noon"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("voices")
    for speaker in ("anna", "ben"):
        write_audio(root / speaker / "one.wav", speak(TEXT, speaker).samples)
    (root / "index.tsv").write_text(
        f"speaker\tsex\tfile\twords\nanna\tf\tanna/one.wav\t{TEXT}\nben\tm\tben/one.wav\t\n"
    )
    return root


def test_a_folder_and_its_table(folder):
    first, second = find_recordings(folder)
    assert (first.speaker, first.sex, first.words) == ("anna", "f", TEXT)
    assert (second.speaker, second.sex, second.words) == ("ben", "m", "")


@pytest.mark.parametrize(
    ("said", "meant"), [("F", "f"), ("female", "f"), (" M ", "m"), ("", ""), ("x", None)]
)
def test_the_sex_of_a_table_is_read_as_people_write_it(folder, tmp_path, said, meant):
    table = tmp_path / "table.tsv"
    file = folder / "anna" / "one.wav"
    table.write_text(f"\ufefffile\tsex\n{file}\t{said}\n", encoding="utf-8")
    if meant is None:
        with pytest.raises(LipkitError, match="write f or m, or leave it empty"):
            find_recordings(folder, table)
    else:
        assert find_recordings(folder, table)[0].sex == meant


def test_in_silence_nothing_is_heard(tmp_path):
    pytest.importorskip("pocketsphinx")
    write_audio(tmp_path / "anna" / "quiet.wav", np.zeros(2 * SAMPLE_RATE, np.float32))
    pieces, (fault,) = find_pieces(tmp_path / "anna", None, None, 0, False)
    assert pieces == []
    assert "quiet.wav: is silent" in fault


def test_a_folder_without_sound_or_table_column_is_refused(tmp_path, folder):
    with pytest.raises(LipkitError, match="no such folder"):
        find_recordings(tmp_path / "none")
    with pytest.raises(LipkitError, match="no recording"):
        find_recordings(tmp_path)
    (tmp_path / "table.tsv").write_text("name\twords\nx\ty\n")
    with pytest.raises(LipkitError, match="no column 'file'"):
        find_recordings(folder, tmp_path / "table.tsv")


def phonemes(*lengths: float) -> list[Phoneme]:
    """Speech (positive) and pauses (negative) of these lengths, speech in tenths of a second."""
    row, at = [], 0.0
    for length in lengths:
        count = 1 if length < 0 else round(length / 0.1)
        for _ in range(count):
            step = abs(length) / count
            row.append(Phoneme(SILENCE if length < 0 else "a", at, at + step))
            at += step
    return row


def test_pieces_end_in_pauses_where_there_are_any():
    row = phonemes(-0.3, 2.0, -0.5, 2.0, -0.5, 1.0, -0.4)
    found = cuts(row)
    assert len(found) == 2
    for start, end in found:
        inside = [p for p in row if p.symbol == SILENCE and p.start <= start <= p.end]
        assert inside or start == 0
        assert [p for p in row if p.symbol == SILENCE and p.start <= end <= p.end]


def test_long_speech_without_a_pause_is_cut_between_phonemes():
    row = phonemes(-0.3, 9.0, -0.3)
    found = cuts(row)
    assert len(found) >= 3
    edges = {round(p.start, 6) for p in row} | {round(p.end, 6) for p in row}
    for (_, end), (start, _) in pairwise(found):
        assert end == pytest.approx(start)
        assert round(end, 6) in edges
    assert all(end - start <= LONGEST + 0.3 for start, end in found)


def test_pieces_do_not_overlap_and_lose_no_speech():
    rng = np.random.default_rng(0)
    for _ in range(50):
        lengths = [v for _ in range(6) for v in (rng.uniform(0.8, 5), -rng.uniform(0.05, 0.6))]
        row = phonemes(-0.2, *lengths)
        found = cuts(row)
        assert all(a[1] <= b[0] + 1e-9 for a, b in pairwise(found))
        kept = sum(
            max(0, min(p.end, end) - max(p.start, start))
            for start, end in found
            for p in row
            if p.symbol != SILENCE
        )
        said = sum(p.end - p.start for p in row if p.symbol != SILENCE)
        assert kept > 0.8 * said


def test_a_broken_recording_is_told_of_and_a_macs_shadow_is_none(tmp_path):
    pytest.importorskip("pocketsphinx")
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / "torn.wav").write_bytes(b"RIFF")
    (tmp_path / "anna" / "._torn.wav").write_bytes(b"Mac")
    for keep in (None, tmp_path / "kept"):
        pieces, (fault,) = find_pieces(tmp_path / "anna", None, keep, 0, False)
        assert pieces == []
        assert "torn.wav" in fault


def test_known_words_are_aligned_and_kept(folder, tmp_path):
    pytest.importorskip("pocketsphinx")
    pieces, faults = find_pieces(folder / "anna", folder / "index.tsv", tmp_path, 0, False)
    assert not faults
    (piece,) = pieces
    assert piece.how == "aligned"
    assert [w.text for w in piece.words] == TEXT.lower().split()
    # espeak knows when it closed the lips; the aligner, which only heard it, must agree.
    true = speak(TEXT, "anna")
    closures = [p.start for p in true.phonemes if p.symbol in "pbm"]
    found = [p.start + piece.start for p in piece.phonemes if p.symbol in "pbm"]
    assert len(found) == len(closures)
    assert np.median(np.abs(np.array(found) - closures)) < 0.04
    (kept,) = tmp_path.glob("*.json")
    stamp = kept.stat().st_mtime_ns
    again, _ = find_pieces(folder / "anna", folder / "index.tsv", tmp_path, 0, False)
    assert again == pieces
    assert kept.stat().st_mtime_ns == stamp


def test_unknown_words_still_give_phonemes(folder):
    pytest.importorskip("pocketsphinx")
    ((piece,), faults) = find_pieces(folder / "ben", folder / "index.tsv", None, 0, False)
    assert not faults
    assert piece.how in ("recognised", "loop")
    assert len([p for p in piece.phonemes if p.symbol != SILENCE]) > 15
    length = len(piece.samples()) / SAMPLE_RATE
    assert length == pytest.approx(piece.end - piece.start, abs=0.01)


def test_words_that_are_not_said_are_named(folder, tmp_path):
    pytest.importorskip("pocketsphinx")
    table = tmp_path / "words.tsv"
    wrong = "supercalifragilistic " * 40
    file = folder / "anna" / "one.wav"
    table.write_text(f"file\twords\n{file}\t{wrong}\n")
    pieces, faults = find_pieces(folder / "anna", table, None, 0, False)
    assert not pieces
    assert len(faults) == 1
    assert "one.wav" in faults[0]
    assert "cannot be aligned" in faults[0]


def test_what_was_heard_before_decides_nothing():
    """One decoder serves many recordings; the first of these used to spoil the second."""
    pytest.importorskip("pocketsphinx")
    long = (
        "Seven big brown foxes jumped over my grandmother's garden wall and nobody in the whole "
        "village said a single word about it"
    )
    words = "The moon was bright above the sea"
    samples = speak(words, "anna").samples
    listening._aligner.cache_clear()
    alone = listening.hear(samples, words)
    listening._aligner.cache_clear()
    listening.hear(speak(long, "anna").samples, long)
    assert listening.hear(samples, words) == alone
