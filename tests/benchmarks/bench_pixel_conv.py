"""PixelConv against PyTorch's own convolution, one training step of each: ``bench_pixel_conv.py``.

One CPU thread, 64 pictures of 64 x 64, the 7 x 7 layers of the perceptual encoder at the widths
of the presets ``tiny`` (4 channels) and ``paper_few_steps`` (8). The two take turns.
"""

import time

import torch
from torch import nn

from lipkit.models.pixel_conv import PixelConv

ROUNDS = 10


def main() -> None:
    """Print a table: layer, milliseconds of a step by either, their ratio."""
    torch.set_num_threads(1)
    print(f"{'layer':<8} {'Conv2d, ms':>11} {'PixelConv, ms':>14} {'ratio':>6}   (CPU time)")
    for inputs, outputs, padding in ((3, 4, 0), (4, 3, 3), (3, 8, 0), (8, 3, 3)):
        pictures = torch.randn(64, inputs, 70 - 2 * padding, 70 - 2 * padding, requires_grad=True)
        convs = [kind(inputs, outputs, 7, padding=padding) for kind in (nn.Conv2d, PixelConv)]
        seconds = [0.0, 0.0]
        for turn in range(ROUNDS + 1):
            for number, conv in enumerate(convs):
                start = time.process_time()
                conv(pictures).square().mean().backward()
                if turn:  # the first compiles
                    seconds[number] += time.process_time() - start
        plain, ours = (1e3 * total / ROUNDS for total in seconds)
        layer = f"{inputs} to {outputs}"
        print(f"{layer:<8} {plain:11.1f} {ours:14.1f} {plain / ours:6.2f}")


if __name__ == "__main__":
    main()
