"""Splits: what each protocol promises, when it refuses, and that leaks are seen."""

import dataclasses
import itertools
from collections import Counter
from pathlib import Path

import pytest

from lipkit.corpora import CORPORA, ClipRecord, check_leakage, list_clips
from lipkit.corpora.record import UNKNOWN_SPEAKER
from lipkit.corpora.splits import PROTOCOLS, assign
from lipkit.errors import LipkitError, UsageError


def corpus(*speakers: str, clips: int = 20, shared: bool = False) -> list[ClipRecord]:
    """``clips`` of each speaker: the same sentences for all, or each speaker its own."""
    return [
        clip(speaker, f"t{i:03}" if shared else f"{speaker}t{i:03}")
        for speaker in speakers
        for i in range(clips)
    ]


def clip(speaker: str, name: str, split: str | None = None, sentence: str | None = None):
    return ClipRecord(
        clip_id=f"{speaker}/{name}",
        speaker=speaker,
        corpus="grid",
        video=Path(f"{speaker}/{name}.mpg"),
        sentence=sentence or name,
        split=split,
    )


def speakers_of(records, *splits):
    return {r.speaker for r in records if r.split in splits}


def sentences_of(records, *splits):
    return {r.sentence for r in records if r.split in splits}


def sizes(records):
    return Counter(r.split for r in records)


GRID = [f"s{i}" for i in range(1, 35) if i != 21]


# paper


def test_paper_on_grid_tests_s33_and_validates_a_tenth_of_the_others_clips():
    records = assign(corpus(*GRID), CORPORA["grid"], "paper")
    assert speakers_of(records, "test") == {"s33"}
    assert sizes(records) == {"test": 20, "val": 64, "train": 576}
    assert len(speakers_of(records, "val")) > 20


def test_paper_on_ldc_tests_f02_and_m01():
    records = assign(corpus("F01", "F02", "M01", "M02", shared=True), CORPORA["ldc"], "paper")
    assert speakers_of(records, "test") == {"F02", "M01"}
    assert speakers_of(records, "train", "val") == {"F01", "M02"}


def test_paper_on_lrw_merges_the_official_val_into_train():
    official = ["train", "val", "test", "train"]
    records = [clip(UNKNOWN_SPEAKER, f"ABOUT_{i}", s, "about") for i, s in enumerate(official)]
    split = [r.split for r in assign(records, CORPORA["lrw"], "paper")]
    assert split == ["train", "train", "test", "train"]


def test_paper_on_the_synthetic_corpus_tests_the_last_speaker():
    assert speakers_of(
        assign(corpus("s2", "s9", "s10"), CORPORA["synthetic"], "paper"), "test"
    ) == {"s10"}


def test_paper_keeps_repetitions_of_a_sentence_together():
    records = [
        clip("F01", f"{sentence}_{take}", sentence=sentence)
        for sentence in map(str, range(30))
        for take in (1, 2)
    ]
    records += corpus("F02", "M01", clips=1)
    assigned = assign(records, CORPORA["ldc"], "paper")
    assert not sentences_of(assigned, "train") & sentences_of(assigned, "val")


def test_paper_without_its_test_speaker_says_which_is_missing():
    with pytest.raises(LipkitError, match="test speaker s33 is missing among s1, s2") as caught:
        assign(corpus("s1", "s2"), CORPORA["grid"], "paper")
    assert "\n" not in str(caught.value)
    with pytest.raises(LipkitError, match="test speaker M01 is missing"):
        assign(corpus("F01", "F02"), CORPORA["ldc"], "paper")


def test_paper_with_the_test_speaker_alone_refuses():
    with pytest.raises(LipkitError, match="any speaker to train on is missing"):
        assign(corpus("s33"), CORPORA["grid"], "paper")
    with pytest.raises(LipkitError, match="any speaker to train on is missing"):
        assign(corpus("s1"), CORPORA["synthetic"], "paper")
    with pytest.raises(LipkitError, match="one clip cannot be divided"):
        assign(corpus("s1", clips=1) + corpus("s33"), CORPORA["grid"], "paper")


# seen


@pytest.mark.parametrize("shared", [True, False])
def test_seen_is_disjoint_in_sentences_and_tests_speakers_it_trains_on(shared):
    records = assign(corpus("s1", "s2", "s3", clips=100, shared=shared), CORPORA["grid"], "seen")
    for one, other in itertools.combinations(("train", "val", "test"), 2):
        assert not sentences_of(records, one) & sentences_of(records, other)
    assert speakers_of(records, "test", "val") <= speakers_of(records, "train")
    assert sizes(records) == {"train": 255, "val": 15, "test": 30}


def test_seen_keeps_a_speaker_of_one_clip_in_train():
    for seed in range(20):
        records = assign(corpus("s1") + corpus("s2", clips=1), CORPORA["grid"], "seen", seed=seed)
        assert speakers_of(records, "train") == {"s1", "s2"}


@pytest.mark.parametrize("speakers", [("s1",), ("s1", "s2")])
def test_seen_works_down_to_three_sentences_of_one_speaker(speakers):
    records = assign(corpus(*speakers, clips=3, shared=True), CORPORA["synthetic"], "seen")
    assert set(sizes(records)) == {"train", "val", "test"}
    with pytest.raises(LipkitError, match="2 different sentences by 1 training speakers are too"):
        assign(corpus("s1", clips=2), CORPORA["synthetic"], "seen")


# unseen


@pytest.mark.parametrize("shared", [True, False])
def test_unseen_tests_neither_speakers_nor_sentences_that_are_trained_on(shared):
    records = assign(corpus(*GRID[:20], clips=40, shared=shared), CORPORA["grid"], "unseen")
    assert len(speakers_of(records, "test")) == 2
    assert not speakers_of(records, "test") & speakers_of(records, "train", "val")
    assert not sentences_of(records, "test") & sentences_of(records, "train", "val")
    assert not sentences_of(records, "train") & sentences_of(records, "val")
    if shared:
        assert sizes(records)[None] > 0
    else:
        assert sizes(records)[None] == 0


def test_unseen_gives_a_third_of_the_shared_sentences_to_test():
    records = assign(corpus("s1", "s2", clips=30, shared=True), CORPORA["grid"], "unseen")
    assert sizes(records) == {"test": 10, "train": 19, "val": 1, None: 30}


def test_unseen_needs_two_speakers():
    with pytest.raises(LipkitError, match="needs 2 speakers, there is s1"):
        assign(corpus("s1"), CORPORA["grid"], "unseen")
    assert set(sizes(assign(corpus("s1", "s2"), CORPORA["grid"], "unseen"))) == {
        "train",
        "val",
        "test",
    }


@pytest.mark.parametrize("protocol", ["seen", "unseen"])
def test_a_corpus_without_speakers_is_refused(protocol):
    records = [clip(UNKNOWN_SPEAKER, f"ABOUT_{i}", "train") for i in range(9)]
    with pytest.raises(LipkitError, match="does not say who speaks"):
        assign(records, CORPORA["lrw"], protocol)


# All


@pytest.mark.parametrize("protocol", ["paper", "seen", "unseen"])
def test_the_seed_decides_and_the_order_of_the_clips_does_not(protocol):
    records = corpus("s1", "s2", "s33", clips=50)

    def split(records, seed):
        return {r.clip_id: r.split for r in assign(records, CORPORA["grid"], protocol, seed=seed)}

    assert split(records, 0) == split(records[::-1], 0)
    assert split(records, 0) != split(records, 1)


def test_the_same_sentences_are_held_out_on_every_machine():
    records = assign(corpus("s1", clips=30), CORPORA["grid"], "seen")
    assert sorted(sentences_of(records, "test")) == ["s1t004", "s1t018", "s1t025"]


def test_unknown_protocol_and_stray_lists(tmp_path):
    with pytest.raises(UsageError, match="did you mean 'unseen'"):
        assign(corpus("s1"), CORPORA["grid"], "unsen")
    with pytest.raises(UsageError, match="lists are for the protocol 'file'"):
        assign(corpus("s1"), CORPORA["grid"], "seen", lists=tmp_path)
    assert PROTOCOLS == ("paper", "seen", "unseen", "file", "overfit", "strangers")


# file


def write_lists(folder: Path, **lists: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in lists.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


def test_file_names_splits_by_the_lists_and_leaves_the_rest_out(tmp_path):
    lists = write_lists(
        tmp_path / "lists",
        mine_train="s1/s1t000\n# held back below\n\n s1/s1t001 \r\n",
        mine_test="s1/s1t002\n",
    )
    records = assign(corpus("s1", clips=4), CORPORA["grid"], "file", lists)
    assert [r.split for r in records] == ["mine_train", "mine_train", "mine_test", None]


def test_file_takes_a_mapping_of_files_or_ids(tmp_path):
    path = write_lists(tmp_path, x="s1/s1t000\n") / "x.txt"
    lists = {"train": path, "test": ["s1/s1t002"]}
    records = assign(corpus("s1", clips=3), CORPORA["grid"], "file", lists)
    assert [r.split for r in records] == ["train", None, "test"]


@pytest.mark.parametrize(
    ("lists", "fault"),
    [
        ({"a": "s1/s1t00\n"}, r"a.txt: 's1/s1t00' is not a clip of the corpus; did you mean 's1/"),
        ({"a": "bbaf2n\n"}, "ids have the form speaker/clip"),
        ({"a": "s1/s1t000\ns1/s1t000\n"}, "'s1/s1t000' is listed twice"),
        ({"a": "s1/s1t000\n", "b": "s1/s1t000\n"}, r"b.txt: 's1/s1t000' is listed also in .*a.txt"),
        ({"a": "\n"}, "name no clip"),
        ({}, "found none"),
    ],
)
def test_file_faults_are_one_line(tmp_path, lists, fault):
    with pytest.raises(LipkitError, match=fault) as caught:
        assign(
            corpus("s1", clips=4), CORPORA["grid"], "file", write_lists(tmp_path / "lists", **lists)
        )
    assert "\n" not in str(caught.value)


def test_file_needs_lists_and_lists_that_can_be_read(tmp_path):
    with pytest.raises(UsageError, match="needs lists"):
        assign(corpus("s1"), CORPORA["grid"], "file")
    with pytest.raises(LipkitError, match=r"none\.txt: cannot be read"):
        assign(corpus("s1"), CORPORA["grid"], "file", {"train": tmp_path / "none.txt"})


def test_list_clips_finds_the_lists_below_the_root(tmp_path):
    for name in ("bbaf2n", "lgbazs"):
        (tmp_path / "s1").mkdir(exist_ok=True)
        (tmp_path / "s1" / f"{name}.mpg").touch()
    write_lists(tmp_path / "splits", s1_train="s1/bbaf2n\n", s1_test="s1/lgbazs\n")
    assert [r.split for r in list_clips("grid", tmp_path, "file")] == ["s1_train", "s1_test"]
    assert [r.split for r in list_clips("grid", tmp_path)] == [None, None]
    with pytest.raises(UsageError, match="name it"):
        list_clips("grid", tmp_path, lists=tmp_path / "splits")


def test_the_lists_of_the_real_clips(grid_root):
    assert sizes(list_clips("grid", grid_root, "file", grid_root / "splits")) == {
        "s1_train": 765,
        "s1_val": 45,
        "s1_test": 90,
        "unseen_speaker_test": 11,
        "other_speakers_train": 7,
    }


def test_the_real_clips_under_the_other_protocols(grid_root):
    seen = list_clips("grid", grid_root, "seen")
    assert not sentences_of(seen, "train") & sentences_of(seen, "test", "val")
    unseen = list_clips("grid", grid_root, "unseen")
    assert not speakers_of(unseen, "test") & speakers_of(unseen, "train", "val")
    with pytest.raises(LipkitError, match="s33 is missing"):
        list_clips("grid", grid_root, "paper")


# Leakage


def test_the_same_speaker_and_sentence_in_two_splits_is_a_leak():
    records = [clip("s1", "a", "train", "x"), clip("s1", "b", "test", "x"), clip("s1", "c", "val")]
    for protocol in PROTOCOLS:
        with pytest.raises(LipkitError, match=r"speaker and sentence s1 x is in test and train"):
            check_leakage(records, protocol)


def test_a_clip_that_stands_twice_is_a_leak():
    with pytest.raises(LipkitError, match="clip s1/a is in train and train"):
        check_leakage([clip("s1", "a", "train"), clip("s1", "a", "train")], "file")


def test_another_speaker_with_the_same_sentence_leaks_under_seen_and_unseen_only():
    records = [clip("s1", "a", "train", "x"), clip("s2", "b", "test", "x")]
    check_leakage(records, "paper")
    check_leakage(records, "file")
    for protocol in ("seen", "unseen"):
        with pytest.raises(LipkitError, match="sentence x is in test and train"):
            check_leakage(records, protocol)


def test_a_test_speaker_in_train_leaks_under_unseen_and_paper():
    records = [clip("s1", "a", "train"), clip("s1", "b", "test")]
    check_leakage(records, "seen")
    for protocol in ("unseen", "paper"):
        with pytest.raises(LipkitError, match="test speaker s1 is also in train"):
            check_leakage(records, protocol)


def test_seen_refuses_to_test_a_speaker_it_did_not_train_on():
    with pytest.raises(LipkitError, match="speaker s2 is tested but not in train"):
        check_leakage([clip("s1", "a", "train"), clip("s2", "b", "test")], "seen")


def test_clips_left_out_leak_nothing_and_unknown_speakers_are_not_compared():
    check_leakage([clip("s1", "a", "train", "x"), clip("s1", "b", None, "x")], "seen")
    about = [clip(UNKNOWN_SPEAKER, f"ABOUT_{s}", s, "about") for s in ("train", "test")]
    check_leakage(about, "paper")


def test_lists_that_leak_are_refused(tmp_path):
    records = [clip("s1", "take1", sentence="x"), clip("s1", "take2", sentence="x")]
    lists = {"train": ["s1/take1"], "test": ["s1/take2"]}
    with pytest.raises(LipkitError, match="leaks"):
        assign(records, CORPORA["grid"], "file", lists)


@pytest.mark.parametrize("protocol", ["paper", "seen", "unseen"])
def test_every_protocol_survives_its_own_check_for_many_seeds(protocol):
    for seed in range(10):
        for shared in (True, False):
            records = corpus("s1", "s2", "s33", clips=7, shared=shared)
            assigned = assign(records, CORPORA["grid"], protocol, seed=seed)
            moved = _move_one(assigned)
            with pytest.raises(LipkitError):
                check_leakage(moved, protocol)


def _move_one(records):
    """The records with a trained utterance repeated in test."""
    trained = next(r for r in records if r.split == "train")
    repeat = dataclasses.replace(trained, clip_id=trained.clip_id + "_again", split="test")
    return [*records, repeat]


# overfit


def test_overfit_trains_on_every_clip_even_where_there_is_one():
    for records in (corpus("s1", clips=1), corpus("s1", "s2", clips=3, shared=True)):
        assert sizes(assign(records, CORPORA["grid"], "overfit")) == {"train": len(records)}


@pytest.mark.parametrize("protocol", ["seen", "paper"])
def test_too_few_clips_are_told_of_overfit(protocol):
    records = corpus("s1", clips=1) + (corpus("s33", clips=1) if protocol == "paper" else [])
    with pytest.raises(LipkitError, match=r"or (take the protocol )?overfit, which trains on all"):
        assign(records, CORPORA["grid"], protocol)
