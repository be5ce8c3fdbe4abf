"""Weights with a card: safetensors whose header says what they are. Never pickle."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from lipkit.config import Preset
from lipkit.errors import LipkitError
from lipkit.files import replacing
from lipkit.models.generator import Generator
from lipkit.settings import from_dict

WEIGHTS_NAME = "weights.safetensors"
"""The name of the final weights in a run's folder."""

CARD_FORMAT = 1

DATA_LICENCES = {
    "grid": "GRID audio-visual sentence corpus (Cooke et al. 2006), CC BY 4.0",
    "lrw": "Lip Reading in the Wild (BBC), by agreement, research only",
    "ldc": "LDC2009V01, by the Linguistic Data Consortium's agreement",
    "synthetic": "lipkit's synthetic talking face, made by the kit itself",
}
"""Licence of the training data by corpus; the weights' use is bound by it."""


@dataclass(frozen=True)
class Card:
    """What weights are, how they were made and what they may be used for."""

    preset: Preset
    """Every setting of the run, by name."""
    statistics: dict[str, float]
    """``logmel_mean`` and ``logmel_std`` (dB) by which the sound was normalised."""
    corpus: str
    split: str
    clips: int
    """Clips in the training split."""
    step: int
    """Optimiser steps taken."""
    date: str
    """Day on which training ended, ISO 8601."""
    metrics: dict[str, float] = field(default_factory=dict)
    """Such as ``val_l1``, in units of [-1, 1] pixels; empty without a validation split."""
    data_licence: str = ""
    format: int = CARD_FORMAT

    def to_json(self) -> str:
        """The card as JSON text."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, sort_keys=True)


class Weights(NamedTuple):
    """A generator in eval mode and its card."""

    generator: Generator
    card: Card


def save_weights(path: str | Path, generator: Generator, card: Card) -> None:
    """Write the generator's parameters and running statistics, with the card in the header."""
    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in generator.state_dict().items()
    }
    with replacing(path) as temporary:
        # Not save_file, which makes a file that only its owner may read.
        temporary.write_bytes(save(tensors, metadata={"card": card.to_json()}))


def read_card(path: str | Path) -> Card:
    """The card alone; the tensors are not read.

    Raises
    ------
    LipkitError
        As :func:`load_weights` does.
    """
    return _card(_locate(path))


def load_weights(path: str | Path) -> Weights:
    """Rebuild the generator that a file holds.

    Parameters
    ----------
    path:
        A ``.safetensors`` file, or the folder of a finished run.

    Raises
    ------
    LipkitError
        When there is no such file, when it is a pickle (loading one can run code, so it
        is refused), broken, without a card, or of another shape than its card says.
    """
    path = _locate(path)
    card = _card(path)
    generator = Generator(card.preset.generator)
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    expected = generator.state_dict()
    if expected.keys() != tensors.keys() or any(
        expected[name].shape != tensors[name].shape for name in expected
    ):
        raise LipkitError(
            f"{path}: the weights have another shape than their card says; take another "
            "weights file or train again with `lipkit train`"
        )
    generator.load_state_dict(tensors)
    return Weights(generator.eval(), card)


def _locate(path: str | Path) -> Path:
    path = Path(path)
    if path.is_dir():
        if not (path / WEIGHTS_NAME).is_file():
            raise LipkitError(
                f"{path}: holds no {WEIGHTS_NAME}; it is written when training ends "
                "(continue an interrupted run with `lipkit train … --resume`)"
            )
        return path / WEIGHTS_NAME
    if not path.is_file():
        raise LipkitError(
            f"{path}: no such weights; make some with `lipkit train PREPARED --out RUN` "
            f"and give RUN/{WEIGHTS_NAME}"
        )
    return path


def _card(path: Path) -> Card:
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise LipkitError(f"{path}: cannot be read: {error.strerror}") from error
    # PyTorch's zip archive, its older format, and a bare pickle.
    if start[:2] == b"PK" or start[:1] == b"\x80":
        raise LipkitError(
            f"{path}: is a pickle file, which can run code when it is loaded; refused. "
            "Give a .safetensors file written by `lipkit train`"
        )
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
    except SafetensorError:
        raise LipkitError(
            f"{path}: is not a whole safetensors file; copy it again or train anew"
        ) from None
    try:
        return _parse_card(json.loads(header["card"]))
    except (KeyError, TypeError, ValueError, LipkitError):
        raise LipkitError(
            f"{path}: has no card that this version of lipkit can read; give a file "
            "written by `lipkit train` of this version"
        ) from None


def _parse_card(values: dict[str, Any]) -> Card:
    if values["format"] != CARD_FORMAT:
        raise ValueError
    card = Card(**(values | {"preset": from_dict(Preset, values["preset"])}))
    if {"logmel_mean", "logmel_std"} - card.statistics.keys():
        raise ValueError
    return card
