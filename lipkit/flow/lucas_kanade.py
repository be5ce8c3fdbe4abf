"""Differentiable optical flow without weights: pyramid Lucas-Kanade in PyTorch.

The correlation loss needs the flow of *generated* frames, with gradients back into the
generator. The authors train a FlowNetS along with it, which can then drift to whatever
pleases the loss (fact sheet section 3). Lucas-Kanade has nothing to train: around every
pixel it solves the least-squares problem

    min over d of  sum_x w(x) [ I1(x) - I2(x + d) ]^2

by Gauss-Newton steps, from a coarse picture to a fine one (Lucas and Kanade 1981; the
pyramid is Bouguet's, 2000).
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def lucas_kanade(
    first: Tensor,
    second: Tensor,
    levels: int = 3,
    iterations: int = 2,
    sigma: float = 3.0,
    damping: float = 1e-3,
) -> Tensor:
    """Flow that carries each pixel of ``first`` to its place in ``second``.

    Parameters
    ----------
    first, second
        ``[N, C, H, W]``, any float type, in [-1, 1]; with three channels the luma is used.
    levels
        Pyramid levels; each doubles the largest motion that can be found.
    iterations
        Gauss-Newton steps per level.
    sigma
        Standard deviation, pixels, of the Gaussian window w.
    damping
        Added to the diagonal of the 2 x 2 normal equations, in squared grey levels
        (full range 1) per squared pixel. It keeps flat patches at zero motion, and their
        gradients finite.

    Returns
    -------
    Tensor
        ``[N, 2, H, W]`` in pixels, x then y, in the type of the input.

    Raises
    ------
    ValueError
        If the shapes differ or are not ``[N, 1 or 3, H, W]``.
    """
    if first.shape != second.shape or first.ndim != 4 or first.shape[1] not in (1, 3):
        raise ValueError(
            f"two [N, 1 or 3, H, W] pictures are needed, not {tuple(first.shape)} "
            f"and {tuple(second.shape)}"
        )
    kind = first.dtype
    # The normal equations take differences of products, which half precision loses.
    work = torch.float64 if kind == torch.float64 else torch.float32
    with torch.autocast(first.device.type, enabled=False):
        pyramid = [(_luma(first.to(work)), _luma(second.to(work)))]
        for _ in range(levels - 1):
            if min(pyramid[-1][0].shape[-2:]) < 16:
                break
            pyramid.append(tuple(_halve(image) for image in pyramid[-1]))
        coarsest = pyramid[-1][0]
        flow = coarsest.new_zeros(coarsest.shape[0], 2, *coarsest.shape[-2:])
        for one, two in reversed(pyramid):
            if flow.shape[-2:] != one.shape[-2:]:
                flow = 2 * F.interpolate(
                    flow, size=one.shape[-2:], mode="bilinear", align_corners=False
                )
            flow = _refine(one, two, flow, iterations, sigma, damping)
    return flow.to(kind)


def video_flow(video: Tensor, **options) -> Tensor:
    """Flow of each neighbouring frame pair: ``[B, C, T, H, W]`` -> ``[B, 2, T-1, H, W]``."""
    batch, channels, frames, height, width = video.shape
    first, second = (
        part.transpose(1, 2).reshape(-1, channels, height, width)
        for part in (video[:, :, :-1], video[:, :, 1:])
    )
    flow = lucas_kanade(first, second, **options)
    return flow.view(batch, frames - 1, 2, height, width).transpose(1, 2)


def warp(image: Tensor, flow: Tensor) -> Tensor:
    """``image(x + flow(x))``, bilinear; beyond the edge the edge's value.

    ``image`` is ``[N, C, H, W]``, ``flow`` ``[N, 2, H, W]`` in pixels (x, y).
    """
    height, width = image.shape[-2:]
    x = torch.arange(width, dtype=flow.dtype, device=flow.device)
    y = torch.arange(height, dtype=flow.dtype, device=flow.device)
    # grid_sample wants -1 and 1 at the outer borders of the corner pixels.
    grid_x = (x[None, None, :] + flow[:, 0] + 0.5) * (2 / width) - 1
    grid_y = (y[None, :, None] + flow[:, 1] + 0.5) * (2 / height) - 1
    grid = torch.stack((grid_x, grid_y), dim=-1)
    return F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _refine(
    one: Tensor, two: Tensor, flow: Tensor, iterations: int, sigma: float, damping: float
) -> Tensor:
    dx, dy = _gradients(one)
    xx, xy, yy = _window(torch.cat((dx * dx, dx * dy, dy * dy), dim=1), sigma).chunk(3, dim=1)
    xx, yy = xx + damping, yy + damping
    determinant = xx * yy - xy * xy  # at least damping^2
    for _ in range(iterations):
        difference = one - warp(two, flow)
        bx, by = _window(torch.cat((dx * difference, dy * difference), dim=1), sigma).chunk(2, 1)
        step = torch.cat((yy * bx - xy * by, xx * by - xy * bx), dim=1) / determinant
        flow = flow + step
    return flow


def _luma(image: Tensor) -> Tensor:
    """[-1, 1] colour or grey -> grey in [0, 1] (ITU-R BT.601)."""
    if image.shape[1] == 3:
        weights = image.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
        image = (image * weights).sum(1, keepdim=True)
    return (image + 1) / 2


def _halve(image: Tensor) -> Tensor:
    return F.avg_pool2d(_window(image, 0.7), 2)


def _gradients(image: Tensor) -> tuple[Tensor, Tensor]:
    """Scharr's derivative, in grey levels per pixel."""
    smooth, slope = image.new_tensor([3, 10, 3]) / 16, image.new_tensor([-1, 0, 1]) / 2
    kernels = torch.stack((smooth[:, None] * slope, slope[:, None] * smooth))[:, None]
    padded = F.pad(image, (1, 1, 1, 1), mode="replicate")
    return F.conv2d(padded, kernels).chunk(2, dim=1)


def _window(image: Tensor, sigma: float) -> Tensor:
    """Separable Gaussian of each channel; the edge is repeated."""
    # Products with two small matrices: the gradients of single-channel convolutions cost eight
    # times as much on a CPU.
    rows, columns = (_gaussian(image, size, sigma) for size in image.shape[-2:])
    return rows @ image @ columns.T


def _gaussian(like: Tensor, size: int, sigma: float) -> Tensor:
    """The matrix [size, size] whose row i weighs the places around i."""
    radius = max(1, round(2.5 * sigma))
    offsets = torch.arange(-radius, radius + 1, device=like.device)
    kernel = torch.exp(-0.5 * (offsets.to(like.dtype) / sigma) ** 2)
    places = (torch.arange(size, device=like.device)[:, None] + offsets).clamp(0, size - 1)
    kernel = (kernel / kernel.sum()).expand(size, -1)
    return like.new_zeros(size, size).scatter_add_(1, places, kernel)
