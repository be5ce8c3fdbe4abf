"""The sync metric: its arithmetic against plain loops, and the proof that it may be believed."""

import importlib.util
import json

import numpy as np
import pytest
import torch
from prepared_sets import write_set
from safetensors import safe_open
from safetensors.torch import load_file

from lipkit.config import PrepareConfig
from lipkit.corpora import list_clips
from lipkit.data.manifest import MANIFEST
from lipkit.data.prepare import prepare_clip
from lipkit.data.prepared import PreparedSet
from lipkit.data.spectrogram import log_mel
from lipkit.errors import LipkitError, UsageError
from lipkit.face.lips import crop, crop_boxes
from lipkit.metrics.metric import Context
from lipkit.metrics.sync.proof import mismatch_curve, mix, separation, shift_errors, shifted
from lipkit.metrics.sync.score import (
    METRICS,
    MIN_EMBEDDINGS,
    join,
    load_sync,
    read_sync_card,
    sync,
)
from lipkit.metrics.sync.weights import SHIPPED, save_sync
from lipkit.models.sync_network import OFFSETS, SyncNetwork, moving_part, similarities, to_grey
from lipkit.talker import talking_clip
from lipkit.training.run_folder import read_log
from lipkit.training.sync_clips import SyncClips, vary_lips, vary_sound
from lipkit.training.sync_recipe import SyncLoss

LIKELY_SHIFTS = (-10, -3, 0, 6, 10)


def drawn_clip(sentence: str):
    """A drawn person whom the shipped weights have not seen, with exact mouth points."""
    talk = talking_clip(13, sentence, seed=5)
    boxes = crop_boxes(talk.landmarks, PrepareConfig())
    return crop(talk.frames, boxes), log_mel(talk.samples)


@pytest.fixture(scope="module")
def drawn():
    return [drawn_clip("bbaf2n"), drawn_clip("swiz9s")]


@pytest.fixture(scope="module")
def real(grid_root):
    records = list_clips("grid", grid_root, protocol="file", lists=grid_root / "splits")
    held_out = [r for r in records if r.split == "s1_test"][::20]
    clips = []
    for record in held_out:
        clip = prepare_clip(record, PrepareConfig())
        clips.append((clip.lips, clip.logmel))
    return clips


def unit(rng, *shape) -> torch.Tensor:
    vectors = rng.normal(size=shape)
    return torch.tensor(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).float()


def noise(frames: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    lips = rng.integers(0, 256, (frames, 64, 64, 3), np.uint8)
    return lips, rng.normal(-30, 15, (4 * frames, 128)).astype(np.float16)


@pytest.mark.parametrize(("count", "length", "start"), [(9, 9, 0), (6, 40, 11)])
def test_similarities_against_a_loop(count, length, start):
    rng = np.random.default_rng(0)
    lips, sound = unit(rng, 2, count, 5), unit(rng, 2, length, 5)
    found = similarities(lips, sound, start).numpy()
    lips, sound = lips.numpy(), sound.numpy()
    assert found.shape == (2, count, len(OFFSETS))
    for t in range(count):
        for k, d in enumerate(OFFSETS):
            place = start + t - d
            if 0 <= place < length:
                for b in range(2):
                    assert found[b, t, k] == pytest.approx(
                        float(np.dot(lips[b, t], sound[b, place])), abs=1e-6
                    )
            else:
                assert np.isnan(found[:, t, k]).all()


def test_result_against_a_loop():
    network = SyncNetwork().eval()
    lips, logmel = noise(24)
    result = sync(lips, logmel, network=network)
    with torch.no_grad():
        v = network.embed_lips(to_grey(torch.from_numpy(lips))[None])[0].numpy()
        a = network.embed_sound(torch.from_numpy(logmel).float()[None])[0].numpy()
    distances = []
    for d in range(-15, 16):
        pairs = [1 - v[t] @ a[t - d] for t in range(20) if 0 <= t - d < 20]
        distances.append(np.mean(pairs) if len(pairs) >= MIN_EMBEDDINGS else np.nan)
    np.testing.assert_allclose(result.distances, distances, atol=1e-6)
    known = [d for d in distances if not np.isnan(d)]
    assert len(known) == 2 * (20 - MIN_EMBEDDINGS) + 1
    assert result.distance == pytest.approx(min(known), abs=1e-6)
    assert result.confidence == pytest.approx(np.median(known) - min(known), abs=1e-6)
    assert result.offset == int(np.nanargmin(distances)) - 15


def test_loss_against_a_loop():
    rng = np.random.default_rng(1)
    lips, sound = unit(rng, 2, 14, 6), unit(rng, 2, 14, 6)
    loss_of = SyncLoss()
    frame_scale, shift_scale = np.exp(loss_of.scales.detach().double().numpy())
    v, a = lips.reshape(28, 6).double().numpy(), sound.reshape(28, 6).double().numpy()
    frames = 0.0
    for i in range(28):
        right = frame_scale * v[i] @ a[i]
        frames += np.log(sum(np.exp(frame_scale * v[i] @ a[j]) for j in range(28))) - right
        frames += np.log(sum(np.exp(frame_scale * v[j] @ a[i]) for j in range(28))) - right
    shifts = []
    for b in range(2):
        for first in range(14 - 12 + 1):
            logits = {}
            for d in OFFSETS:
                run = range(first, first + 12)
                if all(0 <= t - d < 14 for t in run):
                    cosines = [v[14 * b + t] @ a[14 * b + t - d] for t in run]
                    logits[d] = shift_scale * np.mean(cosines)
            shifts.append(np.log(sum(np.exp(x) for x in logits.values())) - logits[0])
    expected = frames / 28 / 2 + np.mean(shifts)
    loss = loss_of(lips, sound)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    loss.backward()
    assert torch.isfinite(loss_of.scales.grad).all(), "offsets that are not there leave no NaN"


def test_embedding_hears_exactly_the_five_frames_it_sees():
    network = SyncNetwork().eval()
    logmel = torch.from_numpy(noise(12)[1]).float()[None]
    changed = logmel.clone()
    changed[:, 4 * 6 : 4 * 7] -= 20  # frame 6
    with torch.no_grad():
        moved = (network.embed_sound(logmel) != network.embed_sound(changed)).any(2)[0]
    assert moved.tolist() == [2 <= i <= 6 for i in range(8)]

    grey, seen = torch.rand(1, 12, 32, 32), []
    network.lips.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        network.embed_halved(grey)
    expected = torch.stack([moving_part(grey)[0, i : i + 5] for i in range(8)])
    torch.testing.assert_close(seen[0], expected)


def test_light_and_contrast_change_nothing_and_frozen_lips_are_all_one():
    network = SyncNetwork().eval()
    grey = torch.rand(1, 16, 64, 64) * 150 + 50
    with torch.no_grad():
        seen = network.embed_lips(grey)
        torch.testing.assert_close(network.embed_lips(0.7 * grey + 20), seen, atol=1e-4, rtol=0)
        frozen = network.embed_lips(grey[:, :1].expand(-1, 16, -1, -1))
    torch.testing.assert_close(frozen, frozen[:, :1].expand_as(frozen))


def test_window_with_the_clips_sound_has_all_offsets():
    network = SyncNetwork().eval()
    lips, logmel = noise(60)
    alone = sync(lips[20:36], logmel[80:144], network=network)
    whole = sync(lips[20:36], logmel, start=20, network=network)
    assert np.isnan(alone.distances).sum() == 31 - 13
    assert np.isfinite(whole.distances).all()
    shared = np.isfinite(alone.distances) & (alone.counts == 12)
    np.testing.assert_allclose(alone.distances[shared], whole.distances[shared], atol=1e-6)
    (confidence, distance, offset) = METRICS
    context = Context(start=20, clip_sound=logmel)
    for metric, wanted in ((confidence, "confidence"), (distance, "distance"), (offset, "offset")):
        sync_default = sync(lips[20:36], logmel, start=20)
        measured = metric.measure(lips[20:36], lips[20:36], logmel[80:144], context)
        assert measured == getattr(sync_default, wanted)


def test_joined_windows_weigh_by_their_embeddings():
    network = SyncNetwork().eval()
    lips, logmel = noise(60)
    parts = [sync(lips[s : s + 16], logmel, s, network) for s in (0, 16, 32)]
    joined = join(parts)
    for k in range(31):
        values = [(p.distances[k], p.counts[k]) for p in parts if p.counts[k]]
        expected = sum(d * n for d, n in values) / sum(n for _, n in values)
        assert joined.distances[k] == pytest.approx(expected)
    with pytest.raises(UsageError, match="at least one"):
        join([])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lips, mel: (lips[:15], mel), "T >= 16"),
        (lambda lips, mel: (lips[:, :32], mel), "give u8"),
        (lambda lips, mel: (lips / 255, mel), "give u8"),
        (lambda lips, mel: (lips, mel[:-1]), "log-mel"),
        (lambda lips, mel: (lips, mel[:-4]), "sound of 19 frames"),
        (lambda lips, mel: (lips, mel * np.float16(np.nan)), "not numbers"),
    ],
)
def test_unfit_input_is_told_in_one_line(change, message):
    with pytest.raises(UsageError, match=message) as caught:
        sync(*change(*noise(20)))
    assert "\n" not in str(caught.value)


def test_shifted_lips_come_later_by_the_shift():
    lips, logmel = np.arange(20), np.repeat(np.arange(20), 4)
    for shift in (-7, 0, 4):
        moved, sound = shifted(lips, logmel, shift)
        assert len(moved) == len(sound) // 4 == 20 - abs(shift)
        # What is seen at step t is heard at step t - shift.
        for t in range(max(0, shift), len(moved) + min(0, shift)):
            assert moved[t] == sound[4 * (t - shift)]


def test_mixed_sound_has_the_share_asked_for():
    own, other = np.zeros((300, 128)), np.ones((300, 128))
    order = np.array([3, 0, 4, 1, 2])
    for share in (0, 0.2, 0.6, 1):
        assert mix(own, other, share, order).mean() == pytest.approx(share)
    assert mix(own, other, 0.2, order)[180:240].all()
    short = np.repeat(np.arange(200.0)[:, None], 128, axis=1)
    assert mix(own, short, 1, order)[:, 0].tolist() == [*range(200), *range(100)]


def test_training_variations_keep_time_and_shape():
    rng = np.random.default_rng(0)
    grey = torch.zeros(3, 20, 64, 64)
    grey[:, 10] = 200
    varied = vary_lips(grey.clone(), rng)
    assert varied.shape == (3, 20, 32, 32)
    assert (varied.mean((2, 3)).argmax(1) == 10).all()
    sound = torch.full((3, 80, 128), -60.0)
    sound[:, 40] = 0
    assert (vary_sound(sound, rng).mean(2).argmax(1) == 40).all()


def test_shipped_weights_are_small_and_say_what_they_are():
    assert SHIPPED.stat().st_size <= 4 * 2**20
    card = read_sync_card()
    assert "CC BY 4.0" in card["data_licence"]
    assert {"data", "clips", "step", "date", "figures"} <= card.keys()
    with safe_open(SHIPPED, "pt") as file:
        assert file.get_tensor("lips.0.0.weight").dtype == torch.float16
    assert load_sync() is load_sync()
    assert not load_sync().training


def test_card_claims_what_is_asked_of_the_metric():
    figures = read_sync_card()["figures"]
    assert figures["grid s1_test"]["shift_within_1"] >= 0.95
    confidence = figures["grid s1_test"]["confidence"]
    assert confidence == sorted(confidence, reverse=True)


def test_weights_round_trip(tmp_path):
    network, path = SyncNetwork().eval(), tmp_path / "sync.safetensors"
    save_sync(path, network, {"step": 3})
    assert read_sync_card(path)["step"] == 3
    lips, logmel = noise(30)
    stored = sync(lips, logmel, network=load_sync(path)).distances
    np.testing.assert_allclose(stored, sync(lips, logmel, network=network).distances, atol=2e-3)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(LipkitError, match="no such weights"):
        load_sync(tmp_path / "none.safetensors")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(SHIPPED.read_bytes()[:-9])
    with pytest.raises(LipkitError, match="no weights of a sync network"):
        load_sync(broken)
    strange = tmp_path / "strange.safetensors"
    header = json.dumps({"__metadata__": {"card": "[]"}}).encode()
    strange.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(LipkitError, match="no weights of a sync network"):
        load_sync(strange)


@pytest.fixture
def script(repository):
    spec = importlib.util.spec_from_file_location(
        "train_sync", repository / "data_scripts" / "train_sync.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def test_training_script_writes_proven_weights(script, tmp_path, capsys):
    folder, out = write_set(tmp_path / "set", [75, 76, 21]), tmp_path / "new" / "sync.safetensors"
    source = f"{folder}:train"
    options = ["--train", source, "--test", source, "--test-clips", "2", "--out", str(out)]
    assert script([*options, "--steps", "1", "--quiet"]) == 0
    card = read_sync_card(out)
    assert (card["step"], card["clips"], card["data"]) == (1, 3, ["grid train"])
    assert 0 <= card["figures"]["grid train"]["shift_within_1"] <= 1
    sync(*noise(20), network=load_sync(out))

    only_short = write_set(tmp_path / "short", [30, 30])
    assert script([*options, "--test", f"{only_short}:train"]) == 2
    assert "64 frames" in capsys.readouterr().err
    for wrong in (["--out", str(tmp_path / "sync")], ["--test-clips", "1"]):
        assert script([*options, *wrong]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "sync").exists()
    wrongs = {f"{folder}:trian": 2, str(tmp_path): 2, f"{tmp_path}:train": 1, f"{source}*0": 2}
    for wrong, code in wrongs.items():
        assert script(["--train", wrong, "--out", str(out)]) == code
        assert capsys.readouterr().err.count("\n") == 1


def test_speakers_are_drawn_as_often_as_asked(tmp_path):
    many, few = (write_set(tmp_path / name, [30] * clips) for name, clips in (("a", 4), ("b", 1)))
    (few / MANIFEST).write_text((few / MANIFEST).read_text().replace(",s1,", ",s2,"))
    sources = [(PreparedSet.open(many), "train", 1), (PreparedSet.open(few), "train", 6)]
    clips = SyncClips(sources)
    assert len(clips.clips) == 2
    # The root of four clips once, the root of one six times.
    assert clips.shares == pytest.approx([2 / 8, 6 / 8])


def test_its_training_resumes_as_if_undisturbed(script, tmp_path):
    folder = write_set(tmp_path / "set", [75, 40, 21])
    options = ["--train", f"{folder}:train", "--quiet", "--steps", "3", "--out"]
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    assert script([*options, str(whole)]) == 0
    assert script([*options, str(cut), "--minutes", "0"]) == 0
    assert len(read_log(tmp_path / "cut")) == 1
    assert script([*options, str(cut)]) == 2, "the folder holds a run"
    assert script([*options, str(cut), "--resume"]) == 0
    assert len(read_log(tmp_path / "cut")) == 3
    (a, b) = (load_file(path) for path in (whole, cut))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_shifts_are_found_on_a_drawn_person_never_seen(drawn):
    errors = shift_errors(drawn, LIKELY_SHIFTS)
    assert (np.abs(errors) <= 1).mean() >= 0.9, errors


@pytest.mark.slow
def test_shifts_are_found_on_real_clips_never_seen(real):
    errors = shift_errors(real, LIKELY_SHIFTS)
    assert (np.abs(errors) <= 1).mean() >= 0.95, errors


@pytest.mark.slow
def test_confidence_falls_with_mismatched_sound(real):
    curve = mismatch_curve(real, shares=(0, 0.4, 1))
    first, middle, last = curve.confidence.mean(axis=0)
    assert first > middle > last
    assert (np.diff(curve.distance.mean(axis=0)) > 0).all()


@pytest.mark.slow
def test_frozen_and_foreign_lips_score_below_real_ones(real):
    (lips, sound), (other, _) = real[0], real[1]
    true = sync(lips, sound).confidence
    assert sync(np.repeat(lips[:1], len(lips), axis=0), sound).confidence < 0.5 * true
    assert sync(other, sound).confidence < 0.8 * true


@pytest.mark.slow
def test_a_delay_shows_in_the_offset_and_at_zero_but_not_in_the_distance(real):
    for pair in real:
        true, late = sync(*pair), sync(*shifted(*pair, 3))
        assert 2 <= late.offset - true.offset <= 4
        assert late.at_zero > true.at_zero + 0.1
        assert late.distance == pytest.approx(true.distance, abs=0.05)


@pytest.mark.slow
def test_windows_tell_their_sound_from_anothers(real):
    one, four = separation(real, 1), separation(real, 4)
    assert one.confidence > 0.6
    assert four.confidence > one.confidence
    assert four.pieces == len(real)
