"""Windows for training the warp generator: few pictures, all points, much variety."""

from typing import Any

import numpy as np
import torch

from lipkit.config import COLUMNS_PER_FRAME
from lipkit.data.augment import SILENT_SHARE, Sample, other_looks, other_voice, silence
from lipkit.data.draws import WindowWeights
from lipkit.data.level import relative, speech_level
from lipkit.data.tensors import scramble
from lipkit.data.windows import Windows
from lipkit.face.lips import lip_points
from lipkit.face.mouth import LOWER_INNER, UPPER_INNER

AROUND = 250
"""Frames before and after a window, ten seconds, from which the level of another voice is told."""
RESTING = 5
"""A clip's frames with the least open mouth: one of them is the mouth at rest."""


class VariedWindows(Windows):
    """Raw windows with what a generator that has points learns from.

    To what :class:`Windows` gives come

    ================ ==================== =========================================
    points           f32 [T, 20, 2]       lip pixels, of every frame
    identity_points  f32 [20, 2]          lip pixels, of the identity frame
    frames           int64 [N]            ``config.rendered`` frames of the window
    ================ ==================== =========================================

    and ``video`` holds these N frames alone: pairs of neighbours, so that there is motion to
    judge. With ``config.augment`` each window is changed (:mod:`lipkit.data.augment`) and a few
    are made silent. All draws depend on (seed, epoch, window) alone.

    Parameters are those of :class:`Windows`; ``raw`` and ``points`` are always on.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **{**named, "raw": True, "points": True})
        self.weights = self._weights() if self.config.balance < 1 else None
        """How often each clip's windows are drawn; None: each window once per epoch."""

    def _weights(self) -> WindowWeights:
        """A speaker's windows together come in proportion to their number^balance."""
        counts = np.diff(self._ends, prepend=0)
        windows = np.bincount(self._speakers.codes, weights=counts)
        weights = np.maximum(windows, 1) ** (self.config.balance - 1.0)
        return WindowWeights(self._ends, weights[self._speakers.codes])

    def batch(self, indices: list[int]) -> dict[str, torch.Tensor]:
        """The windows ``indices``, each tensor with a leading batch axis."""
        whole = super().batch(indices)
        made: dict[str, list[np.ndarray]] = {name: [] for name in (*whole, "identity_points")}
        made["frames"] = []
        for i, index in enumerate(whole["index"].tolist()):
            window = {name: tensor[i].numpy() for name, tensor in whole.items()}
            for name, value in self._vary(index, window).items():
                made[name].append(value)
        return {name: torch.from_numpy(np.stack(values)) for name, values in made.items()}

    def _vary(self, index: int, window: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        rng = np.random.default_rng([self.seed, self.epoch, index])
        frames = self._frames_to_render(rng)
        place = self._place(index)
        file = self._open(place[0])
        frame, other = self._draw(index)
        landmarks, box = file.rows("landmarks", 0, file.frames), file.rows("box", 0, file.frames)
        points = lip_points(landmarks, box)
        sample = Sample(
            window["video"][frames],
            window["identity"],
            window["logmel"].astype(np.float32),
            window["points"],
            points[frame],
            frames,
        )
        if self.config.augment:
            silent = rng.random() < SILENT_SHARE
            if silent:
                gap = points[:, LOWER_INNER, 1] - points[:, UPPER_INNER, 1]
                rest = int(np.argsort(gap, kind="stable")[:RESTING][rng.integers(RESTING)])
                silence(sample, file.rows("lips", rest, rest + 1)[0], points[rest], rng)
            sample.logmel = self._other_voice(place, sample.logmel, rng, silent)
            other_looks(sample, rng)
            if "mismatched" in window:
                # Else the discriminator would know it by its voice, which nobody has changed.
                mismatched = window["mismatched"].astype(np.float32)
                mismatched = self._other_voice(self._place(other), mismatched, rng)
                window["mismatched"] = mismatched.astype(np.float16)
        return {
            **window,
            "video": np.ascontiguousarray(sample.video),
            "identity": np.ascontiguousarray(sample.identity),
            "logmel": sample.logmel.astype(np.float16),
            "points": sample.points,
            "identity_points": sample.identity_points,
            "frames": frames,
        }

    def _other_voice(
        self, place: tuple[int, int], window: np.ndarray, rng: np.random.Generator, silent=False
    ) -> np.ndarray:
        """A window's sound, f32 [64, 128] dB, from another throat, microphone and room.

        Relative to its recording's level, the recording around it sounds so too: its level is that
        of the other voice. What is ``silent`` becomes a pause in it.
        """
        if self.config.level == "set":
            return other_voice(window, rng)
        clip, start = place
        file, start = self._open(clip), start + self.config.sound_shift
        first, stop = max(0, start - AROUND), start + self.config.window + AROUND
        recording = file.rows("logmel", first, min(stop, file.frames)).astype(np.float32)
        begin = (start - first) * COLUMNS_PER_FRAME
        mine = slice(begin, begin + self.config.window * COLUMNS_PER_FRAME)
        if silent:
            recording[mine] = window
        recording = other_voice(recording, rng)
        logmel = relative(recording[mine], speech_level(recording), self.statistics)
        return scramble(logmel) if self.config.mel_axes == "scrambled" else logmel

    def _frames_to_render(self, rng: np.random.Generator) -> np.ndarray:
        window, rendered = self.config.window, self.config.rendered
        if not 0 < rendered < window:
            return np.arange(window)
        first = np.sort(rng.choice(window - 1, -(-rendered // 2), replace=False))
        return np.stack([first, first + 1], axis=1).reshape(-1)[:rendered]
