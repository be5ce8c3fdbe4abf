"""Weights with a card: safetensors whose header says what they are. Never pickle."""

import dataclasses
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from lipkit.config import MEL_BANDS
from lipkit.data.description import check_statistics
from lipkit.data.level import speech_level
from lipkit.errors import LipkitError
from lipkit.files import replacing
from lipkit.models.catalogue import build_generator, network_of
from lipkit.presets import Preset
from lipkit.settings import from_dict
from lipkit.weights import shipped

WEIGHTS_NAME = "weights.safetensors"
"""The name of the final weights in a run's folder."""

FLOATS = (torch.float16, torch.bfloat16, torch.float32)
"""In which a network's numbers may be stored."""

CARD_FORMAT = 2
"""2: every setting lies beside the part that has it (:mod:`lipkit.weights.upgrade`: from 1)."""


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
    quiet: list[float] = field(default_factory=list)
    """[128] dB: :func:`quiet_levels` of the training clips, to which generation lifts sound
    that is quieter than any microphone's; empty where it is not known."""
    level: list[float] = field(default_factory=list)
    """[128] dB: :func:`usual_level` of the training clips, at which live speech begins and below
    which ``quiet`` lies; empty where sound is not heard relative to its recording's level."""
    note: str = ""
    """How they were made, where the settings do not say it."""
    format: int = CARD_FORMAT

    def to_json(self) -> str:
        """The card as JSON text."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, sort_keys=True)


def quiet_levels(logmels: Iterable[np.ndarray], percentile: float = 5.0) -> list[float]:
    """What each mel band falls to between words: [4T, 128] dB of some clips -> [128] dB.

    Each band's ``percentile`` over all columns; empty without clips.
    """
    columns = [np.float32(logmel) for logmel in logmels]
    if not columns:
        return []
    levels = np.percentile(np.concatenate(columns), percentile, axis=0)
    return [round(float(level), 2) for level in levels]


def usual_level(logmels: Iterable[np.ndarray]) -> list[float]:
    """The level of speech, [4T, 128] dB of some clips -> [128] dB; empty without speech."""
    levels = [level for logmel in logmels if len(level := speech_level(logmel))]
    return [round(float(band), 2) for band in np.mean(levels, axis=0)] if levels else []


class Weights(NamedTuple):
    """A generator in eval mode and its card."""

    generator: nn.Module
    card: Card


def save_weights(path: str | Path, generator: nn.Module, card: Card, half: bool = False) -> int:
    """Write the generator's parameters and running statistics, with the card in the header.

    Parameters
    ----------
    half:
        Store kernels in 16 bits, for half the size. :func:`load_weights` gives float32 again,
        off by up to 1 part in 2,048. Biases and statistics, which are few, stay in 32 bits.

    Returns
    -------
    int
        The file's size, bytes.

    Raises
    ------
    LipkitError
        When a number is not finite, or, with ``half``, too large for 16 bits.
    """
    tensors = {name: _stored(t, half) for name, t in generator.state_dict().items()}
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise LipkitError(f"{path}: {name} would hold numbers that are not finite; not written")
    # Not save_file, which makes a file that only its owner may read.
    data = save(tensors, metadata={"card": card.to_json()})
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return len(data)


def read_card(path: str | Path) -> Card:
    """The card alone; the tensors are not read.

    Raises
    ------
    LipkitError
        As :func:`load_weights` does.

    >>> read_card("plus").preset.name
    'plus'
    """
    return _card(locate(path))


def load_weights(path: str | Path, pictures: bool = True) -> Weights:
    """Rebuild the generator that a file holds.

    Parameters
    ----------
    path:
        A ``.safetensors`` file, the folder of a finished run, or the name of weights that come
        with the kit (:mod:`lipkit.weights.shipped`). What lies at the path goes before the name.
    pictures:
        Whether the network must draw; False takes one that predicts mouth points alone, too.

    Raises
    ------
    LipkitError
        When there is no such file, when it is a pickle (loading one can run code, so it
        is refused), damaged, without a card, of another shape than its card says, or with
        numbers that no training leaves.

    >>> generator, card = load_weights("plus")
    >>> card.preset.name, generator.training
    ('plus', False)
    """
    path = locate(path)
    card = _card(path)
    if pictures and not network_of(card.preset.generator).draws:
        raise LipkitError(
            f"{path}: predicts mouth points and draws no lips; give other weights, and these to "
            "`lipkit evaluate` only"
        )
    generator = build_generator(card.preset.generator)
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    expected = generator.state_dict()
    if expected.keys() != tensors.keys() or any(
        expected[name].shape != tensors[name].shape for name in expected
    ):
        raise LipkitError(
            f"{path}: the weights do not have the shape that their card says; take another "
            "weights file or train again with `lipkit train`"
        )
    for name, tensor in tensors.items():
        check_numbers(path, name, tensor, expected[name])
    generator.load_state_dict(tensors)  # copies, and so turns 16 bits into 32
    return Weights(generator.eval(), card)


def load(weights: str | Path = shipped.DEFAULT) -> nn.Module:
    """A trained generator as a plain ``torch.nn.Module`` in eval mode, on the CPU.

    Also called :func:`lipkit.load`. It takes the identity image f32 [B, 3, 64, 64] in
    [-1, 1] and the normalised log-mel f32 [B, 1, 4T, 128], and gives f32 [B, 3, T, 64, 64].

    Parameters
    ----------
    weights:
        A ``.safetensors`` file, the folder of a finished run, or the name of weights that come
        with the kit. Its card (:func:`read_card`) says how sound must be normalised:
        ``lipkit.generation.LogMel(samples, read_card(weights))`` is the sound as it hears it.

    Raises
    ------
    LipkitError
        As :func:`load_weights` does.

    >>> import torch
    >>> generator = load("plus")
    >>> tuple(generator(torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 4 * 16, 128)).shape)
    (1, 3, 16, 64, 64)
    """
    return load_weights(weights).generator


def check_numbers(path: Path, name: str, tensor: Tensor, expected: Tensor) -> None:
    """Refuse what would be taken over without a word, and draw black or grey.

    Raises
    ------
    LipkitError
        When ``tensor``, found in the file ``path`` for a parameter or buffer like ``expected``,
        is of another kind or holds what no training leaves.
    """
    kinds = FLOATS if expected.is_floating_point() else (expected.dtype,)
    if tensor.dtype not in kinds:
        kind = str(tensor.dtype).removeprefix("torch.")
        fault = f"{name} is {kind}, which is not read"
    elif not tensor.isfinite().all():
        fault = f"{name} holds numbers that are not finite"
    elif name.endswith("running_var") and (tensor < 0).any():
        fault = f"{name} holds variances below 0"
    else:
        return
    raise LipkitError(
        f"{path}: {fault}; take another weights file or train again with `lipkit train`"
    )


def _stored(tensor: Tensor, half: bool) -> Tensor:
    tensor = tensor.detach().cpu().contiguous()
    kernel = tensor.is_floating_point() and tensor.dim() > 1
    return tensor.to(torch.float16) if half and kernel else tensor


def locate(path: str | Path) -> Path:
    """The file of weights that a file, a run's folder or a shipped name means.

    Raises
    ------
    LipkitError
        When there is none.
    """
    path = Path(path)
    if path.is_dir():
        if not (path / WEIGHTS_NAME).is_file():
            raise LipkitError(
                f"{path}: holds no {WEIGHTS_NAME}; it is written when training ends "
                "(continue an interrupted run with `lipkit train … --resume`)"
            )
        return path / WEIGHTS_NAME
    if path.is_file():
        return path
    if found := shipped.path_of(str(path)):
        return found
    known = ", ".join(shipped.names()) or "none"
    raise LipkitError(
        f"{path}: no such weights; known names: {known}; or make some with "
        f"`lipkit train PREPARED --out RUN` and give RUN/{WEIGHTS_NAME}"
    )


def _card(path: Path) -> Card:
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise LipkitError(f"{path}: cannot be read: {error.strerror}") from error
    # PyTorch's zip archive, its older format, and a bare pickle. A safetensors file begins with
    # its header's length, which may be any eight bytes, and then the header.
    if start[8:9] != b"{" and (start[:2] == b"PK" or start[:1] == b"\x80"):
        raise LipkitError(
            f"{path}: is a pickle file, which can run code when it is loaded; refused. "
            "Give a .safetensors file written by `lipkit train`"
        )
    values = _header(path)
    if values.get("format") == 1:
        raise LipkitError(
            f"{path}: was written by an older lipkit; make a file of this one with "
            f"`python data_scripts/upgrade_weights.py {path} NEW.safetensors`"
        )
    try:
        return parse_card(values)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, LipkitError):
        raise LipkitError(
            f"{path}: has no card that this version of lipkit can read; give a file "
            "written by `lipkit train` of this version"
        ) from None


def _header(path: Path) -> dict[str, Any]:
    """The card as it stands in the file; empty where there is none."""
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
    except SafetensorError:
        raise LipkitError(
            f"{path}: is not a whole safetensors file; copy it again or train anew"
        ) from None
    try:
        values = json.loads(header.get("card", "{}"))
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def parse_card(values: dict[str, Any]) -> Card:
    """The card that ``values``, the JSON of a header, hold.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError, OverflowError, LipkitError
        When they hold none of :data:`CARD_FORMAT`.
    """
    if values["format"] != CARD_FORMAT:
        raise ValueError(f"card format {values['format']}")
    card = Card(**(values | {"preset": from_dict(Preset, values["preset"])}))
    check_statistics(card.statistics)
    texts = (card.corpus, card.split, card.date, card.data_licence, card.note)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a text is none")
    if not all(type(count) is int and count >= 0 for count in (card.clips, card.step)):
        raise ValueError("a count is none")
    if not all(map(_is_number, card.metrics.values())):
        raise ValueError("a metric is not a number")
    for name in ("quiet", "level"):
        levels = getattr(card, name)
        if len(levels) not in (0, MEL_BANDS) or not all(map(_is_number, levels)):
            raise ValueError(name)
    return card


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
