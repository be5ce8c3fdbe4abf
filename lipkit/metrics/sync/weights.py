"""The file of the sync network: safetensors in half precision, with a card in its header."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from lipkit.errors import LipkitError
from lipkit.files import replacing
from lipkit.models.sync_network import SyncNetwork
from lipkit.weights import check_numbers, shipped

SHIPPED = shipped.FOLDER / f"{shipped.SYNC}{shipped.SUFFIX}"
"""The weights that come with the kit; made by ``data_scripts/train_sync.py``."""

_KIND = "lipkit sync network"


def save_sync(path: str | Path, network: SyncNetwork, card: dict[str, Any]) -> None:
    """Write the network with a card: what it learnt from, for how long, how well, and whose data.

    The tensors are stored as float16, which changes no distance by more than 0.002.
    """
    tensors = {
        name: tensor.detach().cpu().half().contiguous() if tensor.is_floating_point() else tensor
        for name, tensor in network.state_dict().items()
    }
    text = json.dumps({"kind": _KIND, **card}, ensure_ascii=False, sort_keys=True)
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors, metadata={"card": text}))


@cache
def load_sync(path: str | Path = SHIPPED) -> SyncNetwork:
    """The network in eval mode, float32; read once per process.

    Raises
    ------
    LipkitError
        When the file is missing, broken, or holds something else.
    """
    read_sync_card(path)
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    network = SyncNetwork()
    try:
        network.load_state_dict(tensors)
    except RuntimeError:
        raise LipkitError(
            f"{path}: has the weights of another sync network; train one of this version with "
            "data_scripts/train_sync.py"
        ) from None
    for name, tensor in tensors.items():
        check_numbers(Path(path), name, tensor, network.state_dict()[name])
    return network.eval().requires_grad_(False)


def read_sync_card(path: str | Path = SHIPPED) -> dict[str, Any]:
    """The card alone.

    Raises
    ------
    LipkitError
        As :func:`load_sync`.

    >>> "step" in read_sync_card()
    True
    """
    if not Path(path).is_file():
        raise LipkitError(
            f"{path}: no such weights; install lipkit again or train them with "
            "data_scripts/train_sync.py"
        )
    try:
        with safe_open(path, framework="pt") as file:
            card = json.loads((file.metadata() or {})["card"])
        if card["kind"] != _KIND:
            raise ValueError
    except (SafetensorError, KeyError, TypeError, ValueError):
        raise LipkitError(
            f"{path}: no weights of a sync network; give a file that data_scripts/train_sync.py "
            "wrote"
        ) from None
    return card
