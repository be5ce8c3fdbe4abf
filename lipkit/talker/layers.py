"""What is painted once per person: head, eyes at each stage of a blink, scene, camera noise."""

import cv2
import numpy as np

from lipkit.talker import beard as barber
from lipkit.talker.accessories import glasses
from lipkit.talker.eyes import STAGES, Eyes
from lipkit.talker.hair import Hair
from lipkit.talker.head import LEFT, SCALE, SIZE, TOP, Anatomy, grid, normals
from lipkit.talker.scene import CENTRE, HEIGHT, WIDTH, paint_scene
from lipkit.talker.skin import Light, display, linear, paint_skin
from lipkit.talker.strokes import over


class Layers:
    """The still layers of one person's picture."""

    def __init__(
        self, anatomy: Anatomy, light: Light, eyes: Eyes, rng: np.random.Generator
    ) -> None:
        self.who, self.anatomy, self.light, self._eyes = anatomy.who, anatomy, light, eyes
        x, y = grid()
        lit = paint_skin(anatomy, x, y, light, rng)
        lit *= barber.shaven(anatomy, x, y)
        cover = self._cover()
        lit = _spread_inwards(lit, cover)
        back, front = Hair(anatomy, light, rng).paint()
        front = over(front, barber.brows(anatomy, rng))
        self._hair_shadow(lit, front)
        beard = barber.beard(anatomy, x, y, rng)
        if anatomy.who.glasses != "none":
            front = over(front, glasses(anatomy))
        self.head, self.eye_stages = self._assemble(lit, cover, beard, front, self._ears(x, y))
        """u8 [SIZE, 4] premultiplied without eyes and mouth; the eyes' window at each stage."""
        self.scene = self._stage(back, rng)
        """u8 [HEIGHT, WIDTH, 3]."""
        self.noise = self._camera_noise(rng)
        """What the camera adds and takes: two u8 fields larger than a frame."""

    def _cover(self) -> np.ndarray:
        """Where there is face, f32 0-1."""
        mask = np.zeros(SIZE, np.uint8)
        outline = np.round((self.anatomy.outline() - [LEFT, TOP]) * SCALE * 16).astype(np.int32)
        cv2.fillPoly(mask, [outline], 255, cv2.LINE_AA, 4)
        return cv2.GaussianBlur(mask, (0, 0), 0.8).astype(np.float32) / 255

    def _hair_shadow(self, lit: np.ndarray, front: np.ndarray) -> None:
        """Hair darkens the skin beside it."""
        near = cv2.GaussianBlur(front[..., 3], (0, 0), 4 * SCALE).astype(np.float32) / 255
        down = np.float32([[1, 0, -3 * self.light.direction[0]], [0, 1, 3 * SCALE]])
        near = cv2.warpAffine(near, down, SIZE[::-1])
        lit *= (1 - 0.5 * np.clip(near, 0, 1))[..., None] ** np.float32([0.85, 1, 1.1])

    def _ears(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Both ears, premultiplied u8 [H, W, 4]."""
        who = self.who
        cx = float(self.anatomy.half_width(np.array(14.0))) + 2.2
        dx = (np.abs(x) - cx) + 0.12 * (y - 14)
        r2 = (dx / 6.0) ** 2 + ((y - 13) / 15.5) ** 2
        z = 7 * np.sqrt(np.clip(1 - r2, 0, 1)) - 5.5 * np.exp(-r2 * 4.5)
        z += 1.8 * np.exp(-(((dx - 1) / 1.3) ** 2 + ((y - 14) / 5) ** 2))
        lit = self.light.shade(normals(z.astype(np.float32), 1.5), z.astype(np.float32))
        colour = linear(who.skin) * np.float32([1.0, 0.74, 0.68]) * lit * 0.86
        colour *= (1 - 0.35 * np.exp(-(((np.abs(x) - cx + 5) / 3.0) ** 2)))[..., None]
        cover = np.clip((1 - r2) * 5, 0, 1)[..., None]
        return np.dstack([display(colour) * cover, 255 * cover]).astype(np.uint8)

    def _assemble(self, lit, cover, beard, front, ears) -> tuple[np.ndarray, list[np.ndarray]]:
        """The head without mouth, and its eyes at each stage of a blink (u8)."""
        rows, cols = self._eyes.window

        def finish(picture: np.ndarray, part: tuple) -> np.ndarray:
            a = cover[part][..., None]
            skin = np.dstack([display(picture) * a, 255 * a]).astype(np.uint8)
            layer = over(ears[part], skin)
            layer = over(layer, beard[part])
            return over(layer, front[part])

        everything = slice(0, SIZE[0]), slice(0, SIZE[1])
        head = cv2.GaussianBlur(finish(lit, everything), (0, 0), 0.55)
        stages = []
        for i in range(STAGES):
            patch = self._eyes.paint(lit[rows, cols], i / (STAGES - 1))
            stages.append(cv2.GaussianBlur(finish(patch, self._eyes.window), (0, 0), 0.55))
        return head, stages

    def _stage(self, back: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Backdrop, hair behind, body: u8 [HEIGHT, WIDTH, 3]."""
        who = self.who
        backdrop, body = paint_scene(self.anatomy, self.light, rng)
        k = SCALE * who.scale
        to_frame = np.float32(
            [
                [who.scale, 0, (CENTRE[0] + who.shift[0]) * SCALE + LEFT * k],
                [0, who.scale, (CENTRE[1] + who.shift[1]) * SCALE + TOP * k],
            ]
        )
        behind = cv2.warpAffine(back, to_frame, backdrop.shape[1::-1])
        picture = over(display(backdrop), behind)
        solid = body[..., 3:]
        colour = display(body[..., :3] / np.maximum(solid, 1e-3))
        picture = picture * (1 - solid) + colour * solid
        small = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        return (small + 0.5).astype(np.uint8)

    def _camera_noise(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        shape = (HEIGHT + 64, WIDTH + 64)
        luma = rng.standard_normal(shape, dtype=np.float32)
        chroma = cv2.GaussianBlur(rng.standard_normal((*shape, 3), dtype=np.float32), (0, 0), 1.2)
        field = self.who.noise * (0.9 * luma[..., None] + 1.3 * chroma)
        field = np.round(field).astype(np.int16)
        return np.maximum(field, 0).astype(np.uint8), np.maximum(-field, 0).astype(np.uint8)


def _spread_inwards(lit: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Replace colours at and beyond the outline by those just inside it."""
    solid = (cv2.erode(cover, None, iterations=2) > 0.98).astype(np.float32)
    weight = cv2.GaussianBlur(solid, (0, 0), 2.5)[..., None]
    near = cv2.GaussianBlur(lit * solid[..., None], (0, 0), 2.5) / np.maximum(weight, 1e-3)
    return np.where(solid[..., None] > 0, lit, near).astype(np.float32)
