"""Several processes for ``test_training_processes``: PREPARED OUT -> a run, and what each saw."""

import atexit
import json
import os
import sys
from pathlib import Path

import torch
import torch.distributed as distributed
from torch import nn
from training_sets import TWO_STEPS, settings

from lipkit.config import TrainConfig
from lipkit.errors import UsageError
from lipkit.training import train
from lipkit.training.devices import launch
from lipkit.training.sharing import average_gradients, synchronise_batch_norm


def batch_norm(fabric) -> dict[str, float]:
    """Largest differences between shared batch norm and one process with all the values."""
    torch.manual_seed(0)
    whole = torch.randn(6, 3, 4, 5) * 2 + 1
    weights = torch.randn(6, 3, 4, 5)
    plain = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
    shared = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
    shared.load_state_dict(plain.state_dict())
    shared = synchronise_batch_norm(shared, fabric)
    mine = slice(3 * fabric.global_rank, 3 * fabric.global_rank + 3)
    expected = plain(whole)
    (expected * weights).mean().backward()
    made = shared(whole[mine])
    (made * weights[mine]).mean().backward()
    average_gradients(fabric, shared.parameters())
    found = {"output": (made - expected[mine]).abs().max().item()}
    for (name, one), other in zip(plain.named_parameters(), shared.parameters(), strict=True):
        found[f"gradient of {name}"] = (one.grad - other.grad).abs().max().item()
    for (name, one), other in zip(plain.named_buffers(), shared.buffers(), strict=True):
        found[name] = (one - other).abs().max().item()
    return found


def note_parting(path: Path) -> None:
    """Leave word whether the processes had parted when this one came to its end."""
    path.write_text(json.dumps(not distributed.is_initialized()))


def main() -> None:
    """Train with all losses, two windows per process; compare batch norm; share an odd batch."""
    prepared, out = map(Path, sys.argv[1:])
    torch.set_num_threads(1)
    # What is registered first is run last.
    atexit.register(note_parting, out / f"parted-{os.getpid()}.json")
    train(prepared, settings(TWO_STEPS), out, progress=False)
    fabric = launch(TrainConfig(batch_size=2, device="cpu"))
    try:
        launch(TrainConfig(batch_size=3, device="cpu"))
        refused = ""
    except UsageError as error:
        refused = str(error)
    result = {"world": fabric.world_size, "refused": refused, "batch_norm": batch_norm(fabric)}
    (out / f"rank{fabric.global_rank}.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
