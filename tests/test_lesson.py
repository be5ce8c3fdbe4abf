"""What notebooks lean on: strict options, a corpus to open, films that show the truth."""

import os
import re
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from prepared_sets import noise_clip, write_set

from lipkit import provenance
from lipkit.config import SAMPLES_PER_FRAME
from lipkit.corpora.record import ClipRecord, Word
from lipkit.course import lesson
from lipkit.data import prepare as preparing
from lipkit.data.manifest import clip_file
from lipkit.data.sources import settings_text, source_bytes
from lipkit.errors import LipkitError, UsageError
from lipkit.provenance import PACKAGE
from lipkit.talker.corpus import plan

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    """A copy of the package."""
    folder = tmp_path_factory.mktemp("kit") / "lipkit"
    return shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("shipped", "*.pyc"))


def digests(package: Path) -> tuple[str, str]:
    """What marks the notebooks' prepared sets and their synthetic corpus."""
    for kept in vars(provenance).values():
        getattr(kept, "cache_clear", lambda: None)()
    return lesson.preparing_code(package), lesson.drawing_code(package)


@pytest.fixture(scope="module")
def before(package) -> tuple[str, str]:
    """The marks of the package as it is."""
    return digests(package)


@pytest.mark.parametrize(
    ("module", "old", "new", "changed"),
    [
        ("config/constants.py", "MEL_FMAX = 16_000", "MEL_FMAX = 8_000", (True, True)),
        ("data/manifest.py", "deviation > 1e-3", "deviation > 1e-2", (True, False)),
        ("face/landmark_model.py", "MODEL_NAME = ", "MODEL_NAME = 'x' + ", (True, False)),
        ("face/lips.py", "    time (", "    time: (", (False, False)),
        ("media/writing.py", "def write_video(", "OTHER = 1\n\n\ndef write_video(", (False, True)),
        ("corpora/grid.py", "frames=75", "frames=74", (True, False)),
        ("talker/visemes.py", "LEAD", "LEAD_OF", (False, True)),
    ],
)
def test_a_cached_set_is_of_the_code_that_would_make_it(package, before, module, old, new, changed):
    path = package / module
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    now = digests(package)
    path.write_text(text, encoding="utf-8")
    assert tuple(a != b for a, b in zip(before, now, strict=True)) == changed


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"corpus": "gird"}, "did you mean 'grid'"),
        ({"corpus": "grid"}, "needs data_root"),
        ({"preset": "tyni"}, "did you mean 'tiny'"),
        ({"clips": 1}, "at least 2"),
        ({"seed": "some"}, "a whole number"),
    ],
)
def test_options_refuse_what_they_do_not_know(given, message):
    with pytest.raises(UsageError, match=message):
        lesson.LessonConfig(**given)


def test_options_convert_text_and_give_the_stages():
    options = lesson.LessonConfig(preset="paper", seed="3")
    assert options.seed == 3
    assert options.stages.name == "paper"


def test_open_corpus_names_the_folder_that_is_not_there(tmp_path):
    options = lesson.LessonConfig(corpus="grid", data_root=str(tmp_path / "nowhere"))
    with pytest.raises(LipkitError, match="nowhere: no such folder"):
        lesson.open_corpus(options)


def test_open_corpus_gives_only_the_clips_asked_for_of_a_corpus_that_has_grown(
    tmp_path, monkeypatch
):
    asked = []
    grown = [_record(f"s{job.speaker + 1}/{job.name}") for job in plan(tmp_path, 3, 9, seed=0)]
    monkeypatch.setattr(lesson, "synthetic_corpus", lambda seed, clips: asked.append(clips))
    monkeypatch.setattr("lipkit.corpora.list_clips", lambda corpus, root: grown)
    few = lesson.open_corpus(lesson.LessonConfig(clips=12))
    more = lesson.open_corpus(lesson.LessonConfig(clips=20))
    assert asked == [4, 7]
    assert (len(few), len(more)) == (12, 21)
    assert {record.clip_id for record in few} < {record.clip_id for record in more}


def test_notebooks_at_a_time_make_the_corpus_one_after_the_other(tmp_path, monkeypatch):
    busy, together = threading.Lock(), threading.Barrier(3, timeout=30)

    def write_corpus(out, **_):
        assert busy.acquire(blocking=False), "two at a time"
        time.sleep(0.05)
        busy.release()
        return out

    def ask(_):
        together.wait()
        return lesson.synthetic_corpus(seed=1)

    monkeypatch.setattr("lipkit.talker.write_corpus", write_corpus, raising=False)
    monkeypatch.setenv(lesson.CACHE_VARIABLE, str(tmp_path / "new"))
    with ThreadPoolExecutor(3) as executor:
        made = set(executor.map(ask, range(3)))
    assert [path.parent for path in made] == [tmp_path / "new"]


def test_a_cache_that_cannot_be_made_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv(lesson.CACHE_VARIABLE, str(tmp_path / "file" / "cache"))
    with pytest.raises(LipkitError, match=r"cannot be made .*; set LIPKIT_CACHE"):
        lesson.synthetic_corpus()


def test_open_corpus_lists_real_clips(grid_root):
    options = lesson.LessonConfig(corpus="grid", data_root=str(grid_root))
    assert "s1/bbaf2n" in {record.clip_id for record in lesson.open_corpus(options)}


def _record(name: str, words: tuple[Word, ...] = (), note: str = "") -> ClipRecord:
    return ClipRecord(name, "s1", "grid", Path(f"{name}.mp4"), words=words, note=note)


def test_clips_are_prepared_once_and_anew_for_other_recordings(tmp_path, monkeypatch):
    prepared = []

    def prepare(records, folder, config, corpus, workers, progress):
        if not folder.exists():
            prepared.append([record.clip_id for record in records])
            write_set(folder, [16] * len(records))

    records = []
    for name in "abcdef":
        path = tmp_path / f"{name}.mp4"
        path.write_bytes(b"film")
        records.append(ClipRecord(name, "s1", "synthetic", path))
    monkeypatch.setenv(lesson.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(lesson, "open_corpus", lambda options: records)
    monkeypatch.setattr("lipkit.data.prepare.prepare", prepare)
    few = lesson.LessonConfig(clips=3)
    first = lesson.prepared_set(few)
    assert lesson.prepared_set(few).folder == first.folder
    assert prepared == [["a", "c", "e"]]
    assert len(lesson.prepared_set(lesson.LessonConfig(clips=6)).clips()) == 6
    lesson.prepared_set(lesson.LessonConfig(clips=3, preset="released"))  # another crop
    os.utime(records[0].video, (0, 0))
    assert lesson.prepared_set(few).folder != first.folder
    assert len(prepared) == 4
    given = lesson.LessonConfig(prepared=str(first.folder))
    assert lesson.prepared_set(given).folder == first.folder


def test_sets_that_share_clips_prepare_them_once(tmp_path, monkeypatch):
    monkeypatch.setenv(lesson.CACHE_VARIABLE, str(tmp_path / "cache"))
    records = []
    for name in "abc":
        path = tmp_path / f"{name}.mp4"
        path.write_bytes(b"film")
        records.append(ClipRecord(f"s1/{name}", "s1", "synthetic", path))
    monkeypatch.setattr(lesson, "open_corpus", lambda options: records[: options.clips])
    prepared = []

    def prepare_clip(record, config, limits):
        prepared.append(record.clip_id[-1])
        clip = noise_clip(16, seed=len(prepared))
        known = {"settings": settings_text(config), "source_bytes": source_bytes(record)}
        clip.meta.update(known, notes="", logmel_sum="0", logmel_squares="0")
        return clip

    monkeypatch.setattr(preparing, "prepare_clip", prepare_clip)
    monkeypatch.setattr(preparing, "_landmarks", mock.Mock)
    two = lesson.prepared_set(lesson.LessonConfig(clips=2))
    three = lesson.prepared_set(lesson.LessonConfig(clips=3), held_out=1)
    assert prepared == ["a", "b", "c"]
    assert two.splits != three.splits == ["train", "val"]
    for record in records[:2]:
        ours, theirs = (s.folder / clip_file(record) for s in (two, three))
        assert ours.read_bytes() == theirs.read_bytes()
    os.utime(records[0].video, (0, 0))  # filmed anew
    lesson.prepared_set(lesson.LessonConfig(clips=2))
    lesson.prepared_set(lesson.LessonConfig(clips=2, preset="released"))  # another crop
    monkeypatch.setattr(lesson, "preparing_code", lambda: "edited")
    lesson.prepared_set(lesson.LessonConfig(clips=2))
    assert prepared[3:] == ["a", "a", "b", "a", "b"]


def test_clips_are_spread_over_the_whole_corpus(tmp_path, monkeypatch):
    chosen = []

    def prepare(records, folder, config, corpus, workers, progress):
        chosen.append([int(record.clip_id) for record in records])
        write_set(folder, [16] * len(records))

    path = tmp_path / "x.mp4"
    path.write_bytes(b"film")
    records = [ClipRecord(f"{i:02d}", "s1", "synthetic", path) for i in range(12)]
    monkeypatch.setenv(lesson.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(lesson, "open_corpus", lambda options: records)
    monkeypatch.setattr("lipkit.data.prepare.prepare", prepare)
    for clips in (4, 7, 12, 30):
        lesson.prepared_set(lesson.LessonConfig(clips=clips))
    assert chosen == [[0, 3, 6, 9], [0, 1, 3, 5, 6, 8, 10], list(range(12)), list(range(12))]


def test_the_last_clips_of_each_speaker_are_held_out(tmp_path, monkeypatch):
    splits = {}

    def prepare(records, folder, config, corpus, workers, progress):
        splits[folder] = {record.clip_id: record.split for record in records}
        write_set(folder, [16] * len(records))

    records = []
    for name in ("s1/a", "s1/b", "s1/c", "s2/a", "s2/b", "s3/a"):
        path = tmp_path / f"{name.replace('/', '_')}.mp4"
        path.write_bytes(b"film")
        records.append(ClipRecord(name, name[:2], "synthetic", path))
    monkeypatch.setenv(lesson.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(lesson, "open_corpus", lambda options: records)
    monkeypatch.setattr("lipkit.data.prepare.prepare", prepare)
    options = lesson.LessonConfig(clips=6)
    lesson.prepared_set(options, held_out=1)
    lesson.prepared_set(options, held_out=2)
    one, two = ([c for c, split in found.items() if split == "val"] for found in splits.values())
    assert one == ["s1/c", "s2/b"]  # nobody's only clip
    assert two == ["s1/b", "s1/c", "s2/b"]
    assert all(split in ("train", "val") for found in splits.values() for split in found.values())


def test_choose_prefers_a_clip_with_words_and_without_a_fault():
    said = (Word("bin", 0.0, 0.2),)
    records = [_record("s1/a"), _record("s1/b", said, "bad times"), _record("s1/c", said)]
    assert lesson.choose(records).clip_id == "s1/c"
    assert lesson.choose(records, "s1/a").clip_id == "s1/a"
    assert lesson.choose(records[:1]).clip_id == "s1/a"
    with pytest.raises(UsageError, match="did you mean 's1/b'"):
        lesson.choose(records, "s1/bb")


def test_click_clip_has_light_and_sound_in_the_same_frame():
    frames, samples = lesson.click_clip([0.2, 0.99], seconds=1.2)
    assert len(samples) == len(frames) * SAMPLES_PER_FRAME
    loud = np.abs(samples).reshape(len(frames), -1).max(1) > 0
    assert list(np.flatnonzero(loud)) == list(np.flatnonzero(frames[:, 0, 0, 0] == 255)) == [5, 24]


def test_video_is_small_plays_in_browsers_and_has_words():
    rng = np.random.default_rng(0)
    frames = np.repeat(rng.integers(60, 120, (5, 144, 180, 3), np.uint8), 15, axis=0)
    samples = rng.normal(0, 0.1, 75 * SAMPLES_PER_FRAME).astype(np.float32)
    page = lesson.video(frames, samples, alt='says "bin"').data
    assert 'aria-label="says &quot;bin&quot;"' in page
    assert 'type="video/mp4"' in page
    assert 'width="360" height="352"' in page, "288 of the picture, and room for the controls"
    assert len(page) < 150_000


def test_shrink_averages_blocks():
    frames = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    small = lesson.shrink(frames, 2)
    assert small.shape == (2, 2, 2, 3)
    assert small[0, 0, 0, 0] == round(frames[0, :2, :2, 0].mean())


def test_versions_are_one_line_without_paths():
    line = lesson.versions()
    assert re.match(r"lipkit \S+ · Python \S+ · ", line)
    assert "\n" not in line
    assert "/" not in line
