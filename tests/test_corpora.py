"""Listing clips: layouts as people have them, faults in them, folders of something else."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from lipkit.config import PrepareConfig
from lipkit.corpora import CORPORA, UNKNOWN_SPEAKER, ClipRecord, crema_d, grid, list_clips
from lipkit.corpora.alignments import sentence_words
from lipkit.corpora.people import missing
from lipkit.data.prepare import prepare_clip
from lipkit.errors import LipkitError, UsageError

NAMES = ("bbaf2n", "lgbazs", "prix9a")
OTHERS = ("bbaf3s", "lgba1p", "prixzn")


def touch(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def align(root: Path, folder: str, *names: str, says: str | None = None) -> Path:
    """Alignments in ``folder`` that say what their names spell (or ``says``)."""
    for name in names:
        rows = [f"{5_000 * i} {5_000 * i + 5_000} {word}" for i, word in _words(says or name)]
        path = root / folder / f"{name}.align"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(["0 10000 sil", *rows, "45000 74500 sil"]))
    return root


def _words(name: str):
    return enumerate(sentence_words(name), start=2)


def by_id(records: list[ClipRecord]) -> dict[str, ClipRecord]:
    return {record.clip_id: record for record in records}


def one_line(error: pytest.ExceptionInfo) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


# GRID: layouts


@pytest.mark.parametrize("suffix", ["mpg", "mp4", "MPG"])
@pytest.mark.parametrize(
    "layout",
    ["s1/{}", "s1/video/{}", "video/s1/{}", "s1/s1/{}", "video/mpg_6000/s1/{}", "grid/s1/{}"],
)
@pytest.mark.parametrize(
    "alignments",
    ["", "beside", "align/s1", "alignments/s1", "s1/align", "alignments/alignments/s1"],
)
def test_grid_layouts_give_the_same_records(tmp_path, layout, suffix, alignments):
    touch(tmp_path, *(layout.format(f"{name}.{suffix}") for name in NAMES))
    if alignments:
        beside = Path(layout.format("x")).parent.as_posix()
        align(tmp_path, beside if alignments == "beside" else alignments, *NAMES)
    records = list_clips("grid", tmp_path)
    assert [record.clip_id for record in records] == [f"s1/{name}" for name in NAMES]
    first = records[0]
    assert (first.speaker, first.corpus, first.audio, first.split) == ("s1", "grid", None, None)
    assert first.video == tmp_path / layout.format(f"bbaf2n.{suffix}")
    assert first.sentence == "bbaf2n"
    assert first.transcript == "bin blue at f two now"
    assert first.note == ""
    assert len(first.words) == (6 if alignments else 0)
    if alignments:
        assert (first.words[0].text, first.words[0].start, first.words[0].end) == ("bin", 0.4, 0.6)


def test_the_speakers_own_folder_may_be_the_root(tmp_path):
    align(touch(tmp_path / "s7", "bbaf2n.mpg"), ".", "bbaf2n")
    (record,) = list_clips("grid", tmp_path / "s7")
    assert record.clip_id == "s7/bbaf2n"
    assert len(record.words) == 6


def test_zenodo_zips_as_unpacked_with_the_clutter_of_a_mac(tmp_path):
    touch(tmp_path, "s1/bbaf2n.mpg", "s2/bbaf3s.mpg", "__MACOSX/s1/._bbaf2n.mpg", "s1/._bbaf2n.mpg")
    touch(tmp_path, "__MACOSX/s1/lgbazs.mpg", ".trash/s1/prix9a.mpg")
    touch(tmp_path, "audio_25k/s1/bbaf2n.wav", "s1.zip", "s1/Thumbs.db", "readme.txt")
    align(tmp_path, "alignments/s1", "bbaf2n")
    records = list_clips("grid", tmp_path)
    assert [record.clip_id for record in records] == ["s1/bbaf2n", "s2/bbaf3s"]


def test_of_two_copies_of_a_clip_the_published_one_is_taken_once(tmp_path):
    touch(tmp_path, "s1/bbaf2n.mp4", "s1/bbaf2n.mpg", "video/s1/bbaf2n.mp4")
    (record,) = list_clips("grid", tmp_path)
    assert record.video == tmp_path / "s1/bbaf2n.mpg"


def test_the_published_copy_is_taken_wherever_it_lies(tmp_path):
    touch(tmp_path, "s1/bbaf2n.mp4", "video/mpg/s1/bbaf2n.mpg")
    (record,) = list_clips("grid", tmp_path)
    assert record.video == tmp_path / "video/mpg/s1/bbaf2n.mpg"


def test_records_are_sorted_by_clip_id_and_paths_are_absolute(tmp_path, monkeypatch):
    touch(tmp_path, "s10/bbaf2n.mpg", "s2/prix9a.mpg", "s2/bbaf3s.mpg")
    monkeypatch.chdir(tmp_path)
    records = list_clips("grid", ".")
    assert [record.clip_id for record in records] == sorted(record.clip_id for record in records)
    assert all(record.video.is_absolute() for record in records)


def test_spaces_and_letters_beyond_ascii_in_paths(tmp_path):
    root = align(touch(tmp_path / "Zürich data 声", "s1/bbaf2n.mpg"), "align/s1", "bbaf2n")
    (record,) = list_clips("grid", root)
    assert len(record.words) == 6


def test_a_clip_with_a_name_of_its_own_is_listed_too(tmp_path):
    (record,) = list_clips("grid", touch(tmp_path, "s1/interview 3.mp4"))
    assert (record.clip_id, record.sentence) == ("s1/interview 3", "interview 3")
    assert record.transcript is None


def test_a_link_that_leads_in_circles_ends(tmp_path):
    touch(tmp_path, "s1/bbaf2n.mpg")
    (tmp_path / "s1" / "again").symlink_to(tmp_path)
    assert len(list_clips("grid", tmp_path)) == 1


def test_a_link_to_a_speaker_does_not_take_his_name(tmp_path):
    root = touch(tmp_path / "grid", "s1/bbaf2n.mpg", "a/notes.txt")
    (root / "first").symlink_to(root / "s1")
    (root / "a" / "first").symlink_to(root / "s1")
    (root / "s2").symlink_to(touch(tmp_path / "elsewhere", "bbaf2n.mpg"))
    records = list_clips("grid", root)
    assert [record.clip_id for record in records] == ["s1/bbaf2n", "s2/bbaf2n"]


# GRID: alignments


def test_swapped_alignment_folders_are_matched_by_their_content_and_reported(tmp_path):
    touch(tmp_path, *(f"s5/{n}.mpg" for n in NAMES), *(f"s6/{n}.mpg" for n in OTHERS))
    align(tmp_path, "alignments/s5", *OTHERS)
    align(tmp_path, "alignments/s6", *NAMES)
    records = by_id(list_clips("grid", tmp_path))
    for record in records.values():
        assert [word.text for word in record.words] == list(sentence_words(record.sentence))
    assert records["s5/bbaf2n"].note.startswith("words re-matched: from alignments/s6")
    report = grid.matches(tmp_path)
    assert [(m.speaker, m.folder.name, m.rematched) for m in report] == [
        ("s5", "alignments/s6", True),
        ("s6", "alignments/s5", True),
    ]


def test_clips_that_the_folder_lacks_have_no_words_and_a_note(tmp_path):
    touch(tmp_path, *(f"s1/{name}.mpg" for name in (*NAMES, *OTHERS)))
    align(tmp_path, "align/s1", *NAMES)
    records = by_id(list_clips("grid", tmp_path))
    assert all(len(records[f"s1/{name}"].words) == 6 for name in NAMES)
    assert all(records[f"s1/{name}"].words == () for name in OTHERS)
    assert {records[f"s1/{n}"].note for n in OTHERS} == {"align/s1 has no alignment for this clip"}


def test_a_folder_of_another_speaker_is_not_used_and_the_note_says_so(tmp_path):
    touch(tmp_path, *(f"s5/{name}.mpg" for name in NAMES))
    align(tmp_path, "align/s5", *OTHERS)
    records = list_clips("grid", tmp_path)
    assert all(record.words == () for record in records)
    assert {r.note for r in records} == {"alignments not used: align/s5 fits 0 of 3 clips"}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty"),
        (b"0 23750\n", "line 1 has 2 columns"),
        (b"a b sil\n", "line 1: the times are not numbers"),
        (b"10 5 sil\n", "line 1 ends before it starts"),
        (b"\x00\xff\xfe", "is not a text file"),
        (b"0 5 set\n", "says 'set'"),
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_a_broken_alignment_costs_one_clip_its_words(tmp_path, content, fault, alone):
    names = NAMES[:1] if alone else NAMES
    touch(tmp_path, *(f"s1/{name}.mpg" for name in names))
    align(tmp_path, "align/s1", *names)
    (tmp_path / "align/s1/bbaf2n.align").write_bytes(content)
    broken, *whole = list_clips("grid", tmp_path)
    assert broken.words == ()
    assert broken.note.startswith("align/s1/bbaf2n.align: ")
    assert fault in broken.note
    assert broken.transcript == "bin blue at f two now"
    assert all(len(record.words) == 6 and not record.note for record in whole)


def test_an_unreadable_alignment_costs_one_clip_its_words(tmp_path):
    touch(tmp_path, "s1/bbaf2n.mpg", "s1/lgbazs.mpg")
    align(tmp_path, "align/s1", "lgbazs")
    (tmp_path / "align/s1/bbaf2n.align").symlink_to(tmp_path / "nowhere")
    broken, whole = list_clips("grid", tmp_path)
    assert broken.words == ()
    assert "align/s1/bbaf2n.align: cannot be read" in broken.note
    assert len(whole.words) == 6


def test_real_clips(grid_root):
    records = list_clips("grid", grid_root)
    assert len(records) == 918
    timed = [record for record in records if record.words]
    assert len(timed) == 911
    assert all(" ".join(w.text for w in record.words) == record.transcript for record in timed)
    assert {r.clip_id for r in records if r.note} == {"s2/pwij3p", "s26/" + _untimed_s26(grid_root)}


def test_real_alignments_under_swapped_names_find_their_speakers(grid_root, tmp_path):
    for speaker in ("s1", "s26"):
        (tmp_path / speaker).symlink_to(grid_root / speaker)
    (tmp_path / "align").mkdir()
    (tmp_path / "align" / "s1").symlink_to(grid_root / "align" / "s26")
    (tmp_path / "align" / "s26").symlink_to(grid_root / "align" / "s1")
    assert [(m.folder.name, m.fitting) for m in grid.matches(tmp_path)] == [
        ("align/s26", 900),
        ("align/s1", 10),
    ]


def _untimed_s26(root: Path) -> str:
    timed = {path.stem for path in (root / "align" / "s26").iterdir()}
    (name,) = {path.stem for path in (root / "s26").iterdir()} - timed
    return name


# Synthetic


def synthetic(root: Path, *clips: str) -> Path:
    touch(root, *(f"{clip}.mp4" for clip in clips), *(f"truth/{clip}.npz" for clip in clips))
    for clip in clips:
        speaker, name = clip.split("/")
        align(root, f"align/{speaker}", name)
    (root / "synthetic.json").write_text(json.dumps({"seed": 0}))
    return root


def test_synthetic_records_carry_their_truth(tmp_path):
    root = synthetic(tmp_path, "s1/bbaf2n", "s2/lgbazs")
    (root / "truth/s2/lgbazs.npz").unlink()
    first, second = list_clips("synthetic", root)
    assert first.corpus == "synthetic"
    assert first.truth == root / "truth/s1/bbaf2n.npz"
    assert len(first.words) == 6
    assert (second.truth, second.note) == (None, "truth/s2/lgbazs.npz is missing")


def test_synthetic_is_not_read_as_grid_nor_grid_as_synthetic(tmp_path):
    drawn = synthetic(tmp_path / "drawn", "s1/bbaf2n")
    real = touch(tmp_path / "real", "s1/bbaf2n.mpg")
    with pytest.raises(LipkitError, match="this looks like the corpus 'synthetic'"):
        list_clips("grid", drawn)
    with pytest.raises(LipkitError, match=r"no synthetic.json.*this looks like the corpus 'grid'"):
        list_clips("synthetic", real)


# LRW


METADATA = "Disk reference: 60\nChannel: ONE\nText: {}\nDuration: {} seconds\n"


def lrw_clip(root: Path, word: str, split: str, number: int, text: str | None) -> Path:
    stem = f"{word}/{split}/{word}_{number:05}"
    touch(root, f"{stem}.mp4")
    if text is not None:
        (root / f"{stem}.txt").write_text(text)
    return root


@pytest.mark.parametrize("parent", ["", "lipread_mp4", "LRW/lipread_mp4"])
def test_lrw_gives_official_splits_and_centred_words(tmp_path, parent):
    splits = ("test", "train", "val")
    for split in splits:  # each has a clip of number 1
        lrw_clip(tmp_path / parent, "ABOUT", split, 1, METADATA.format("ABOUT", "0.42"))
    records = list_clips("lrw", tmp_path)
    assert [record.clip_id for record in records] == [f"ABOUT/{s}_ABOUT_00001" for s in splits]
    merged = list_clips("lrw", tmp_path, protocol="paper")
    assert [record.split for record in merged] == ["test", "train", "train"]
    assert [record.split for record in records] == ["test", "train", "val"]
    first = records[0]
    assert (first.speaker, first.transcript, first.sentence) == (UNKNOWN_SPEAKER, "about", "about")
    (word,) = first.words
    assert word.text == "about"
    assert (word.start, word.end) == pytest.approx((0.37, 0.79))
    assert first.note == ""


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (None, "ABOUT_00001.txt is missing"),
        ("", "ABOUT_00001.txt has no line 'Duration"),
        ("Duration: long\n", "ABOUT_00001.txt has no line 'Duration"),
        (METADATA.format("ABOUT", "3.0"), "does not fit a clip"),
        (METADATA.format("ABOUT", "0"), "does not fit a clip"),
        (METADATA.format("OTHER", "0.4"), "says 'OTHER'"),
    ],
)
def test_lrw_metadata_that_is_broken_costs_the_times_only(tmp_path, text, note):
    lrw_clip(tmp_path, "ABOUT", "train", 1, text)
    (record,) = list_clips("lrw", tmp_path)
    assert record.words == ()
    assert note in record.note
    assert record.transcript == "about"


# LDC


@pytest.mark.parametrize("layout", ["video/{}/{}", "data/video/{}/{}", "{}/{}", "{}/session1/{}"])
def test_ldc_layouts(tmp_path, layout):
    for speaker in ("F02", "M01"):
        touch(tmp_path, layout.format(speaker, f"{speaker}_CID_A01.mov"))
    touch(tmp_path, "docs/readme.txt")
    first, second = list_clips("ldc", tmp_path)
    assert (first.clip_id, first.speaker, first.corpus) == ("F02/F02_CID_A01", "F02", "ldc")
    assert first.sentence == second.sentence == "cid_a01"
    assert first.words == ()


def test_ldc_transcript_beside_the_clip(tmp_path):
    touch(tmp_path, "video/F02/F02_a.mov", "video/F02/F02_b.mov")
    (tmp_path / "video/F02/F02_a.txt").write_text("Walking's my\nfavorite exercise.\n")
    (tmp_path / "video/F02/F02_b.txt").write_bytes(b"\xff\x00")
    first, second = list_clips("ldc", tmp_path)
    assert first.transcript == "Walking's my favorite exercise."
    assert second.transcript is None
    assert "F02_b.txt is not readable text" in second.note


# CREMA-D


@pytest.mark.parametrize("parent", ["", "VideoFlash", "CREMA-D/VideoFlash", "1001"])
def test_crema_d_names_its_actors_and_sentences(tmp_path, parent):
    names = ("1001_DFA_ANG_XX.flv", "1001_IEO_ANG_HI.flv", "1091_ITH_SAD_X.mp4")
    touch(tmp_path / parent, *names, "1001_DFA_ANG_XX.wav", "1001_XYZ_ANG_XX.flv", "notes.flv")
    first, second, third = list_clips("crema-d", tmp_path)
    assert (first.clip_id, first.speaker) == ("1001/1001_DFA_ANG_XX", "1001")
    assert (first.corpus, first.sentence, first.words) == ("crema-d", "dfa", ())
    assert first.transcript == "don't forget a jacket"
    assert second.transcript == "it's eleven o'clock"
    assert (third.speaker, third.video.suffix) == ("1091", ".mp4")


def test_of_two_copies_of_a_crema_d_clip_one_is_taken(tmp_path):
    touch(tmp_path, "flash/1001_DFA_ANG_XX.flv", "1001_DFA_ANG_XX.mp4")
    (record,) = list_clips("crema-d", tmp_path)
    assert record.video.suffix == ".mp4"


def test_crema_d_can_be_split_by_sentence_and_by_actor(tmp_path):
    sentences = crema_d.SENTENCES
    touch(tmp_path, *(f"{who}_{s}_NEU_XX.flv" for who in range(1001, 1011) for s in sentences))
    for protocol in ("seen", "unseen", "paper"):
        splits = {record.split for record in list_clips("crema-d", tmp_path, protocol)}
        assert splits - {None} == {"train", "val", "test"}
    strangers = list_clips("crema-d", tmp_path, "strangers")
    assert {r.speaker for r in strangers if r.split == "strangers"} == {"1001"}
    assert {r.split for r in strangers if r.speaker != "1001"} == {None}


# People to test on


def people(root: Path) -> Path:
    touch(root, "people/grid/s33/lbaa7a.mpg", "people/grid/s10/bbab8n.mpg")
    return touch(root, "people/crema-d/1001/1001_DFA_ANG_XX.flv", "grid/s26/lwajza.mpg") / "people"


def test_people_are_strangers_whatever_the_protocol_left_open(tmp_path):
    root = people(tmp_path)
    touch(tmp_path, "grid/s1/bbaf2n.mpg", "people/splits/train.txt")
    records = list_clips("people", root, "strangers")
    assert [(record.corpus, record.speaker, record.split) for record in records] == [
        ("crema-d", "1001", "strangers"),
        ("grid", "s10", "strangers"),
        ("grid", "s26", "strangers"),
        ("grid", "s33", "strangers"),
    ]
    assert missing(records) == [("grid", who) for who in ("s16", "s25", "s30", "s31")]
    for protocol in ("paper", "seen", "unseen", "file"):
        with pytest.raises(UsageError, match="they are for testing only"):
            list_clips("people", root, protocol)


def test_a_stranger_in_people_itself_is_not_looked_for_beside(tmp_path):
    root = people(tmp_path)
    touch(root, "grid/s26/other.mpg")
    (record,) = (r for r in list_clips("people", root) if r.speaker == "s26")
    assert record.video == root / "grid/s26/other.mpg"


def test_two_people_of_one_name_are_not_mixed(tmp_path):
    root = people(tmp_path)
    touch(root, "synthetic/s10/bbaf2n.mp4")
    (root / "synthetic/synthetic.json").touch()
    with pytest.raises(LipkitError, match="both grid and synthetic have a person called s10"):
        list_clips("people", root)


def test_strangers_of_grid_are_those_declared(tmp_path):
    touch(tmp_path, "s1/bbaf2n.mpg", "s33/lbaa7a.mpg", "s26/lwajza.mpg")
    records = list_clips("grid", tmp_path, "strangers")
    assert {r.speaker for r in records if r.split == "strangers"} == {"s26", "s33"}
    with pytest.raises(LipkitError, match=r"none of s10, .* is there"):
        list_clips("grid", touch(tmp_path / "other", "s1/bbaf2n.mpg"), "strangers")
    with pytest.raises(LipkitError, match="nobody is declared there"):
        list_clips("ldc", touch(tmp_path / "ldc", "F02/F02_a.mov"), "strangers")


def test_the_real_people(people_root):
    records = list_clips("people", people_root, "strangers")
    clips = Counter((record.corpus, record.speaker) for record in records)
    assert clips == {
        ("crema-d", "1001"): 3,
        ("grid", "s10"): 1,
        ("grid", "s16"): 1,
        ("grid", "s25"): 1,
        ("grid", "s26"): 11,
        ("grid", "s30"): 4,
        ("grid", "s31"): 5,
        ("grid", "s33"): 3,
    }
    assert missing(records) == []


def test_a_real_crema_d_clip_is_converted_to_25_frames_a_second(people_root):
    record = list_clips("crema-d", people_root / "crema-d")[0]
    clip = prepare_clip(record, PrepareConfig())
    assert clip.frames == 56  # 67 frames of 29.97 a second
    assert clip.meta["notes"] == ""


# Roots that hold no such corpus


@pytest.mark.parametrize("corpus", sorted(CORPORA))
def test_a_missing_or_empty_root_says_what_was_looked_for_and_where(tmp_path, corpus):
    (tmp_path / "file").touch()
    for root in (tmp_path / "missing", tmp_path / "file", touch(tmp_path / "empty", "notes.txt")):
        with pytest.raises(LipkitError) as caught:
            list_clips(corpus, root)
        message = one_line(caught)
        assert message.startswith(str(root))
        assert f"looked for {CORPORA[corpus].looked_for}" in message.replace(
            "looked there", "looked"
        )


def test_a_root_of_another_corpus_is_called_by_its_name(tmp_path):
    roots = {
        "grid": touch(tmp_path / "g", "s1/bbaf2n.mpg"),
        "lrw": lrw_clip(tmp_path / "l", "ABOUT", "test", 1, None),
        "ldc": touch(tmp_path / "d", "video/F02/F02_a.mov"),
        "crema-d": touch(tmp_path / "c", "VideoFlash/1001_DFA_ANG_XX.flv"),
        "synthetic": synthetic(tmp_path / "s", "s1/bbaf2n"),
    }
    for asked in CORPORA:
        for given, root in roots.items():
            if asked == given:
                assert list_clips(asked, root)
                continue
            with pytest.raises(LipkitError, match=f"looks like the corpus '{given}'") as caught:
                list_clips(asked, root)
            assert str(root) in one_line(caught)


def test_videos_without_a_speaker_folder_are_counted_in_the_message(tmp_path):
    with pytest.raises(LipkitError, match="found 2 videos, none below a folder named s<number>"):
        list_clips("grid", touch(tmp_path, "bbaf2n.mpg", "clips/lgbazs.mpg"))


def test_an_unknown_corpus_suggests_the_nearest(tmp_path):
    with pytest.raises(UsageError, match="did you mean 'grid'"):
        list_clips("gird", tmp_path)


def test_listing_imports_nothing_heavy():
    heavy = {"torch", "cv2", "av", "librosa", "scipy", "requests"}
    code = f"import sys, lipkit.corpora; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
