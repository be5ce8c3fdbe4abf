"""Draws that are made when they are asked for: the same as those made at once, and as even."""

import tracemalloc

import numpy as np
import pytest
from prepared_sets import write_set

from lipkit.config import DataConfig
from lipkit.data import draws
from lipkit.data.columns import Coded, Texts
from lipkit.data.draws import EpochDraws, OtherSentences, Shuffled, Weighted, WindowWeights
from lipkit.data.prepared import PreparedSet
from lipkit.data.table import read_table
from lipkit.data.windows import Windows
from lipkit.training.batches import EpochBatches


def test_numbers_by_place_are_those_of_one_long_draw():
    whole = np.random.Generator(np.random.Philox(key=[5, 7])).random((2, 1003)).reshape(-1)
    some = EpochDraws(5, 7)
    for place in (0, 1, 4, 3, 2005, 17, 1003, 16, 17, 0):
        assert some[place] == whole[place]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64, 100, 1000, 65_537])
def test_a_large_sets_order_has_every_window_once(monkeypatch, count):
    monkeypatch.setattr(draws, "SHUFFLED_AS_A_WHOLE", 0)
    order = Shuffled(count, seed=3, epoch=1).part(0, count)
    assert sorted(order) == list(range(count))
    assert order == Shuffled(count, 3, 1).part(0, count)
    size = max(10, count // 300)
    parts = [Shuffled(count, 3, 1).part(first, size) for first in range(0, count, size)]
    assert [number for part in parts for number in part] == order
    if count > 7:
        assert order != Shuffled(count, 3, 2).part(0, count)
        assert order != Shuffled(count, 4, 1).part(0, count)


def test_a_large_sets_order_is_even(monkeypatch):
    monkeypatch.setattr(draws, "SHUFFLED_AS_A_WHOLE", 0)
    count, epochs = 40, 2000
    orders = np.array([Shuffled(count, 0, epoch).part(0, count) for epoch in range(epochs)])
    # Where each window comes, and which follows which: 40 x 40 cells of 50 each. Chi-square of
    # 1,521 degrees of freedom is below 1,800 but once in a million times.
    places = np.zeros((count, count))
    follows = np.zeros((count, count))
    for order in orders:
        places[order, np.arange(count)] += 1
        follows[order[:-1], order[1:]] += 1
    expected = epochs / count
    assert ((places - expected) ** 2 / expected).sum() < 1800
    off = ~np.eye(count, dtype=bool)
    expected = epochs * (count - 1) / off.sum()
    assert ((follows[off] - expected) ** 2 / expected).sum() < 1800


def test_small_sets_are_shuffled_as_they_always_were():
    expected = np.random.default_rng([3, 1]).permutation(500).tolist()
    assert Shuffled(500, 3, 1).part(0, 500) == expected
    first = next(iter(EpochBatches(500, 20, 3)))
    assert first == np.random.default_rng([3, 0]).permutation(500)[:20].tolist()


def test_an_epoch_of_any_size_begins_at_once():
    windows = 10**13
    tracemalloc.start()
    batches = EpochBatches(windows, 24, seed=0)
    batches.epoch, batches.skip = 7, windows // 50
    first = next(iter(batches))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(set(first)) == 24
    assert max(first) < windows
    assert peak < 200_000


def test_weighted_draws_are_those_of_numpys_choice():
    weights = np.random.default_rng(0).random(300) ** 4
    expected = np.random.default_rng([2, 5]).choice(300, 300, p=weights / weights.sum())
    order = Weighted(WindowWeights(np.arange(300) + 1, weights), seed=2, epoch=5)
    assert order.part(0, 300) == expected.tolist()
    assert order.part(120, 50) == expected[120:170].tolist()


def test_windows_of_a_clip_share_its_weight_evenly():
    weights = WindowWeights(np.array([3, 3, 10]), np.array([2.0, 5.0, 1.0]))
    drawn = np.concatenate([Weighted(weights, 0, epoch).part(0, 10) for epoch in range(3000)])
    found = np.bincount(drawn, minlength=10) / len(drawn)
    np.testing.assert_allclose(found, np.array([2] * 3 + [1] * 7) / 13, atol=0.01)


@pytest.mark.parametrize(
    "sentences", [["a", "", "b", "a", "c", "", "b"], ["a", "b", "b"], [""] * 3]
)
def test_other_sentences_are_those_of_sorting_all_windows(tmp_path, sentences):
    frames = [75, 15, 16, 40, 33, 50, 29][: len(sentences)]
    rows = read_table(write_set(tmp_path, frames, sentences) / "manifest.csv")
    counts = np.maximum(0, (rows.frames - 16) // 8 + 1)
    others = OtherSentences(rows, np.cumsum(counts))
    clip = np.repeat(np.arange(len(rows)), counts)
    names = [sentences[c] or f"clip {rows.ids[c]}" for c in clip]
    by_sentence = sorted(range(len(clip)), key=lambda window: names[window])
    for window, number in zip(range(len(clip)), np.linspace(0, 0.999, len(clip)), strict=True):
        run = [w for w in by_sentence if names[w] == names[window]]
        place = int(number * (len(clip) - len(run)))
        place += len(run) * (place >= by_sentence.index(run[0]))
        assert others.draw(clip[window], number) == by_sentence[place]


# Columns


def test_texts_come_back():
    texts = Texts()
    assert list(texts) == []
    rows = ["s1/größe", "", "声", "a b", "x" * 1000]
    texts.extend(rows[:2])
    texts.extend([])
    texts.extend(rows[2:])
    assert list(texts) == [texts[i] for i in range(5)] == rows
    assert texts[-1] == rows[-1]
    assert len(texts) == 5
    with pytest.raises(IndexError):
        texts[5]
    chosen = np.array([True, False, True, True, False])
    assert list(texts.take(chosen)) == ["s1/größe", "声", "a b"]
    assert list(texts.take(~chosen)) == ["", "x" * 1000]
    assert list(texts.take(np.zeros(5, bool))) == []


def test_coded_texts_come_back():
    coded = Coded()
    coded.extend(["b", "a"], np.array([0, 1, 0]))
    coded.extend(["c", "a"], np.array([1, 0]))
    assert coded.objects().tolist() == ["b", "a", "b", "a", "c"]
    assert coded.equal("a").tolist() == [False, True, False, True, False]
    assert not coded.equal("z").any()
    taken = coded.take(coded.equal("a"))
    assert taken.objects().tolist() == ["a", "a"]
    assert taken.used() == ["a"]
    assert coded.used() == ["a", "b", "c"]


def held_bytes(windows: Windows) -> int:
    """Bytes of all arrays that windows keep, those of their parts included."""
    parts = [windows.__dict__, windows._others.__dict__, windows.clip_ids.__dict__]
    values = [value for part in parts for value in part.values()]
    values += [value for value in values if isinstance(value, list) for value in value]
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))


def test_windows_keep_nothing_per_window(tmp_path):
    """What they keep grows with the clips alone."""
    folder = write_set(tmp_path, [20, 2000])
    manifest = PreparedSet.open(folder)
    few = Windows(manifest, config=DataConfig(stride=200))
    many = Windows(manifest, config=DataConfig(stride=1))
    assert len(many) > 100 * len(few)
    for windows in (few, many):
        windows.batch([0, len(windows) - 1])
    assert held_bytes(few) == held_bytes(many) < 1000


def test_a_manifest_is_read_into_few_bytes_per_row(tmp_path):
    head = "clip_id,speaker,corpus,split,sentence,frames,file,status,reason,notes\n"
    rows, word = 100_000, "WORD{0:03d}/WORD{0:03d}_{1:05d}"
    with open(tmp_path / "manifest.csv", "w") as file:
        file.write(head)
        for row in range(rows):
            clip_id = word.format(row // 1000, row % 1000)
            file.write(
                f"{clip_id},unknown,lrw,train,{row // 1000},29,clips/{clip_id}.safetensors,ok,,\n"
            )
    read_table(tmp_path / "manifest.csv").take(np.ones(rows, bool))
    tracemalloc.start()
    table = read_table(tmp_path / "manifest.csv")
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(table) == rows
    assert size / rows < 100
