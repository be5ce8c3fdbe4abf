"""How several processes are one: their gradients, and the statistics of batch norm.

Each process has its share of every batch. Averaged gradients make all of them take the same
step; batch norm over all shares makes it the step that one process with the whole batch takes.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
import torch.distributed as distributed
import torch.distributed.nn
from torch import Tensor, nn

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def average_gradients(fabric: "Fabric", parameters: Iterable[nn.Parameter]) -> None:
    """Give every process the mean of all processes' gradients: one message per optimiser.

    What DistributedDataParallel does, by hand: its wrapper wants each network to be used
    once per step and every parameter to have a gradient, and in adversarial training the same
    network is now learning, now frozen.
    """
    if fabric.world_size == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= fabric.world_size
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def synchronise_batch_norm(module: nn.Module, fabric: "Fabric") -> nn.Module:
    """Batch norm over the windows of all processes; nothing changes with one process.

    The number of processes is then a matter of speed, not of the result. (The authors' four
    GPUs each took the statistics of their own six windows.)
    """
    if fabric.world_size == 1:
        return module
    if fabric.device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(module)
    for name, child in module.named_children():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            setattr(module, name, SharedBatchNorm.like(child))
        else:
            synchronise_batch_norm(child, fabric)
    return module


class SharedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm whose statistics are those of all processes, on any device.

    PyTorch's own is for CUDA only. Every process must have equally many values.
    """

    @classmethod
    def like(cls, norm: nn.modules.batchnorm._BatchNorm) -> "SharedBatchNorm":
        """One with the same parameters and running statistics."""
        made = cls(norm.num_features, norm.eps, norm.momentum)
        made.load_state_dict(norm.state_dict())
        return made.train(norm.training)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, ...] -> the same shape."""
        if not self.training:
            return super().forward(x)
        axes = [0, *range(2, x.dim())]
        x_float = x.float()
        var, mean = torch.var_mean(x_float, axes, unbiased=False)
        # Mean and variance of a union of equal parts.
        parts = gather(torch.stack([mean, var]))
        mean = parts[:, 0].mean(0)
        var = parts[:, 1].mean(0) + (parts[:, 0] - mean).square().mean(0)
        count = x.numel() // x.shape[1] * len(parts)
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var * (count / (count - 1)), self.momentum)
        shape = [1, -1, *[1] * (x.dim() - 2)]
        scale = self.weight * (var + self.eps).rsqrt()
        normalised = (x_float - mean.view(shape)) * scale.view(shape) + self.bias.view(shape)
        return normalised.to(x.dtype)

    def _check_input_dim(self, x: Tensor) -> None:
        if x.dim() < 2:
            raise ValueError(f"expected [B, C, ...], got {list(x.shape)}")


def gather(x: Tensor) -> Tensor:
    """``x`` of all processes, stacked [world, ...], with a gradient that reaches each of them."""
    return torch.stack(tuple(distributed.nn.functional.all_gather(x.contiguous())))
