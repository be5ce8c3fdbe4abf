"""Metrics as torchmetrics.Metric: the values are ours, whatever the batches."""

import numpy as np
import pytest
import torch

pytest.importorskip("torchmetrics", reason="the extra 'torchmetrics' is not installed")

from lipkit.data.tensors import to_video_tensor
from lipkit.errors import UsageError
from lipkit.metrics import METRICS, Context
from lipkit.metrics.for_torchmetrics import LipMetric

FRAMES = 18
NEEDS_A_FIXED_FACE = {name for name, m in METRICS.items() if any("fixed" in n for n in m.needs)}


@pytest.fixture(scope="module")
def clips() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    lips = rng.integers(0, 256, (2, 3, FRAMES, 8, 8, 3), dtype=np.uint8)
    lips = lips.repeat(8, axis=3).repeat(8, axis=4)
    return {
        "made": lips[0],
        "real": lips[1],
        "sound": rng.normal(-40, 20, (3, 4 * FRAMES, 128)).astype(np.float32),
        "points": rng.uniform(0, 64, (2, 3, FRAMES, 20, 2)).astype(np.float32),
    }


def by_hand(name: str, clips: dict[str, np.ndarray]) -> float:
    values = []
    for i in range(3):
        made, true = clips["points"][:, i]
        sound = clips["sound"][i]
        context = Context(prediction_points=made, truth_points=true, clip_sound=sound)
        found = METRICS[name].measure(clips["made"][i], clips["real"][i], sound, context)
        values += np.atleast_1d(found).tolist()
    return float(np.mean([value for value in values if np.isfinite(value)]))


@pytest.mark.parametrize("name", sorted(set(METRICS) - NEEDS_A_FIXED_FACE))
def test_the_value_is_ours_in_one_batch_and_in_two(clips, name):
    made, real = to_video_tensor(clips["made"]), to_video_tensor(clips["real"])
    sound, points = torch.from_numpy(clips["sound"]), torch.from_numpy(clips["points"])
    whole, parts = LipMetric(name), LipMetric(name)
    whole.update(made, real, sound, (points[0], points[1]))
    for some in (slice(0, 1), slice(1, 3)):
        parts.update(made[some], real[some], sound[some], (points[0][some], points[1][some]))
    expected = by_hand(name, clips)
    assert whole.compute().item() == pytest.approx(expected, rel=1e-9)
    assert parts.compute().item() == pytest.approx(expected, rel=1e-9)
    whole.reset()
    assert whole.count == 0


def test_the_direction_is_ours():
    assert LipMetric("ssim").higher_is_better is True
    assert LipMetric("lmd").higher_is_better is False
    assert LipMetric("cpbd").higher_is_better is None


def test_equal_frames_have_no_finite_psnr():
    video = torch.zeros(1, 3, 2, 64, 64)
    metric = LipMetric("psnr")
    metric.update(video, video)
    assert metric.compute().isnan()


def test_what_does_not_fit_is_refused():
    video = torch.zeros(1, 3, 2, 64, 64)
    with pytest.raises(UsageError, match="did you mean 'ssim'"):
        LipMetric("sssim")
    with pytest.raises(UsageError, match="must both be"):
        LipMetric("ssim").update(video, video[:, :, :1])
    with pytest.raises(UsageError, match=r"lmd needs .*points; give points="):
        LipMetric("lmd").update(video, video)
    with pytest.raises(UsageError, match=r"sync_distance needs the sound; give logmel="):
        LipMetric("sync_distance").update(video, video)
    with pytest.raises(UsageError, match="lmd_paper: looks for its points in a fixed face"):
        LipMetric("lmd_paper")
