"""Where training runs: one process or several, on CPU or CUDA, started by whom it may be.

``lipkit train`` is one process on one device. ``torchrun --nproc-per-node 4 -m lipkit train …``
or ``fabric run --devices 4 …/lipkit/__main__.py train …`` start several; the loop is the same.
"""

import atexit
import logging
import os

import torch
import torch.distributed as distributed
from lightning_fabric import Fabric

from lipkit.config import TrainConfig
from lipkit.errors import UsageError

PRECISIONS = {"float32": "32-true", "bf16": "bf16-mixed"}
"""Ours -> Fabric's names. bf16 has float32's range, so that no loss needs to be scaled.

On a CPU ``auto`` is float32: the same run gives the same numbers on any machine, and without
instructions for bf16 it would be slower. With them it pays to ask for it: on one core of an AMD
EPYC with AVX-512 BF16 a step of ``tiny`` takes 1.38 times less time, of ``plus`` 1.48, of ``paper``
at a quarter of its width 1.75 (residual kernels of one frame) and 1.80 (of three).
"""


def launch(config: TrainConfig) -> Fabric:
    """Make this process one of the run's; ``world_size`` of them share the work.

    Raises
    ------
    UsageError
        When the settings do not fit the machine or what started this process.
    """
    cuda = torch.cuda.is_available()
    if config.device == "cuda" and not cuda:
        raise UsageError(
            "train.device=cuda: PyTorch finds no CUDA device here; use train.device=auto"
        )
    device = config.device if config.device != "auto" else ("cuda" if cuda else "cpu")
    precision = config.precision
    if precision == "auto":
        precision = "bf16" if device == "cuda" else "float32"
    for option, setting in (("PRECISION", "precision"), ("ACCELERATOR", "device")):
        given = os.environ.get(f"LT_{option}")
        if given not in (None, PRECISIONS[precision], device):
            raise UsageError(
                f"fabric run --{option.lower()} {given}: use lipkit's own --set train.{setting}=…"
            )
    # fabric run tells Fabric the number of processes itself; torchrun does not.
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    ours = {} if "LT_DEVICES" in os.environ else {"devices": processes}
    nodes = int(os.environ.get("WORLD_SIZE", "1")) // processes
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    fabric = Fabric(
        accelerator=device,
        strategy="ddp" if processes * nodes > 1 else "auto",
        num_nodes=max(1, nodes),
        precision=PRECISIONS[precision],
        **ours,
    )
    if "LT_CLI_USED" not in os.environ:  # fabric run has done it, and may not be asked again
        fabric.launch()
    if fabric.world_size > 1:
        atexit.register(_leave)
    if config.batch_size % fabric.world_size:
        raise UsageError(
            f"train.batch_size={config.batch_size}: cannot be shared by {fabric.world_size} "
            "processes; give a multiple"
        )
    return fabric


def _leave() -> None:
    """Part from the other processes while Python is still whole.

    A thread of Gloo that frees a tensor while Python shuts down aborts the process, and with
    it a run that had ended well.
    """
    if distributed.is_initialized():
        distributed.destroy_process_group()
