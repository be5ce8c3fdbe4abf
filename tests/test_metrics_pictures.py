"""PSNR, SSIM, motion, and the steps before them."""

import math

import cv2
import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from lipkit.errors import LipkitError
from lipkit.losses.structural_similarity import grey as tensor_grey
from lipkit.losses.structural_similarity import ssim as tensor_ssim
from lipkit.metrics import METRICS, Context
from lipkit.metrics.conventions import as_released, grey, jpeg, require_pair, stretch
from lipkit.metrics.motion import motion, relative_motion
from lipkit.metrics.psnr import psnr, wrapped_psnr
from lipkit.metrics.ssim import ssim

NOTHING = np.zeros((64, 128), np.float16)


@pytest.fixture(scope="module")
def video() -> np.ndarray:
    """Eight frames of a smooth coloured texture that moves."""
    rng = np.random.default_rng(0)
    wall = cv2.GaussianBlur(rng.normal(0, 1, (80, 80, 3)), (0, 0), 3)
    wall = 128 + 60 * wall / wall.std()
    frames = [wall[t : t + 64, 2 * t : 2 * t + 64] for t in range(8)]
    return np.stack(frames).clip(20, 230).round().astype(np.uint8)


def noisy(video: np.ndarray, sigma: float) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, sigma, video.shape)
    return (video + noise).clip(0, 255).round().astype(np.uint8)


def blurred(video: np.ndarray, sigma: float) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in video])


def measured(name: str, prediction: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean(METRICS[name].measure(prediction, truth, NOTHING, Context())))


def test_stretch_fills_the_range_frame_by_frame_as_imsave_did(video):
    got = stretch(video)
    for frame, before in zip(got, video, strict=True):
        low, high = int(before.min()), int(before.max())
        for y, x, c in [(0, 0, 0), (10, 40, 1), (63, 63, 2)]:
            value = (int(before[y, x, c]) - low) * (255 / (high - low))
            assert frame[y, x, c] == math.floor(value + 0.5)
        assert (frame.min(), frame.max()) == (0, 255)
    assert not stretch(np.full((2, 64, 64, 3), 77, np.uint8)).any()


def test_stretch_forgets_brightness_and_jpeg_changes_little(video):
    dim = (video // 2 + 10).astype(np.uint8)
    assert np.abs(stretch(dim).astype(int) - stretch(video)).max() <= 2
    change = np.abs(jpeg(video).astype(int) - video).mean()
    assert 0 < change < 8
    assert np.array_equal(as_released(video, stretched=False, quality=None), video)
    assert np.array_equal(as_released(video, quality=None), stretch(video))
    assert np.array_equal(as_released(video), jpeg(stretch(video)))


def test_psnr_equals_its_formula(video):
    a, b = grey(video), grey(noisy(video, 5))
    for t, value in enumerate(psnr(b, a)):
        total = 0.0
        for y in range(64):
            for x in range(64):
                total += (float(a[t, y, x]) - float(b[t, y, x])) ** 2
        assert value == pytest.approx(10 * math.log10(255**2 / (total / 4096)), abs=1e-9)


def test_wrapped_psnr_equals_arithmetic_modulo_256(video):
    a, b = grey(video), grey(noisy(video, 40))
    for t in (0, 5):
        total = 0
        for y in range(64):
            for x in range(64):
                difference = (int(b[t, y, x]) - int(a[t, y, x])) % 256
                total += difference * difference % 256
        expected = 20 * math.log10(255 / math.sqrt(total / 4096))
        assert wrapped_psnr(b, a)[t] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("sigma", "true", "reported"),
    [(8, 30.1, 31.2), (12, 26.6, 29.7), (20, 22.1, 28.7), (48, 14.6, 28.0)],
)
def test_noise_gives_the_fact_sheet_s_true_and_wrapped_psnr(sigma, true, reported):
    rng = np.random.default_rng(3)
    picture = np.full((20, 64, 64), 128, np.uint8)
    noise = (picture + rng.normal(0, sigma, picture.shape)).clip(0, 255).round().astype(np.uint8)
    assert psnr(noise, picture).mean() == pytest.approx(true, abs=0.15)
    assert wrapped_psnr(noise, picture).mean() == pytest.approx(reported, abs=0.15)


def test_unrelated_pictures_have_27_9_db_wrapped():
    a, b = np.random.default_rng(4).integers(0, 256, (2, 20, 64, 64), dtype=np.uint8)
    assert wrapped_psnr(a, b).mean() == pytest.approx(27.9, abs=0.1)
    assert psnr(a, b).mean() < 9


def ssim_by_loop(a: np.ndarray, b: np.ndarray) -> float:
    """The formula in every 7 x 7 window, one after the other."""
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    found = []
    for y in range(58):
        for x in range(58):
            p, q = (v[y : y + 7, x : x + 7].astype(float) for v in (a, b))
            mp, mq = p.mean(), q.mean()
            vp, vq = p.var(ddof=1), q.var(ddof=1)
            both = ((p - mp) * (q - mq)).sum() / 48
            found.append(
                (2 * mp * mq + c1) * (2 * both + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2))
            )
    return float(np.mean(found))


def test_ssim_equals_the_formula_and_scikit_image(video):
    a, b = grey(video)[:2], grey(noisy(blurred(video, 1), 6))[:2]
    assert ssim(b, a)[0] == pytest.approx(ssim_by_loop(b[0], a[0]), abs=1e-9)
    wang = structural_similarity(
        b[1], a[1], gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )
    assert ssim(b, a, "gaussian")[1] == wang
    assert abs(wang - ssim(b, a)[1]) > 1e-3


@pytest.mark.parametrize("window", ["uniform", "gaussian"])
def test_tensor_ssim_equals_scikit_image_in_any_range(video, window):
    a, b = grey(video), grey(noisy(blurred(video, 1), 6))
    expected = ssim(b, a, window)
    in_255 = tensor_ssim(torch.tensor(b).double(), torch.tensor(a).double(), window, 0, 255)
    assert np.abs(in_255.numpy() - expected).max() < 1e-9
    unit = [torch.tensor(x).float() / 127.5 - 1 for x in (b, a)]
    assert np.abs(tensor_ssim(*unit, window).numpy() - expected).max() < 1e-4
    batched = tensor_ssim(*(x.reshape(2, 4, 64, 64) for x in unit), window)
    assert batched.shape == (2, 4)


def test_tensor_ssim_has_the_right_gradient():
    torch.manual_seed(0)
    for window in ("uniform", "gaussian"):
        a, b, along = torch.rand(3, 2, 14, 15, dtype=torch.float64)
        a.requires_grad_()
        tensor_ssim(a, b, window, 0, 1).sum().backward()
        with torch.no_grad():
            there, back = (tensor_ssim(a + s * along, b, window, 0, 1).sum() for s in (1e-6, -1e-6))
        slope = float((there - back) / 2e-6)
        assert float((a.grad * along).sum()) == pytest.approx(slope, rel=1e-5)
        assert abs(slope) > 1e-3
    # Of a constant picture too, where variances are 0.
    flat = torch.zeros(1, 16, 16, requires_grad=True)
    tensor_ssim(flat, torch.rand(1, 16, 16)).sum().backward()
    assert torch.isfinite(flat.grad).all()


def test_tensor_grey_is_the_grey_of_the_metrics(video):
    tensor = torch.tensor(video).float().permute(3, 0, 1, 2)
    assert np.abs(tensor_grey(tensor).numpy() - grey(video)).max() <= 0.51


def test_tensor_ssim_refuses_what_does_not_fit():
    with pytest.raises(LipkitError, match="at least 7"):
        tensor_ssim(torch.zeros(6, 6), torch.zeros(6, 6))
    with pytest.raises(LipkitError, match="one shape"):
        tensor_ssim(torch.zeros(1, 8, 8), torch.zeros(8, 8))


def test_equal_pictures_are_perfect_in_both_conventions(video):
    for name in ("psnr", "psnr_paper"):
        assert measured(name, video, video) == math.inf
    for name in ("ssim", "ssim_wang", "ssim_paper", "motion"):
        assert measured(name, video, video) == pytest.approx(1)


@pytest.mark.parametrize("name", ["psnr", "ssim", "ssim_wang", "ssim_paper"])
def test_metrics_of_two_pictures_are_symmetric(video, name):
    other = noisy(video, 10)
    assert measured(name, other, video) == pytest.approx(measured(name, video, other), abs=1e-9)


@pytest.mark.parametrize("name", ["psnr", "ssim", "ssim_wang"])
def test_metrics_fall_with_blur_noise_and_shift(video, name):
    for spoilt in (
        [blurred(video, s) for s in (0.8, 1.5, 3)],
        [noisy(video, s) for s in (3, 10, 30)],
        [np.roll(video, s, axis=2) for s in (1, 2, 4)],
    ):
        values = [measured(name, worse, video) for worse in spoilt]
        assert values[0] > values[1] > values[2]


def test_the_conventions_differ(video):
    dim = (video * 0.7 + 20).astype(np.uint8)
    assert measured("ssim_paper", dim, video) > measured("ssim", dim, video) + 0.02
    assert measured("psnr_paper", noisy(video, 30), video) > 27
    assert measured("psnr", noisy(video, 30), video) < 24


def test_motion_is_none_of_frozen_lips_and_more_of_jittering_ones(video):
    frozen = np.repeat(video[:1], 8, axis=0)
    assert measured("motion", frozen, video) == 0
    assert measured("motion", noisy(video, 20), video) > 1.2
    assert math.isnan(measured("motion", video, frozen))


def test_motion_does_not_count_the_joint_of_two_windows(video):
    joined = np.concatenate([video[:4], 255 - video[4:]])
    inside = np.abs(np.diff(grey(joined).astype(int), axis=0)).mean((1, 2))[[0, 1, 2, 4, 5, 6]]
    assert motion(joined, (0, 4)) == pytest.approx(inside.mean())
    assert motion(joined) > motion(joined, (0, 4))
    with_joint = Context(joints=(0, 4))
    assert relative_motion(joined, joined, NOTHING, with_joint) == 1


def test_black_video_is_measured_not_refused(video):
    black = np.zeros_like(video)
    assert 0 <= measured("ssim", black, video) < 0.1
    assert measured("psnr", black, video) < 10
    assert measured("cpbd", black, video) == 0


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda v: v[:5], "has 5 frames, the truth 8"),
        (lambda v: v[:, :32], r"has shape \[8, 32, 64, 3\]"),
        (lambda v: v[:0], r"has shape \[0, 64, 64, 3\]"),
        (lambda v: np.where(v > 100, np.nan, v), "not numbers"),
        (lambda v: v / 100.0 - 2, "is float64 .values -1.8 to"),
        (lambda v: v.astype(np.int32) * 3, "is int32"),
    ],
)
def test_unfit_predictions_are_refused_in_one_line(video, spoil, fault):
    with pytest.raises(LipkitError, match=fault) as caught:
        require_pair(spoil(video), video, "lips.npy")
    assert "\n" not in str(caught.value)
    for name in ("psnr", "ssim", "cpbd", "motion"):
        with pytest.raises(LipkitError):
            measured(name, spoil(video), video)


def test_every_metric_says_what_it_is():
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.meaning
        assert metric.convention == ("paper" if name.endswith("_paper") else "standard")
        assert metric.better in ("higher", "lower", "truth")


def test_wrapped_psnr_is_bounded_by_the_largest_square_modulo_256():
    """27.9 dB is what unrelated pictures have; 24.2 is the least that any pair can have."""
    squares = np.arange(256, dtype=np.uint8) ** 2
    worst = int(squares.argmax())
    truth = np.zeros((1, 64, 64), np.uint8)
    assert squares.max() == 249
    assert wrapped_psnr(truth + np.uint8(worst), truth)[0] == pytest.approx(24.17, abs=0.01)
