"""Several processes for ``test_training_processes``: PREPARED OUT -> a run, and what each saw."""

import atexit
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.distributed as distributed
from torch import nn
from training_sets import TWO_STEPS, settings

from lipkit.config import TrainConfig
from lipkit.errors import UsageError
from lipkit.training import train
from lipkit.training.devices import launch
from lipkit.training.recipe import OneLossRecipe
from lipkit.training.sharing import average_gradients, synchronise_batch_norm
from lipkit.training.trainer import Trainer


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


class Draws(OneLossRecipe):
    """Learns nothing, and notes what each step of this process drew."""

    name, steps, batch_size = "draws", 4, 2

    def __init__(self, fabric) -> None:
        network = nn.Linear(1, 1)
        super().__init__(network, torch.optim.SGD(network.parameters(), lr=0.0), fabric)
        self.drawn: list[float] = []

    def batches(self, step: int) -> Iterator[int]:
        return iter(range(step, self.steps))

    def loss(self, batch: int) -> torch.Tensor:
        self.drawn.append(torch.rand(()).item())
        return self.network.weight.sum()


def draws(fabric, out: Path) -> dict[str, list[float]]:
    """What the steps of an undisturbed run drew, and those of one that was cut and resumed."""
    config = TrainConfig(batch_size=2, device="cpu", checkpoint_steps=2)
    whole = Draws(fabric)
    Trainer([whole], fabric, config).fit()
    first = Draws(fabric)
    first.steps = 2
    Trainer([first], fabric, config, out).fit()
    rest = Draws(fabric)
    trainer = Trainer([rest], fabric, config, out)
    assert trainer.begin(resume=True)
    trainer.fit()
    return {"whole": whole.drawn, "resumed": first.drawn + rest.drawn}


def note_parting(path: Path) -> None:
    """Leave word whether the processes had parted when this one came to its end."""
    path.write_text(json.dumps(not distributed.is_initialized()))


def main() -> None:
    """Train with all losses, two windows per process; compare batch norm; share an odd batch."""
    prepared, out = map(Path, sys.argv[1:])
    torch.set_num_threads(1)
    # What is registered first is run last.
    atexit.register(note_parting, out / f"parted-{os.getpid()}.json")
    train(prepared, settings(TWO_STEPS), out, progress=True)
    fabric = launch(TrainConfig(batch_size=2, device="cpu"))
    try:
        launch(TrainConfig(batch_size=3, device="cpu"))
        refused = ""
    except UsageError as error:
        refused = str(error)
    drawn = draws(fabric, out / "draws")
    result = {
        "drawn": drawn,
        "world": fabric.world_size,
        "refused": refused,
        "batch_norm": batch_norm(fabric),
    }
    (out / f"rank{fabric.global_rank}.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
