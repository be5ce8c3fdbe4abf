"""The lips, or the mouth points, that a model makes for every window of a clip."""

import copy
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from lipkit.config import COLUMNS_PER_FRAME, LIP_SIZE
from lipkit.data.clips import PreparedClip
from lipkit.data.tensors import to_image_tensor, to_images
from lipkit.errors import LipkitError, UsageError
from lipkit.evaluation.keys import network_key
from lipkit.face.lips import lip_points
from lipkit.models.catalogue import network_of
from lipkit.settings import did_you_mean
from lipkit.weights import Card, load_weights
from lipkit.weights.hearing import hear_whole

OVERSHOOT = 0.01
"""How far beyond [-1, 1] a generated value may lie: rounding, not a fault."""
BATCH = 16
"""Windows generated at once."""
TEST_BATCH = 8
"""The authors' batch at test (fact sheet section 8)."""
BATCH_NORM = {"running": (False,), "batch": (True,), "both": (False, True)}
"""Whose statistics batch norm takes: the training's running ones, or the test batch's, as the
authors' generator does, which they never switch to evaluation; or a row for each."""


@dataclass(frozen=True, eq=False)
class Model:
    """A network in eval mode, with what its windows look like."""

    label: str
    """Its name in the table."""
    path: str
    card: Card
    generator: torch.nn.Module
    digest: str
    """Of all that its lips depend on: weights, architecture, and how it is given its sound."""
    test_batch_norm: bool = False
    """Whether batch norm takes the statistics of the test batch."""
    articulation: float = 1.0
    """How far its mouth points go, in parts of what was learnt."""
    other_sound: Callable[[str, int], np.ndarray] | None = None
    """Id of a clip and its frames -> log-mel ``[4 * frames, 128]`` to hear instead of its own."""

    @property
    def draws(self) -> bool:
        """Whether it makes lips; else mouth points alone."""
        return network_of(self.card.preset.generator).draws

    @property
    def about(self) -> dict[str, Any]:
        """What the table's row says of itself."""
        card = self.card
        return {
            "kind": "model",
            "draws": self.draws,
            "weights": self.path,
            "digest": self.digest,
            "preset": card.preset.name,
            "corpus": card.corpus,
            "train_split": card.split,
            "train_seed": card.preset.train.seed,
            "step": card.step,
            "trained": card.date,
            "batch_norm": "test batch" if self.test_batch_norm else "running",
            "articulation": self.articulation,
            "sound": "another clip's" if self.other_sound else "own",
        }


def load_models(
    paths: Sequence[str | Path], taken: Sequence[str] = (), batch_norm: str = "running"
) -> list[Model]:
    """Load weights, each under a name of its own: the run's folder, or the file's.

    ``taken`` are names of other rows. Of ``batch_norm``, networks without batch norm know one
    kind only, and have one row.

    Raises
    ------
    UsageError
        For another ``batch_norm`` than those of :data:`BATCH_NORM`.
    LipkitError
        As :func:`lipkit.weights.load_weights`.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if batch_norm not in BATCH_NORM:
        raise UsageError(
            f"batch norm {batch_norm!r} is unknown; {did_you_mean(batch_norm, BATCH_NORM)}"
        )
    models: list[Model] = []
    for path in map(str, paths):
        generator, card = load_weights(path, pictures=False)
        has_batch_norm = any(isinstance(layer, _BatchNorm) for layer in generator.modules())
        digest = _digest(generator, card)
        # What a network of the same numbers makes of them is decided by its code.
        digest = f"{digest}-{network_key(generator)[:16]}"
        name = _label(Path(path), [*taken, *(model.label for model in models)])
        for by_batch in BATCH_NORM[batch_norm] if has_batch_norm else (False,):
            network, label, its_digest = generator.to(device), name, digest
            if by_batch:
                network = _by_batch(network)
                label, its_digest = f"{name}, batch norm at test", f"{digest}-batch"
            models.append(Model(label, path, card, network, its_digest, by_batch))
    return models


def _by_batch(generator: torch.nn.Module) -> torch.nn.Module:
    """A copy whose batch norm knows no running statistics, and so takes the batch's."""
    network = copy.deepcopy(generator)
    for layer in network.modules():
        if isinstance(layer, _BatchNorm):
            layer.running_mean = layer.running_var = None
    return network


def predict(
    model: Model,
    clip: PreparedClip,
    clip_id: str,
    starts: Sequence[int],
    identities: Sequence[int],
    window: int,
) -> np.ndarray:
    """Lips u8 ``[windows, window, 64, 64, 3]`` for the windows of a clip at ``starts``.

    A model that does not draw gives mouth points f32 ``[windows, window, 20, 2]``, lip pixels.
    It is told those of the identity image, which the others must find for themselves.

    Sound is heard as in training (:func:`lipkit.weights.hearing.hear_whole`); in a row about
    another sound it is another clip's.
    Batch norm takes its running statistics, so that a window does not depend on the others;
    where it takes the test batch's, a batch is eight windows of the clip.

    Raises
    ------
    LipkitError
        When the model gives values that are not numbers, leave [-1, 1], or have another shape.
    """
    device = next(model.generator.parameters()).device
    other = model.other_sound
    sound = hear_whole(clip.logmel if other is None else other(clip_id, clip.frames), model.card)
    sound = sound.view(clip.frames, COLUMNS_PER_FRAME, -1)
    frames = np.array(starts)[:, None] + np.arange(window)
    logmel = sound[frames].flatten(1, 2)[:, None].to(device)
    seen = list(identities)
    if model.draws:
        identity = to_image_tensor(clip.lips[seen]).to(device)
    else:
        identity = torch.from_numpy(lip_points(clip.landmarks[seen], clip.box[seen])).to(device)
    where, pieces = f"{model.path}: on {clip_id}", []
    size = TEST_BATCH if model.test_batch_norm else BATCH
    with torch.inference_mode():
        for i in range(0, len(starts), size):
            made = model.generator(identity[i : i + size], logmel[i : i + size])
            if model.draws:
                _require_video(made, window, where)
                pieces.append(to_images(made))
            else:
                _require_finite(made, where)
                pieces.append(made.float().cpu().numpy())
    return np.concatenate(pieces)


def _require_finite(made: torch.Tensor, where: str) -> None:
    if not torch.isfinite(made).all():
        raise LipkitError(f"{where} it makes values that are not numbers; train it again")


def _require_video(video: torch.Tensor, window: int, where: str) -> None:
    wanted = [3, window, LIP_SIZE, LIP_SIZE]
    if list(video.shape[1:]) != wanted:
        raise LipkitError(
            f"{where} it makes {list(video.shape[1:])} where a window is {wanted}; "
            "evaluate it with the settings it was trained with"
        )
    _require_finite(video, where)
    largest = float(video.abs().max())
    if largest > 1 + OVERSHOOT:
        raise LipkitError(
            f"{where} it makes values up to {largest:.2f} where pixels lie in [-1, 1]; "
            "end the generator with tanh or clip its output"
        )


def _label(path: Path, taken: Sequence[str]) -> str:
    name = path.resolve().name if path.is_dir() else path.stem
    if name == "weights" and path.is_file():
        name = path.resolve().parent.name
    label, count = name, 1
    while label in taken:
        count += 1
        label = f"{name} ({count})"
    return label


def _digest(generator: torch.nn.Module, card: Card) -> str:
    data = card.preset.data
    heard = (data.sound_shift, data.mel_axes, data.level, sorted(card.statistics.items()))
    digest = hashlib.sha256(repr((card.preset.generator.architecture, heard)).encode())
    for name, tensor in sorted(generator.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
