"""Other voices, other light, other places: variety that a small corpus does not have.

One man says almost all of what ``plus`` learns from. So each training window is changed as
if by another microphone and throat, lamp and camera; what the mouth says stays. All draws
come from the generator that is handed in, so that a window's depend on its number alone.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from scipy.signal import lfilter

from lipkit.config import COLUMNS_PER_FRAME, FPS, LIP_SIZE, SAMPLE_RATE
from lipkit.data.spectrogram import FLOOR_DB, mel_filters

MIRRORED = np.r_[6:-1:-1, 11:6:-1, 16:11:-1, 19:16:-1]
"""Mouth point i of a mirrored picture is mouth point MIRRORED[i] of the picture."""
SILENT_SHARE = 0.04
"""Of the windows, how many become silence in which the mouth rests."""
COLUMN = 1 / (FPS * COLUMNS_PER_FRAME)
"""Seconds of a log-mel column."""
DB = np.log(10) / 10
"""Natural logarithm of a power ratio of 1 dB."""


@dataclass
class Sample:
    """One training window as it is stored, changed in place."""

    video: np.ndarray
    """u8 [N, 64, 64, 3]: the frames that are judged."""
    identity: np.ndarray
    """u8 [64, 64, 3]."""
    logmel: np.ndarray
    """f32 [4T, 128], dB."""
    points: np.ndarray
    """f32 [T, 20, 2], lip pixels."""
    identity_points: np.ndarray
    """f32 [20, 2], lip pixels."""
    frames: np.ndarray
    """int64 [N]: which of the T frames the video holds."""


def other_looks(sample: Sample, rng: np.random.Generator) -> None:
    """Another skin, light, side and place, each in some of the windows."""
    pictures = np.concatenate([sample.identity[None], sample.video])
    points = np.concatenate([sample.identity_points[None], sample.points])
    if rng.random() < 0.35:
        pictures = other_skin(pictures, points[np.r_[0, sample.frames + 1]], rng)
    pictures = other_light(pictures, rng)
    if rng.random() < 0.5:
        pictures, points = mirror(pictures, points)
    if rng.random() < 0.45:
        pictures, points = other_place(pictures, points, rng)
    sample.identity, sample.video = pictures[0], pictures[1:]
    sample.identity_points, sample.points = points[0], points[1:]


def silence(sample: Sample, picture: np.ndarray, points: np.ndarray, rng) -> None:
    """Quiet, and the mouth as it rests: u8 [64, 64, 3] and its points f32 [20, 2]."""
    quiet = np.full_like(sample.logmel, FLOOR_DB)
    if rng.random() < 0.5:
        quiet += rng.normal(0, 1, quiet.shape).astype(np.float32)
    if rng.random() < 0.6:
        quiet = add_power(quiet, rng.uniform(-100, -70) + rng.normal(0, 2, quiet.shape))
    sample.logmel = quiet
    sample.video = np.repeat(picture[None], len(sample.video), 0)
    sample.points = np.repeat(points[None], len(sample.points), 0)


def other_voice(logmel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another throat, loudness, microphone and room: f32 [4T, 128] dB -> the same shape."""
    bands = logmel.shape[1]
    if rng.random() < 0.6:  # a longer or shorter vocal tract stretches the spectrum
        place = np.clip(np.arange(bands) * np.exp(rng.normal(0, 0.07)), 0, bands - 1)
        low = np.floor(place).astype(int)
        share = (place - low).astype(np.float32)
        logmel = logmel[:, low] * (1 - share) + logmel[:, np.minimum(low + 1, bands - 1)] * share
    logmel = logmel + (rng.normal(0, 7) + curve(rng.normal(0, 4, 5), bands)).astype(np.float32)
    if rng.random() < 0.5:
        noise = rng.uniform(-90, -45) + curve(rng.normal(0, 6, 4), bands)
        logmel = add_power(logmel, noise + rng.normal(0, 2, logmel.shape))
    if rng.random() < 0.4:  # bands that are not heard
        width = int(rng.integers(4, 20))
        first = int(rng.integers(0, bands - width))
        logmel[:, first : first + width] = logmel[:, first : first + width].mean()
    return elsewhere(logmel, rng).astype(np.float32)


def elsewhere(logmel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another room, a telephone, a recording without its treble: f32 [4T, 128] dB."""
    if rng.random() < 0.25:
        logmel = echo(logmel, rng.uniform(0.1, 0.6), rng.uniform(-16, -4))
    draw = rng.random()
    if draw < 0.05:
        logmel = band(logmel, 300.0, 3400.0)
    elif draw < 0.30:
        logmel = band(logmel, 0.0, float(rng.choice([4000, 5500, 7000, 8000, 11000])))
    return logmel


def echo(logmel: np.ndarray, seconds: float, decibels: float) -> np.ndarray:
    """A room whose sound dies away by 60 dB in so many seconds; its echo has so much power."""
    decay = 10 ** (-6 * COLUMN / seconds)
    share = 10 ** (decibels / 10) * (1 - decay)
    power = np.exp(np.asarray(logmel, np.float64) * DB)
    tail = lfilter([0.0, share], [1.0, -decay], power, axis=0)
    return (np.log(power + tail) / DB).astype(np.float32)


def band(logmel: np.ndarray, low: float, high: float) -> np.ndarray:
    """What lies between two frequencies, Hz; the rest falls by 12 dB in each quarter octave,
    and no lower than silence."""
    centre = band_centres()
    beyond = np.maximum(np.log2(np.maximum(low, 1.0) / centre), np.log2(centre / high))
    return np.maximum(logmel - 48 * np.maximum(beyond, 0), FLOOR_DB).astype(np.float32)


@cache
def band_centres() -> np.ndarray:
    """Frequency of the middle of each mel band, Hz, f64 [128]."""
    filters = mel_filters()
    frequencies = np.linspace(0, SAMPLE_RATE / 2, filters.shape[1])
    return np.maximum((filters @ frequencies) / np.maximum(filters.sum(1), 1e-12), 1.0)


def add_power(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The dB of two sounds together, f32: their powers add."""
    return (np.logaddexp(a * DB, b * DB) / DB).astype(np.float32)


def curve(heights: np.ndarray, count: int) -> np.ndarray:
    """``count`` values along straight lines through ``heights``, evenly spread."""
    return np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(heights)), heights)


def other_light(pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One other exposure, tint, contrast and saturation for all pictures u8 [N, H, W, 3]."""
    gain = np.exp(rng.normal(0, 0.05, 3) + rng.normal(0, 0.2))
    changed = np.clip(pictures * gain + rng.normal(0, 8), 0, 255)
    if rng.random() < 0.25:
        changed = changed[..., rng.permutation(3)]
    if rng.random() < 0.5:
        changed = 255 * (changed / 255) ** np.exp(rng.normal(0, 0.25))
    if rng.random() < 0.4:
        colour = rng.uniform(0, 1.5)
        changed = changed.mean(-1, keepdims=True) * (1 - colour) + changed * colour
    return np.clip(np.round(changed), 0, 255).astype(np.uint8)


def mirror(pictures: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Left for right: pictures u8 [N, 64, 64, 3] and points f32 [M, 20, 2]."""
    points = points[:, MIRRORED].copy()
    points[..., 0] = LIP_SIZE - 1 - points[..., 0]
    return pictures[:, :, ::-1], points


def other_place(
    pictures: np.ndarray, points: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Turned, stretched and moved, one way for all: bicubic, the border mirrored."""
    turn = rng.normal(0, 0.07)
    stretch = np.exp(rng.normal(0, 0.08) + rng.normal(0, 0.08, 2))
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = matrix @ np.diag(stretch)
    middle = np.full(2, (LIP_SIZE - 1) / 2)
    shift = middle - matrix @ middle + rng.normal(0, 0.03 * LIP_SIZE, 2)
    affine = np.column_stack([matrix, shift])  # of a place in the new picture -> in the old
    moved = [
        cv2.warpAffine(
            np.ascontiguousarray(picture),
            affine,
            (LIP_SIZE, LIP_SIZE),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT,
        )
        for picture in pictures
    ]
    points = (points - shift) @ np.linalg.inv(matrix).T
    return np.stack(moved), points.astype(np.float32)


def other_skin(pictures: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A beard and lips of another colour: u8 [N, 64, 64, 3], points f32 [N, 20, 2] of each.

    One texture for all pictures, which the lips of each leave open: a face without a beard
    teaches that the mouth is what is red on light skin, and fails on the next that has one.
    """
    rows = np.linspace(-1, 1, LIP_SIZE)[:, None]
    grown = np.clip(0.5 + 3 * (rng.uniform(-1, 1) * rows + rng.uniform(-0.5, 0.5)), 0, 1)
    patches = cv2.resize(rng.random((5, 5)), (LIP_SIZE, LIP_SIZE), interpolation=cv2.INTER_CUBIC)
    thick = rng.uniform(0.3, 0.9) * np.clip(grown * (0.5 + patches), 0, 1)
    hair = rng.uniform(10, 110) * (1 + rng.normal(0, 0.12, 3))
    grain = cv2.GaussianBlur(rng.normal(0, 1, (LIP_SIZE, LIP_SIZE)), (0, 0), rng.uniform(0.6, 1.5))
    hair = hair + rng.uniform(0, 60) * grain[..., None]
    bearded, lips_gain = rng.random() < 0.7, np.exp(rng.normal(0, 0.1, 3))
    changed = []
    for picture, mouth in zip(pictures.astype(np.float64), points, strict=True):
        lips, inside = _filled(mouth[:12]), _filled(mouth[12:])
        picture = picture * (1 + (lips_gain - 1) * (lips * (1 - inside))[..., None])
        if bearded:
            share = (thick * (1 - lips))[..., None]
            picture = picture * (1 - share) + hair * share
        changed.append(picture)
    return np.clip(np.round(changed), 0, 255).astype(np.uint8)


def _filled(outline: np.ndarray) -> np.ndarray:
    """1 within the polygon f32 [P, 2], 0 outside, soft over two pixels: f64 [64, 64]."""
    mask = np.zeros((LIP_SIZE, LIP_SIZE), np.uint8)
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 255, shift=4)
    return cv2.GaussianBlur(mask, (0, 0), 0.8) / 255.0
