"""Sound relative to the level of its recording's speech: one way everywhere."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from prepared_sets import STATISTICS, noise_clip, write_set

from lipkit.config import DataConfig
from lipkit.data import varied_windows
from lipkit.data.clips import read_clip, write_clip
from lipkit.data.level import SILENT_DB, SpeechLevel, relative, speech_level
from lipkit.data.prepared import PreparedSet
from lipkit.data.spectrogram import log_mel
from lipkit.data.tensors import normalise
from lipkit.data.varied_windows import VariedWindows
from lipkit.data.windows import Windows
from lipkit.errors import LipkitError
from lipkit.generation import LogMel, speech
from lipkit.generation.streaming import ArrivingLogMel
from lipkit.models.catalogue import build_generator
from lipkit.models.generator import GeneratorConfig
from lipkit.presets import Preset
from lipkit.training.spoken_points import SpokenPoints
from lipkit.weights import Card, read_card, save_weights, usual_level
from lipkit.weights.hearing import hear, hear_whole, level_of

BANDS = np.linspace(6, -6, 128)


def spoken(columns=400, seed=0, pauses=0.3) -> np.ndarray:
    """Speech of about -30 dB, louder in its low bands, with pauses of -90 dB: f32 [4T, 128]."""
    rng = np.random.default_rng(seed)
    logmel = rng.normal(-30, 3, (columns, 1)) + rng.normal(0, 2, (columns, 128)) + BANDS
    logmel[rng.random(columns) < pauses] = -90
    return logmel.astype(np.float32)


def card(level="recording", quiet=(), usual=(), **settings) -> Card:
    preset = Preset(name="test", data=DataConfig(level=level, **settings))
    made = Card(preset, STATISTICS, "synthetic", "train", 1, 0, "2025-01-01")
    return replace(made, quiet=list(quiet), level=list(usual))


def test_pauses_do_not_count_be_they_four_fifths():
    for pauses in (0.0, 0.3, 0.8):
        level = speech_level(spoken(pauses=pauses))
        np.testing.assert_allclose(level, -30 + BANDS, atol=1.5)


def test_in_pieces_it_is_the_same():
    logmel, level = spoken(), SpeechLevel()
    for piece in np.array_split(logmel, 7):
        level.add(piece)
    np.testing.assert_allclose(level.bands, speech_level(logmel), atol=1e-5)
    assert level.spoken == (logmel[:, 0] > -80).sum()


@pytest.mark.parametrize("loudness", [-100, SILENT_DB - 1])
def test_where_nothing_is_said_sound_is_heard_as_it_is(loudness):
    silence = np.full((40, 128), loudness, np.float32)
    assert len(speech_level(silence)) == 0
    assert np.array_equal(relative(silence, speech_level(silence), STATISTICS), silence)


def test_five_seconds_of_speech_are_told_from_minutes_of_noise():
    noise = np.random.default_rng(0).normal(-72, 1, (30_000, 128))
    level = SpeechLevel()
    level.add(noise)
    level.add(spoken(600, pauses=0))
    np.testing.assert_allclose(level.bands, -30 + BANDS, atol=1.0)
    assert level.spoken == 600


def test_a_louder_recording_by_another_microphone_sounds_the_same():
    logmel = spoken()
    other = logmel + 9 + np.linspace(-8, 8, 128, dtype=np.float32)
    mine, theirs = (relative(x, speech_level(x), STATISTICS) for x in (logmel, other))
    speech = logmel[:, 0] > -80
    np.testing.assert_allclose(mine[speech], theirs[speech], atol=1e-4)
    np.testing.assert_allclose(mine[speech].mean(0), -40, atol=1e-4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three clips that were recorded at levels of their own."""
    folder = write_set(tmp_path_factory.mktemp("level") / "set", [30, 31, 32])
    for number, path in enumerate(sorted((folder / "clips").rglob("*.safetensors"))):
        clip = noise_clip(30 + number, number)
        sound = spoken(4 * clip.frames, number) + 10 * number
        write_clip(path, replace(clip, logmel=sound.astype(np.float16)))
    return folder


def recording(folder, clip_id: str) -> np.ndarray:
    return read_clip(folder / "clips" / f"{clip_id}.safetensors").logmel


@pytest.mark.parametrize("settings", [{}, {"sound_shift": 2, "mel_axes": "scrambled"}])
@pytest.mark.parametrize("kind", [Windows, VariedWindows])
def test_training_hears_what_evaluation_does(folder, kind, settings):
    given = card(**settings)
    windows = kind(folder, config=given.preset.data, raw=True)
    for index in range(len(windows)):
        where = windows.where(index)
        for name, clip_id, start in (
            ("logmel", where["clip_id"], where["start"]),
            ("mismatched", where["mismatched_clip_id"], where["mismatched_start"]),
        ):
            heard = hear_whole(recording(folder, clip_id), given)[4 * start : 4 * (start + 16)]
            found = normalise(windows[index][name], STATISTICS)
            torch.testing.assert_close(found, heard, rtol=0, atol=2e-3)
    points = SpokenPoints(PreparedSet.open(folder), "train", given.preset.data)
    for number, clip_id in enumerate(points.clip_ids):
        found = points.take(np.array([number]), np.array([3]), np.array([0]))["logmel"][0, 0]
        heard = hear_whole(recording(folder, clip_id), given)[12 : 4 * (3 + 16)]
        torch.testing.assert_close(found, heard, rtol=0, atol=2e-3)


def test_another_voice_in_training_is_heard_relative_to_its_own_level(folder):
    config = DataConfig(augment=True, level="recording")
    windows = VariedWindows(folder, config=config)
    told = VariedWindows(folder, config=replace(config, level="set"))
    levels = {"recording": [], "set": []}
    for epoch in range(12):
        for drawn in (windows, told):
            drawn.set_epoch(epoch)
            for index in range(len(drawn)):
                logmel = drawn[index]["logmel"].float().numpy()
                loud = logmel.mean(1)
                said = logmel[loud > np.percentile(loud, 95) - 25]
                levels[drawn.config.level].append(said.mean())
    # Microphones and loudness differ by 7 dB and more, and by 10 from clip to clip. Half of the
    # windows, so that those which were made silent do not count.
    apart = {level: np.subtract(*np.percentile(x, [75, 25])) for level, x in levels.items()}
    assert apart["set"] > 12
    assert apart["recording"] < apart["set"] / 2
    assert abs(np.median(levels["recording"]) + 40) < 2


@pytest.mark.parametrize("silent", [0.0, 1.0])
def test_the_voice_of_a_recording_is_cut_where_its_window_is(folder, monkeypatch, silent):
    monkeypatch.setattr(varied_windows, "other_voice", lambda logmel, _: logmel)
    monkeypatch.setattr(varied_windows, "SILENT_SHARE", silent)
    given = card(augment=True, sound_shift=2, mel_axes="scrambled")
    windows = VariedWindows(folder, config=given.preset.data)
    for index in range(len(windows)):
        where = windows.where(index)
        found = normalise(windows[index]["logmel"], STATISTICS)
        start = where["start"]
        heard = hear_whole(recording(folder, where["clip_id"]), given)
        expected = heard[4 * start : 4 * (start + 16)]
        if silent:
            assert found.mean() < expected.mean() - 1
        else:
            torch.testing.assert_close(found, expected, rtol=0, atol=2e-3)


def tone(seconds: float) -> np.ndarray:
    """Bursts of noise, half a second long, with pauses between."""
    rng = np.random.default_rng(0)
    samples = 0.1 * rng.normal(size=round(seconds * 25) * 1764).astype(np.float32)
    samples[(np.arange(len(samples)) // 22_050) % 2 == 1] = 0
    return samples


def test_a_file_is_heard_as_a_clip_of_it_is_and_read_in_parts(monkeypatch):
    samples, given = tone(4), card()
    whole = hear_whole(log_mel(samples), given)
    monkeypatch.setattr(speech, "BLOCK", 7)
    logmel = LogMel(samples, given)
    for first, last in ((0, 4), (40, 200), (396, 400)):
        torch.testing.assert_close(logmel[first:last], whole[first:last], rtol=0, atol=1e-3)
    louder = LogMel(3 * samples, given)
    spoken = whole.mean(1) > -1
    torch.testing.assert_close(louder[:][spoken], logmel[:][spoken], rtol=0, atol=1e-3)


def test_pauses_are_lifted_to_those_of_training_at_the_level_of_speech():
    usual, quiet = np.full(128, -30.0), np.full(128, -70.0)
    given = card(quiet=quiet.tolist(), usual=usual.tolist())
    for gain in (1.0, 0.1):
        heard = LogMel(gain * tone(4), given)[:] * 20 - 40
        assert heard.min() == pytest.approx(-80)  # 40 dB under speech, which is at -40
    silence = LogMel(0 * tone(1), given)[:] * 20 - 40
    assert silence.min() == silence.max() == pytest.approx(-70)  # nothing is said: as it is


def test_live_speech_begins_at_the_usual_level_and_comes_to_its_own():
    usual = np.full(128, -50.0)
    given, samples = card(usual=usual.tolist()), tone(12)
    live = ArrivingLogMel(given)
    arrived = torch.cat([live.feed(part) for part in np.array_split(samples, 300)])
    arrived = torch.cat([arrived, live.finish()])
    as_usual = hear(log_mel(samples), given, np.float32(usual))
    own = LogMel(samples, given)[:]
    loud = own.mean(1) > -1
    apart = (own - as_usual)[loud].abs().mean()
    first = (arrived - as_usual)[:4][loud[:4]].abs().mean()
    last = (arrived - own)[-200:][loud[-200:]].abs().mean()
    assert apart > 0.3
    assert first < 0.1 * apart
    assert last < 0.25 * apart
    silence = ArrivingLogMel(given).feed(np.zeros(5000, np.float32))
    expected = hear(np.full((8, 128), -100.0), given, np.float32(usual))
    torch.testing.assert_close(silence, expected)


def test_live_speech_does_not_depend_on_how_its_sound_is_cut():
    given, samples = card(usual=np.full(128, -50.0).tolist()), tone(2)
    whole, pieces = ArrivingLogMel(given), ArrivingLogMel(given)
    once = torch.cat([whole.feed(samples), whole.finish()])
    parts = [pieces.feed(part) for part in np.array_split(samples, 77)]
    torch.testing.assert_close(torch.cat([*parts, pieces.finish()]), once, rtol=0, atol=1e-4)


def test_the_noise_of_a_room_is_not_speech_before_the_first_word():
    given, rng = card(usual=np.full(128, -40.0).tolist()), np.random.default_rng(0)
    live = ArrivingLogMel(given)
    noise = 10 ** (-84 / 20) * rng.normal(size=20 * 44_100).astype(np.float32)
    waiting = live.feed(noise)
    loudness = log_mel(noise).mean()
    assert SILENT_DB < loudness < -72
    # At the usual level of -40, which is the mean of the training, it is heard as it is.
    assert float(waiting.mean()) * 20 - 40 == pytest.approx(loudness, abs=0.5)


def test_a_network_that_hears_the_set_hears_sound_as_it_is():
    assert len(level_of([spoken()], card("set"))) == 0
    heard = hear_whole(spoken(), card("set"))
    torch.testing.assert_close(heard, normalise(spoken(), STATISTICS))


def test_the_card_knows_the_usual_level():
    logmels = [spoken(seed=seed) + 4 * seed for seed in range(3)]
    found = usual_level([*logmels, np.full((40, 128), -100.0)])
    np.testing.assert_allclose(found, -26 + BANDS, atol=1.0)
    assert usual_level([]) == []


def test_a_card_whose_level_is_none_is_refused(tmp_path):
    generator = build_generator(GeneratorConfig(width=1 / 32, residual_blocks=1))
    for level in ([1.0] * 127, [*[1.0] * 127, float("inf")]):
        path = tmp_path / "weights.safetensors"
        save_weights(path, generator, replace(card(), level=level))
        with pytest.raises(LipkitError, match="card"):
            read_card(path)
