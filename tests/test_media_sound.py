"""The voice is heard at its level, in whichever channel or track of a recording it is."""

import wave
from fractions import Fraction

import av
import numpy as np
import pytest
from media_files import write_events

from lipkit.config import SAMPLE_RATE
from lipkit.errors import LipkitError, UsageError
from lipkit.generation import read_speech
from lipkit.media import iter_audio, listen, probe, read_audio, read_clip
from lipkit.media.mixing import mixing_weights

RATE = 44100
LAYOUTS = {"mono": 1, "stereo": 2, "3.0": 3, "quad": 4, "5.1": 6}


def voice(seconds=2.0, seed=0):
    """Noise that comes and goes like speech, peak about 0.6, float32 [N]."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    loud = 0.5 + 0.5 * np.sin(2 * np.pi * 3 * t)
    return (0.6 * loud * np.sin(2 * np.pi * (180 + 60 * rng.random()) * t)).astype(np.float32)


def write_tracks(path, *tracks, layout="stereo", codec="pcm_s16le", video=False):
    """Write audio tracks, each float [channels, N], after a track of black pictures."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("libx264", rate=25) if video else None
        if pictures:
            pictures.width = pictures.height = 32
            pictures.pix_fmt = "yuv420p"
        streams = [container.add_stream(codec, rate=RATE, layout=layout) for _ in tracks]
        for index in range(50 if video else 0):
            picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
            picture.pts, picture.time_base = index, Fraction(1, 25)
            container.mux(pictures.encode(picture))
        if pictures:
            container.mux(pictures.encode(None))
        for stream, samples in zip(streams, tracks, strict=True):
            # Not converted by FFmpeg, which mixes layouts of other names.
            packed = np.round(np.stack(samples).T * 32767).astype(np.int16).reshape(1, -1)
            for start in range(0, packed.shape[1] // len(samples), 1024):
                part = packed[:, start * len(samples) : (start + 1024) * len(samples)]
                frame = av.AudioFrame.from_ndarray(part, format="s16", layout=layout)
                frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


SAID = voice()
NONE = np.zeros_like(SAID)
HISS = (0.003 * np.random.default_rng(1).standard_normal(len(SAID))).astype(np.float32)
MUSIC = 0.3 * np.sin(np.arange(len(SAID)) / 9).astype(np.float32)

CHANNELS = {
    "both": ("stereo", [SAID, SAID]),
    "opposite phase": ("stereo", [SAID, -SAID]),
    "left": ("stereo", [SAID, NONE]),
    "right, the other hisses": ("stereo", [HISS, SAID]),
    "centre of three": ("3.0", [NONE, NONE, SAID]),
    "centre of a film": ("5.1", [MUSIC, MUSIC, SAID, 2 * MUSIC, MUSIC, MUSIC]),
    "centre alone": ("5.1", [NONE, NONE, SAID, NONE, NONE, NONE]),
    "front of surround": ("5.1", [SAID, SAID, NONE, MUSIC, NONE, NONE]),
    "one of four": ("quad", [NONE, NONE, SAID, HISS]),
    "everywhere": ("5.1", [SAID] * 6),
}


@pytest.mark.parametrize("where", CHANNELS)
def test_a_voice_keeps_its_level_wherever_it_is(tmp_path, where):
    layout, channels = CHANNELS[where]
    path = write_tracks(tmp_path / "a.mkv", channels, layout=layout, video=True)
    clip = read_clip(path).samples
    heard = np.concatenate(list(iter_audio(path)))
    whole = read_audio(path)
    for samples in (clip, heard, whole):
        level = np.abs(samples @ SAID[: len(samples)]) / (SAID @ SAID)
        assert 20 * np.log10(level) == pytest.approx(0, abs=0.3)
    np.testing.assert_allclose(heard, whole, atol=1e-6)
    assert probe(path).channels == len(channels)


def test_two_people_in_two_channels_are_both_heard(tmp_path):
    other = np.roll(voice(seed=5), 9000) * 0.7
    path = write_tracks(tmp_path / "a.mkv", [SAID, other])
    np.testing.assert_allclose(read_audio(path), (SAID + other) / 2, atol=1e-4)


def test_an_offset_is_no_loudness(tmp_path):
    """A microphone without a signal, but with a constant voltage."""
    path = write_tracks(tmp_path / "a.mkv", [NONE + 0.9, SAID])
    assert mixing_weights(np.cov([NONE + 0.9, SAID]), ["FL", "FR"]).tolist() == [0, 1]
    np.testing.assert_allclose(read_audio(path), SAID, atol=1e-4)


def test_weights_add_up_to_one_and_silence_is_averaged():
    rng = np.random.default_rng(0)
    for names in (["FL", "FR"], ["FL", "FR", "LFE"], ["BL", "BR", "FL", "FR"], ["LFE"]):
        samples = rng.standard_normal((len(names), 500)) * rng.uniform(0.01, 1, (len(names), 1))
        assert np.abs(mixing_weights(np.atleast_2d(np.cov(samples)), names)).sum() == pytest.approx(
            1
        )
    assert mixing_weights(np.zeros((2, 2)), ["FL", "FR"]).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("name", ["a.mkv", "a.mov", "a.mka"])
def test_the_first_track_that_is_heard_is_taken(tmp_path, name):
    silent = [NONE, NONE]
    path = write_tracks(
        tmp_path / name, silent, [SAID, SAID], [MUSIC, MUSIC], video=name != "a.mka"
    )
    assert probe(path).audio_tracks == 3
    np.testing.assert_allclose(read_audio(path), SAID, atol=1e-4)
    np.testing.assert_allclose(read_audio(path, track=3), MUSIC, atol=1e-4)
    assert not read_audio(path, track=1).any()
    speech = read_speech(path)
    np.testing.assert_allclose(speech[: len(SAID)], SAID, atol=1e-4)
    assert speech.notes == [f"{path}: its first audio track is silent; track 2 is heard"]
    third = read_speech(path, track=3)
    np.testing.assert_allclose(third[: len(MUSIC)], MUSIC, atol=1e-4)
    assert third.notes == []
    if name != "a.mka":
        clip = read_clip(path)
        assert clip.note == "its first audio track is silent; track 2 is heard"
        np.testing.assert_allclose(clip.samples[: len(SAID)], SAID, atol=1e-4)


def test_the_first_of_several_tracks_is_taken_when_it_is_heard_or_none_is(tmp_path):
    path = write_tracks(tmp_path / "a.mkv", [MUSIC, MUSIC], [SAID, SAID])
    np.testing.assert_allclose(read_audio(path), MUSIC, atol=1e-4)
    assert listen(path).note == ""
    path = write_tracks(tmp_path / "b.mkv", [NONE, NONE], [NONE, NONE])
    assert listen(path).track == 1
    with pytest.raises(LipkitError, match=r"b\.mkv: the sound is silent"):
        read_speech(path)


def test_a_track_that_is_not_there_is_refused(tmp_path):
    path = write_tracks(tmp_path / "a.mkv", [SAID, SAID])
    for reader in (lambda: read_speech(path, track=2), lambda: read_audio(path, track=2)):
        with pytest.raises(UsageError, match=r"a\.mkv: has no audio track 2; it has 1"):
            reader()


def test_a_faint_recording_is_told_its_gain_and_heard_with_it(tmp_path):
    faint = SAID * 10 ** (-60 / 20)
    path = write_tracks(tmp_path / "a.mkv", [faint, faint], codec="pcm_s16le")
    with pytest.raises(LipkitError, match="recorded too quietly, add --gain") as caught:
        read_speech(path)
    gain = float(str(caught.value).split("--gain ")[1].split(",")[0])
    louder = read_speech(path, gain=gain)
    assert louder.loudest == pytest.approx(-20, abs=1)
    np.testing.assert_allclose(
        louder[:SAMPLE_RATE], np.clip(faint[:SAMPLE_RATE] * 10 ** (gain / 20), -1, 1), atol=0.01
    )
    nothing = write_tracks(tmp_path / "b.mkv", [NONE, NONE])
    with pytest.raises(LipkitError, match="give a recording of speech, or add --allow-silence"):
        read_speech(nothing)


def damaged(path, how):
    """An MP3 of 3 s with damage in the middle."""
    data = bytearray(write_events(path, None, "libmp3lame", rate=48000).read_bytes())
    middle = len(data) // 2
    if how == "cut out":
        del data[middle : middle + 1500]
    else:
        data[middle : middle + 1500] = bytes(1500)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("how", ["cut out", "zeros"])
def test_sound_that_a_damaged_mp3_lost_is_noted(tmp_path, how):
    path = damaged(tmp_path / "a.mp3", how)
    speech = read_speech(path)
    assert len(speech.notes) == 1
    lost = float(speech.notes[0].split(": ")[1].split(" s of its sound are damaged")[0])
    assert lost == pytest.approx(3 - len(read_audio(path)) / SAMPLE_RATE, abs=0.03)
    assert lost > 0.05


def test_a_whole_mp3_and_one_with_a_tag_at_its_end_have_no_note(tmp_path):
    path = write_events(tmp_path / "a.mp3", None, "libmp3lame", rate=48000)
    assert read_speech(path).notes == []
    path.write_bytes(path.read_bytes() + b"TAG" + b"a title".ljust(125, b"\0"))
    assert read_speech(path).notes == []


def test_a_title_that_is_no_text_harms_nothing(tmp_path):
    """An old recorder's title in another encoding than UTF-8."""
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        file.writeframes((voice() * 32767).astype("<i2").tobytes())
    title = b"INFOINAM" + (4).to_bytes(4, "little") + b"\xff\xfe\xe9\0"
    whole = (tmp_path / "a.wav").read_bytes() + b"LIST" + len(title).to_bytes(4, "little") + title
    path = tmp_path / "b.wav"
    path.write_bytes(whole[:4] + (len(whole) - 8).to_bytes(4, "little") + whole[8:])
    heard = read_audio(path)
    np.testing.assert_array_equal(heard, read_audio(tmp_path / "a.wav"))
