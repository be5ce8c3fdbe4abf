"""Weights and checkpoints of the first card format, read as this one has them.

In format 1 all generators had one class of settings and every loss of ours a bare weight. The
tensors are the same: only the settings' names have changed (:mod:`lipkit.presets.renamed`).
"""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from lipkit.errors import LipkitError, UsageError
from lipkit.files import replacing
from lipkit.models.catalogue import build_generator
from lipkit.presets import Preset
from lipkit.presets.renamed import upgraded
from lipkit.settings import from_dict
from lipkit.weights import CARD_FORMAT, Card, Weights, parse_card


def upgraded_card(values: dict[str, Any]) -> Card:
    """The card of a header of format 1.

    Raises
    ------
    KeyError, TypeError, ValueError, LipkitError
        When it is none.
    """
    if values["format"] != 1:
        raise ValueError(f"card format {values['format']}")
    return parse_card({**values, "preset": upgraded(values["preset"]), "format": CARD_FORMAT})


def upgrade_file(old: str | Path, new: str | Path) -> Card:
    """Write weights of format 1 anew, tensors as they are; the new card.

    Raises
    ------
    LipkitError
        When the file holds no weights of format 1.
    """
    old = Path(old)
    try:
        with safe_open(old, framework="pt") as file:
            card = upgraded_card(json.loads((file.metadata() or {})["card"]))
        data = old.read_bytes()
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, UsageError) as error:
        raise LipkitError(f"{old}: holds no weights of lipkit's first format") from error
    # The header is JSON behind its own length, padded with spaces; then come the tensors.
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"]["card"] = card.to_json()
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with replacing(new) as temporary:
        temporary.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
    return card


def read_checkpoint(state: dict[str, Any], about: dict[str, Any]) -> Weights:
    """The generator of a ``checkpoint.pt`` of format 1, in eval mode, with a card.

    Parameters
    ----------
    state:
        As :func:`lipkit.training.run_folder.load_checkpoint` gives it.
    about:
        What the checkpoint does not say of itself, by the card's fields: ``corpus``, ``split``,
        ``clips``, ``date``, and ``metrics``, ``data_licence``, ``quiet``, ``level``, ``note`` where
        known.
    """
    preset = from_dict(Preset, upgraded(state["preset"]))
    generator = build_generator(preset.generator)
    networks = state["networks"]
    generator.load_state_dict(networks.get("average", networks["generator"]))
    statistics = dict(state["statistics"])
    card = Card(preset=preset, statistics=statistics, step=state["step"], **about)
    return Weights(generator.eval(), card)
