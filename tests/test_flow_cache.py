"""The flow cache: what it keeps is what Farneback gives, and never of another clip."""

import os

import numpy as np
import pytest
from prepared_sets import noise_clip

from lipkit.errors import LipkitError
from lipkit.flow.cache import FlowCache, mean_size
from lipkit.flow.farneback import farneback


@pytest.fixture
def clip(tmp_path):
    """A file, and a function that gives its frames and counts how often it is asked."""
    path = tmp_path / "clip.safetensors"
    path.write_bytes(b"one")
    calls = []

    def frames() -> np.ndarray:
        calls.append(1)
        return noise_clip(6, len(path.read_bytes())).lips

    return path, frames, calls


def test_motion_is_the_mean_size_of_the_flow_and_is_kept(clip, tmp_path):
    path, frames, calls = clip
    cache = FlowCache(tmp_path / "cache")
    first = cache.motion(path, frames)
    again = FlowCache(tmp_path / "cache").motion(path, frames)
    assert len(calls) == 1
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, mean_size(farneback(frames())))
    assert first.shape == (5,)


def test_a_clip_that_changed_is_computed_again(clip, tmp_path):
    path, frames, calls = clip
    cache = FlowCache(tmp_path / "cache")
    first = cache.motion(path, frames)
    path.write_bytes(b"another")
    assert not np.array_equal(first, cache.motion(path, frames))
    state = path.stat()
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    cache.motion(path, frames)
    assert len(calls) == 3


def test_other_parameters_are_another_entry(clip, tmp_path, monkeypatch):
    path, frames, calls = clip
    cache = FlowCache(tmp_path / "cache")
    cache.motion(path, frames)
    monkeypatch.setitem(__import__("lipkit.flow.cache").flow.cache.PARAMETERS, "winsize", 9)
    cache.motion(path, frames)
    assert len(calls) == 2


def test_a_broken_entry_is_made_anew(clip, tmp_path):
    path, frames, calls = clip
    cache = FlowCache(tmp_path / "cache")
    first = cache.motion(path, frames)
    entry = next((tmp_path / "cache" / "motion").iterdir())
    entry.write_bytes(entry.read_bytes()[:20])
    np.testing.assert_array_equal(cache.motion(path, frames), first)
    assert len(calls) == 2
    assert [p.name for p in entry.parent.iterdir()] == [entry.name]


def test_a_missing_clip_and_a_folder_that_cannot_be_are_named(clip, tmp_path):
    path, frames, _ = clip
    with pytest.raises(LipkitError, match=r"gone\.safetensors"):
        FlowCache(tmp_path / "cache").motion(tmp_path / "gone.safetensors", frames)
    with pytest.raises(LipkitError, match="a file stands where a folder is needed"):
        FlowCache(path).motion(path, frames)
