"""The clip browser without a browser: what the controls say is what is shown."""

import html
import re

import numpy as np
import pytest
from prepared_sets import numbered_clip, write_description

from lipkit.corpora.record import ClipRecord
from lipkit.data.clips import PreparedClip, read_clip, write_clip
from lipkit.data.manifest import MANIFEST, Outcome, clip_file, write_manifest
from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError, UsageError
from lipkit.face.lips import lip_points
from lipkit.face.mouth import mouth_opening
from lipkit.media import write_audio, write_video
from lipkit.widgets import ClipBrowser, clip_browser, draw_clip
from lipkit.widgets.clip_browser import SPAN, describe_clip, sound_of

CLIPS = {"s1/a": 20, "s1/b": 16, "s2/c": 130}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> PreparedSet:
    folder = tmp_path_factory.mktemp("set")
    rows = []
    for number, (name, frames) in enumerate(CLIPS.items()):
        split = "train" if number else ""
        record = ClipRecord(name, name[:2], "grid", folder / f"{number}.mp4", split=split)
        clip = numbered_clip(frames, number)
        clip.meta["source"] = str(record.video)
        write_clip(folder / clip_file(record), clip)
        rows.append((record, Outcome(frames=frames)))
    write_manifest(folder / MANIFEST, rows)
    write_description(folder)
    sound = np.random.default_rng(0).normal(0, 0.1, 18 * 1764).astype(np.float32)
    write_video(folder / "0.mp4", np.zeros((18, 16, 16, 3), np.uint8), sound)
    return PreparedSet.open(folder)


@pytest.fixture(scope="module")
def clip(prepared) -> PreparedClip:
    return read_clip(prepared.folder / "clips/s2/c.safetensors")


def _alt(browser: ClipBrowser) -> str:
    return html.unescape(re.search(r'alt="([^"]*)"', browser.picture.value).group(1))


@pytest.mark.parametrize(("frame", "first"), [(0, 0), (70, 20), (129, 30)])
def test_the_callback_draws_the_frame_and_marks_its_time(clip, frame, first) -> None:
    lips, sound, mouth = draw_clip(clip, frame).axes
    assert np.array_equal(lips.images[0].get_array(), clip.lips[frame])
    drawn = np.concatenate([line.get_xydata() for line in lips.lines])
    points = lip_points(clip.landmarks[[frame]], clip.box[[frame]])[0]
    assert {tuple(p) for p in drawn[np.isfinite(drawn[:, 0])]} == {tuple(p) for p in points}
    for ax in (sound, mouth):
        (mark,) = ax.patches
        assert (mark.get_x(), mark.get_width()) == pytest.approx((frame / 25, 1 / 25))
    assert sound.images[0].get_extent()[:2] == pytest.approx((first / 25, (first + SPAN) / 25))
    assert sound.images[0].get_array().shape == (128, 4 * SPAN)
    curve, dot = mouth.lines
    opening = mouth_opening(clip.landmarks)
    assert np.allclose(curve.get_ydata(), opening[first : first + SPAN])
    assert dot.get_xydata() == pytest.approx(np.array([[(frame + 0.5) / 25, opening[frame]]]))


@pytest.mark.parametrize("frame", [-1, 130])
def test_a_frame_that_is_not_there_is_refused(clip, frame) -> None:
    for call in (draw_clip, describe_clip):
        with pytest.raises(UsageError, match="frames 0 to 129"):
            call(clip, frame)


def test_each_control_changes_the_picture(prepared) -> None:
    browser = ClipBrowser(prepared, frame=18)
    assert _alt(browser).startswith("Frame 18 of 20, 0.72 to 0.76 s")
    before = browser.picture.value
    browser.frame.value = 3
    assert _alt(browser).startswith("Frame 3 of 20")
    assert browser.picture.value != before
    browser.frame.value = 19
    browser.clip.value = "s1/b"
    assert _alt(browser).startswith("Frame 15 of 16")
    assert browser.message.value == "s1/b: 16 frames, split train"
    browser.speaker.value = "s2"
    assert browser.clip.options == ("s2/c",)
    assert browser.frame.max == 129
    assert _alt(browser) == describe_clip(read_clip(prepared.folder / "clips/s2/c.safetensors"), 15)


def test_it_opens_at_the_clip_that_is_asked_for(prepared) -> None:
    browser = ClipBrowser(prepared, "s2/c", 100)
    assert (browser.speaker.value, browser.clip.value, browser.frame.value) == ("s2", "s2/c", 100)
    assert browser.speaker.options == ("s1", "s2")
    assert browser.frame.continuous_update is False
    with pytest.raises(UsageError, match="did you mean 's1/a'"):
        ClipBrowser(prepared, "s1/aa")
    with pytest.raises(UsageError, match="frames 0 to 15"):
        ClipBrowser(prepared, "s1/b", 16)


def test_the_sound_is_that_of_the_source_as_long_as_the_clip(prepared, tmp_path) -> None:
    first = read_clip(prepared.folder / "clips/s1/a.safetensors")
    samples = sound_of(first)
    assert samples.shape == (20 * 1764,)
    assert np.abs(samples[: 17 * 1764]).max() > 0.1
    assert not samples[19 * 1764 :].any()
    other = np.random.default_rng(1).normal(0, 0.1, 30 * 1764).astype(np.float32)
    write_audio(tmp_path / "moved.wav", other)
    record = ClipRecord("s1/a", "s1", "grid", tmp_path / "x.mp4", tmp_path / "moved.wav")
    assert np.allclose(sound_of(first, record), other[: 20 * 1764], atol=1e-4)
    with pytest.raises(LipkitError, match=r"1\.mp4"):
        sound_of(read_clip(prepared.folder / "clips/s1/b.safetensors"))


def test_the_button_plays_the_clip_and_says_when_it_is_silent(prepared, monkeypatch) -> None:
    played = []
    monkeypatch.setattr(clip_browser, "player", lambda *args, **_: played.append(args) or "<video>")
    browser = ClipBrowser(prepared)
    assert browser.stage.value == ""
    browser.play.click()
    frames, samples, alt = played[-1]
    assert np.array_equal(frames[:, 0, 0, 0], np.arange(20))
    assert samples.any()
    assert alt == "The lips of s1/a"
    assert browser.stage.value == "<video>"
    browser.clip.value = "s1/b"
    assert browser.stage.value == ""
    browser.play.click()
    assert not played[-1][1].any()
    assert browser.message.value.startswith("silent: ")
    assert "1.mp4" in browser.message.value
