"""Frames drawn in the picture itself: what moves, what does not, and how sharp it stays."""

import cv2
import numpy as np
import pytest
from portraits import large_portrait
from scipy.ndimage import gaussian_filter
from trained_generators import trained

from lipkit.face.lips import crop, paste_back
from lipkit.generation import (
    LogMel,
    Move,
    Redrawing,
    for_inference,
    generate_frames,
    generate_moves,
    talking_picture,
)
from lipkit.generation.jaw import CHIN, Jaw
from lipkit.metrics.cpbd import cpbd
from lipkit.weights import load_weights

pytestmark = pytest.mark.slow

BOX = np.float32([299.5, 219.5, 256])
"""Four picture pixels a lip pixel."""
SHUT = np.float32(
    [
        [32 - wide * np.cos(2 * np.pi * k / count), 32 - high * np.sin(2 * np.pi * k / count)]
        for count, wide, high in ((12, 20, 5), (8, 15, 1))
        for k in range(count)
    ]
)
"""A mouth's 20 points, lip pixels, in dlib's order."""


def a_move(**parts: np.ndarray) -> Move:
    """A mouth that keeps still, but for ``parts``."""
    grey = np.full((64, 64, 3), 128, np.float32)
    still = Move(
        np.zeros((64, 64, 2), np.float32), np.zeros((64, 64), np.float32), grey, grey, SHUT, SHUT
    )
    return still._replace(**parts)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """Coloured noise, u8 [500, 600, 3]."""
    return np.random.default_rng(0).integers(0, 256, (500, 600, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    """Landmarks around BOX: a jaw 400 pixels wide, a chin 150 pixels below the mouth."""
    points = np.zeros((68, 2), np.float32)
    angle = np.linspace(np.pi, 0, 17)
    points[:17] = np.stack([299.5 + 200 * np.cos(angle), 170 + 200 * np.sin(angle)], 1)
    points[48:] = (SHUT - 31.5) * 4 + BOX[:2]
    return points


def test_where_nothing_moves_the_frame_is_the_picture(picture, face):
    for points in (None, face):
        assert np.array_equal(Redrawing(picture, BOX, points).frame(a_move()), picture)
    noise = np.random.default_rng(1).uniform(-0.06, 0.06, (64, 64, 2)).astype(np.float32)
    tint = np.full((64, 64, 3), 128.9, np.float32)
    frame = Redrawing(picture, BOX).frame(a_move(flow=noise, lips=tint))
    assert np.array_equal(frame, picture)


def test_pixels_come_from_where_the_flow_says(picture):
    """A flow of whole picture pixels copies them: nothing is enlarged or smoothed."""
    flow = np.full((64, 64, 2), (2.0, -1.0), np.float32)
    # What is shorter than motion is taken off every length.
    flow *= 1 + 0.1 / np.hypot(2, 1)
    frame = Redrawing(picture, BOX).frame(a_move(flow=flow))
    middle = slice(180, 260), slice(260, 340)
    moved = picture[180 - 4 : 260 - 4, 260 + 8 : 340 + 8]
    assert np.abs(frame[middle].astype(int) - moved).mean() < 1
    assert np.abs(frame[middle].astype(int) - picture[middle]).mean() > 40
    outside = np.ones(picture.shape[:2], bool)
    outside[219 - 128 - 40 : 219 + 128 + 40, 299 - 128 - 40 : 299 + 128 + 40] = False
    assert np.array_equal(frame[outside], picture[outside])


def test_paint_is_laid_over_with_a_crisp_outline(picture):
    x, y = np.meshgrid(np.arange(64), np.arange(64))
    disc = np.float32(np.hypot(x - 31.5, y - 31.5) < 10)
    red = np.where(disc[..., None] > 0, np.float32([200, 10, 10]), np.float32([128, 128, 128]))
    grey = np.full_like(picture, 128)
    frame = Redrawing(grey, BOX).frame(a_move(share=0.8 * disc, lips=red)).astype(int)
    centre = frame[219, 299]
    np.testing.assert_allclose(centre, (200, 10, 10), atol=3)
    # Across the edge at the right: from red to grey within two lip pixels.
    line = frame[219, 299:, 1]
    between = (line > 30) & (line < 110)
    assert 1 <= between.sum() <= 8
    assert abs(np.flatnonzero(line > 70)[0] - 40) < 6
    assert (frame[219, 299 + 56 :] == 128).all()


def test_a_tint_keeps_the_detail_under_it(picture):
    darker = np.full((64, 64, 3), 108, np.float32)
    mid = np.uint8(60 + picture // 3)
    share = np.full((64, 64), 0.05, np.float32)
    frame = Redrawing(mid, BOX).frame(a_move(share=share, lips=darker)).astype(int)
    change = (frame - mid)[190:250, 270:330]
    assert set(np.unique(change)) <= {-19, -20}


def test_the_chin_follows_the_lip_and_nothing_folds(face):
    y, x = np.mgrid[-8:140, -40:104].astype(np.float32)
    in_lips = (face - BOX[:2]) / 4 + 31.5
    jaw = Jaw(in_lips, x, y)
    for drop in (-6.0, 3.0, 12.0):
        open_mouth = SHUT.copy()
        open_mouth[7:12, 1] += drop
        flow = jaw.flow(open_mouth, SHUT)
        place = np.float32(in_lips[8] + (40, CHIN * drop + 8))[:, None, None]
        at_chin = cv2.remap(np.float32(flow), *place, cv2.INTER_LINEAR)[0, 0]
        assert at_chin == pytest.approx(-CHIN * drop, rel=0.06)
        assert np.abs(flow[y < 12]).max() == 0, "no cheek high above the mouth moves"
        assert np.abs(flow[-1]).max() == 0, "nor far below the chin"
        ruled = jaw.takes_over(open_mouth)[1:] > 0.5
        rows = 1 + np.diff(flow, axis=0)
        assert rows[ruled].min() > 0.1, "no row overtakes the one below it"


def test_the_jaw_moves_beyond_the_box(picture, face):
    soft = np.uint8(np.clip(128 + 900 * (gaussian_filter(picture / 255, (4, 4, 0)) - 0.5), 0, 255))
    open_mouth = SHUT.copy()
    open_mouth[7:12, 1] += 8
    chin = slice(355, 372), slice(280, 320)
    frame = Redrawing(soft, BOX, face).frame(a_move(points=open_mouth)).astype(int)
    assert np.abs(frame[chin] - soft[chin]).mean() > 8
    # About .77 of four times eight pixels up the picture.
    shifts = [np.abs(frame[chin] - soft[355 - n : 372 - n, 280:320]).mean() for n in range(40)]
    assert abs(int(np.argmin(shifts)) - 25) <= 3
    alone = Redrawing(soft, BOX).frame(a_move(points=open_mouth))
    assert np.array_equal(alone, soft)
    assert np.array_equal(frame[:140], soft[:140])


def test_a_box_at_the_pictures_edge(picture):
    flow = np.full((64, 64, 2), (3.0, 3.0), np.float32)
    for x, y in ((0, 0), (599, 499), (300, 499), (-400, 100)):
        frame = Redrawing(picture, np.float32([x, y, 256])).frame(a_move(flow=flow))
        assert frame.shape == picture.shape
        assert (frame != picture).any() == (x > -400)


@pytest.fixture(scope="module")
def plus():
    generator, card = load_weights("plus")
    return for_inference(generator), card


@pytest.fixture(scope="module")
def speech(plus) -> LogMel:
    from lipkit.talker import talking_clip

    card = plus[1]
    return LogMel(talking_clip(0, "bin blue at f two now", 1).samples, card)


def sharpness(lips: np.ndarray) -> np.ndarray:
    """CPBD and gradient energy of u8 [n, n, 3]."""
    grey = cv2.cvtColor(lips, cv2.COLOR_RGB2GRAY)
    down, along = np.gradient(grey.astype(np.float32))
    return np.array([cpbd(grey[None])[0], (down**2 + along**2).mean()])


@pytest.mark.parametrize("side", [256, 512, 1024])
def test_talking_lips_are_as_sharp_as_the_picture(plus, speech, side):
    generator = plus[0]
    portrait = large_portrait(0, side)
    still = sharpness(portrait.cut(portrait.picture))
    moves = list(generate_moves(generator, portrait.lips.image, speech))[::10]
    drawing = Redrawing(portrait.picture, portrait.lips.box, portrait.lips.face)
    frames = [drawing.frame(move) for move in moves]
    found = np.mean([sharpness(portrait.cut(frame)) for frame in frames], axis=0)
    np.testing.assert_allclose(found / still, 1, atol=0.1)
    # Above the lips nothing moves, and in between something did.
    assert all(np.array_equal(f[: side // 3], portrait.picture[: side // 3]) for f in frames)
    assert max(move.share.max() for move in moves) > 0.5
    # The same lips, drawn in 64 pixels and enlarged, have lost much of the detail.
    lips = np.uint8(np.clip(moves[3].lips, 0, 255))
    pasted = sharpness(portrait.cut(paste_back(portrait.picture, lips, portrait.lips.box)))
    assert found[1] > 1.5 * pasted[1]


def test_a_redrawn_mouth_is_the_generated_one(plus, speech):
    """Shrunk to 64 pixels again, it is the lip image that the network made."""
    generator = plus[0]
    portrait = large_portrait(1, 256)
    moves = list(generate_moves(generator, portrait.lips.image, speech))[::8]
    drawing = Redrawing(portrait.picture, portrait.lips.box, portrait.lips.face)
    inner = slice(14, 50)
    for move in moves:
        small = crop([drawing.frame(move)], portrait.lips.box[None])[0][inner, inner]
        assert np.abs(small - move.lips[inner, inner]).mean() < 6


def test_a_portrait_talks_in_its_own_pixels(plus, speech):
    portrait = large_portrait(0, 256)
    said = talking_picture(plus[0], portrait.picture, portrait.lips, speech[: 4 * 40])
    moves = generate_moves(plus[0], portrait.lips.image, speech[: 4 * 40])
    drawing = Redrawing(portrait.picture, portrait.lips.box, portrait.lips.face)
    for frame, move in zip(said, moves, strict=True):
        assert np.array_equal(frame, drawing.frame(move))


def test_a_portrait_shrunk_on_demand_talks_too(plus, speech):
    portrait = large_portrait(0, 256)
    said = talking_picture(plus[0], portrait.picture, portrait.lips, speech[: 4 * 40], 600)
    small = list(said)[-1]
    whole = list(talking_picture(plus[0], portrait.picture, portrait.lips, speech[: 4 * 40]))[-1]
    assert max(small.shape) == 600
    alike = cv2.resize(whole, small.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - alike).mean() < 2


def test_moves_are_those_of_the_video(speech):
    generator = trained(architecture="warp", width=1 / 4)
    lips = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    frames = list(generate_frames(generator, lips, speech[: 4 * 30]))
    moves = list(generate_moves(generator, lips, speech[: 4 * 30], chunk=7))
    assert len(moves) == len(frames) == 30
    for move, frame in zip(moves, frames, strict=True):
        assert np.abs(move.lips - frame).max() < 0.6
    points = np.stack([move.points for move in moves])
    assert points.shape == (30, 20, 2)
    assert np.ptp(points, axis=0).max() > 0
