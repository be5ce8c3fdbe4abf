"""What to know about an identity before its video disappoints: notes, never refusals.

Each says what was seen, what will come of it, and what picture to take instead.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from lipkit.config import LIP_SIZE
from lipkit.data.tensors import to_image_tensor
from lipkit.face.lips import lip_points
from lipkit.face.mouth import INNER, mouth_opening, mouth_width
from lipkit.generation.identity import LipImage
from lipkit.generation.moves import can_move
from lipkit.generation.paste import LARGEST_SIDE

OPEN = 0.22
"""Opening of the inner lips over the mouth's width. dlib's points on shut mouths reach 0.2."""
TEETH = (20.0, 6.0)
"""Teeth are lighter than the lips by so many, and less red by so many steps of CIE L*a*b* in 8
bits. A smiling photograph has 68 and 10; drawn and real lips that are shut, and all but one of
GRID's speakers in the middle of a word, do not have both."""
TEETH_AREA = 120
"""Lip pixels between the inner lips; fewer show no teeth to speak of."""
ASTRAY = 4.5
"""Lip pixels, mean distance between dlib's mouth points and those that the generator sees. 38
pictures of 24 people have .5 to 3.7; with a hand, a mask or a microphone drawn over the mouth, 108
of 113 have more than this."""
EVEN = 0.15
"""Share of lip pixels in even areas, where nine neighbours differ by one grey level at most.
Photographs have up to .06, cartoons .2 to .5, an overexposed photograph .65."""
SOFT = 1.5
"""Picture pixels in a lip pixel, from where on drawn lips look soft."""


def notes_on_identity(name: str | Path, lips: LipImage, generator: nn.Module) -> Iterator[str]:
    """What is outside of what works well in the picture of a face.

    Parameters
    ----------
    name:
        The picture's file.
    lips:
        With ``face``, else there is nothing to say.
    generator:
        The one that will make them speak. Whether the mouth can be seen at all is known by
        one that looks for it alone.
    """
    if lips.face is None:
        return
    points = lip_points(lips.face[None], lips.box[None])[0]
    if can_move(generator) and _astray(lips.image, points, generator) > ASTRAY:
        yield (
            f"{name}: the mouth cannot be made out (covered, blurred, in the dark or turned away); "
            "its motion will be wrong; give a sharp picture with nothing in front of the mouth"
        )
        return
    is_open = mouth_opening(points) > OPEN * mouth_width(points)
    if is_open or _shows_teeth(lips.image, points):
        what = "the mouth is open" if is_open else "teeth show"
        yield (
            f"{name}: {what}, so teeth may hang on the lower lip when it moves; give a picture "
            "with the mouth shut"
        )
    if _even_share(lips.image) > EVEN:
        yield (
            f"{name}: large even areas around the mouth, as in a drawing or an overexposed "
            "photograph; outlines may break where they move; give a photograph with soft light"
        )


def notes_on_size(
    name: str | Path, size: tuple[int, int], largest_side: int | None
) -> Iterator[str]:
    """That a picture of ``size`` (width, height) is shrunk although nobody asked for it."""
    scale = LARGEST_SIDE / max(size)
    if largest_side is None and scale < 1:
        width, height = (round(side * scale) for side in size)
        yield (
            f"{name}: {size[0]} x {size[1]} pixels; the video has {width} x {height}, the most "
            "that players show; --largest-side makes it another size"
        )


def notes_on_softness(
    name: str | Path, lips: LipImage, generator: nn.Module, weights: str
) -> Iterator[str]:
    """That drawn lips look soft in a large picture."""
    times = float(lips.box[2]) / LIP_SIZE
    if not can_move(generator) and times >= SOFT:
        yield (
            f"{name}: {weights} draws lips of {LIP_SIZE} x {LIP_SIZE} pixels, as the paper does; "
            f"enlarged {times:.1f} times they look soft; --still-detail gives them the picture's "
            "detail back where they are shut, and the weights plus keep it everywhere"
        )


@torch.inference_mode()
def _astray(image: np.ndarray, points: np.ndarray, generator: nn.Module) -> float:
    device = next(generator.parameters()).device
    seen = generator.look_encoder(to_image_tensor(image)[None].to(device)).points[0]
    return float(np.linalg.norm(seen.float().cpu().numpy() - points, axis=1).mean())


def _shows_teeth(image: np.ndarray, points: np.ndarray) -> bool:
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.float32)
    between = _filled(points[INNER])
    lips = _filled(points[: INNER.start]) & ~between
    if between.sum() < TEETH_AREA or not lips.any():
        return False
    lighter = np.percentile(lab[between, 0], 90) - np.median(lab[lips, 0])
    paler = np.median(lab[lips, 1]) - np.median(lab[between, 1])
    return bool(lighter > TEETH[0] and paler > TEETH[1])


def _filled(outline: np.ndarray) -> np.ndarray:
    mask = np.zeros((LIP_SIZE, LIP_SIZE), np.uint8)
    cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 1)
    return mask > 0


def _even_share(image: np.ndarray) -> float:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    near = np.ones((3, 3), np.uint8)
    return float((cv2.dilate(grey, near) - cv2.erode(grey, near) <= 1).mean())
