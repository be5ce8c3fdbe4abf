"""What the assignment *build and train the generator* is given, and how its talking is judged.

The student's modules take the places of the kit's one by one, each when it has passed its own
test (:data:`KIT`, :func:`assembled`), so that a part that is missing stops no other. With
shipped weights they are then judged on people and sentences that nobody has met, by the
*movement*: what is left of a video, seen in coarse blocks, when each block's mean over time is
taken away.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from lipkit.config import COLUMNS_PER_FRAME, WINDOW
from lipkit.course import lesson
from lipkit.course.agreement import same_weights
from lipkit.course.assignments.data import drawn_set, drawn_takes
from lipkit.data.clips import read_clip
from lipkit.data.tensors import normalise, to_images, to_video_tensor
from lipkit.models.audio_encoder import AudioEncoder
from lipkit.models.decoder import Decoder, Painter
from lipkit.models.fusion import Fusion
from lipkit.models.generator import feature_channels
from lipkit.models.identity_encoder import IdentityEncoder
from lipkit.models.residual import ResidualBlock
from lipkit.talker.takes import Take, rehearse
from lipkit.weights import load_weights, locate, read_card

WEIGHTS = "paper"
"""The shipped weights whose statistics normalise the sound of all clips."""
Say = Callable[[nn.Module, Tensor, Tensor], Tensor]
BLOCK = 4
"""Pixels, the side of the blocks in which movement is looked at."""


class Clip(NamedTuple):
    """One drawn person saying one sentence, T frames.

    >>> import torch
    >>> clip = Clip(video=torch.zeros(3, 20, 64, 64), logmel=torch.zeros(4 * 20, 128))
    >>> clip.video.shape[1] == len(clip.logmel) // 4
    True
    """

    video: Tensor
    """f32 [3, T, 64, 64] in [-1, 1]."""
    logmel: Tensor
    """f32 [4T, 128], normalised; columns 4t to 4t + 3 are the sound of frame t."""
    take: Take | None = None
    """Who says what; :func:`talking` has it said again."""


def drawn_clips(people: int, clips: int, seed: int) -> list[Clip]:
    """``clips`` clips of each of ``people`` drawn people; another seed gives other people.

    Drawn on first use, in about 1 s per person and 0.3 s per clip, and kept.

    >>> clip, other = drawn_clips(people=2, clips=1, seed=0)
    >>> clip.video.shape[0], len(clip.logmel) == 4 * clip.video.shape[1]
    (3, True)
    """
    prepared = drawn_set(people, clips, seed)
    takes = {take.key: take for take in drawn_takes(people, clips, seed)}
    statistics = read_card(locate(WEIGHTS)).statistics
    stored = (read_clip(prepared.folder / file) for file in prepared.clips().file)
    return [
        Clip(to_video_tensor(c.lips), normalise(c.logmel, statistics), takes[c.meta["take"]])
        for c in stored
    ]


def batch_of(clips: Sequence[Clip], count: int, rng: np.random.Generator) -> dict[str, Tensor]:
    """The kit's ``batch_of``: random windows, with an identity image from outside each."""
    batch: dict[str, list[Tensor]] = {"identity": [], "logmel": [], "video": []}
    for i in rng.integers(len(clips), size=count):
        video, logmel = clips[i].video, clips[i].logmel
        frames = video.shape[1]
        start = int(rng.integers(frames - WINDOW + 1))
        outside = [t for t in range(frames) if not start <= t < start + WINDOW]
        batch["identity"].append(video[:, rng.choice(outside)])
        columns = slice(COLUMNS_PER_FRAME * start, COLUMNS_PER_FRAME * (start + WINDOW))
        batch["logmel"].append(logmel[None, columns])
        batch["video"].append(video[:, start : start + WINDOW])
    return {name: torch.stack(parts) for name, parts in batch.items()}


class Whole(nn.Module):
    """The kit's ``Generator`` of given parts."""

    def __init__(
        self,
        audio_encoder: nn.Module,
        identity_encoder: nn.Module,
        fusion: nn.Module,
        blocks: Sequence[nn.Module],
        decoder: nn.Module,
    ) -> None:
        super().__init__()
        self.audio_encoder, self.identity_encoder = audio_encoder, identity_encoder
        self.fusion, self.residual, self.decoder = fusion, nn.Sequential(*blocks), decoder

    def forward(self, identity: Tensor, logmel: Tensor) -> Tensor:
        """[B, 3, 64, 64] and [B, 1, 4T, 128] -> video [B, 3, T, 64, 64]."""
        fused = self.fusion(self.audio_encoder(logmel), self.identity_encoder(identity))
        return self.decoder(self.residual(fused))


KIT: dict[str, Callable[..., Any]] = {
    "AudioEncoder": AudioEncoder,
    "IdentityEncoder": IdentityEncoder,
    "Fusion": Fusion,
    "ResidualBlock": ResidualBlock,
    "Decoder": Decoder,
    "Generator": Whole,
    "batch_of": batch_of,
}
"""What stands in for a part that the student does not have."""


def assembled(
    mine: Mapping[str, Callable[..., Any]], features: int = 16, blocks: int = 1, kernel: int = 1
) -> nn.Module:
    """A new generator of one's own parts, and of the kit's where there is none.

    Its last convolution is computed in the kit's quick way (:func:`quick`).

    Parameters
    ----------
    mine
        Some names of :data:`KIT`, and what takes their places.
    features, blocks, kernel
        Channels (the paper: 256), residual blocks (9) and their kernels' length in time.

    >>> import torch
    >>> from lipkit.models.fusion import Fusion
    >>> generator = assembled({"Fusion": Fusion}, features=16)
    >>> tuple(generator(torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 4 * 4, 128)).shape)
    (1, 3, 4, 64, 64)
    """
    part = {**KIT, **mine}
    return quick(
        part["Generator"](
            part["AudioEncoder"](features),
            part["IdentityEncoder"](features),
            part["Fusion"](features),
            [part["ResidualBlock"](features, kernel) for _ in range(blocks)],
            part["Decoder"](features),
        )
    )


def with_weights(mine: Mapping[str, Callable[..., Any]], name: str = WEIGHTS) -> nn.Module:
    """A generator of one's own parts (:func:`assembled`) that has shipped weights, in eval mode.

    Raises
    ------
    AssertionError
        When the parts have another layout than the kit's.

    >>> from lipkit.models.fusion import Fusion
    >>> with_weights({"Fusion": Fusion}).training
    False
    """
    trained = load_weights(name).generator
    config = trained.config
    features = feature_channels(config.width)
    own = assembled(mine, features, config.residual_blocks, config.temporal_kernel)
    same_weights(own, trained)
    return own.eval()


def quick(network: nn.Module) -> nn.Module:
    """Put the kit's painter in the place of convolutions that paint three colours, 7 x 7 x 7.

    It keeps their weights and gives the same sums. Where there are few channels a training
    step takes less than half the time.
    """
    for parent in list(network.modules()):
        for name, layer in parent.named_children():
            if type(layer) is nn.Conv3d and _shape(layer) == PAINTED and layer.bias is not None:
                painter = Painter(layer.in_channels, 3, 7, padding=3)
                painter.weight, painter.bias = layer.weight, layer.bias
                setattr(parent, name, painter)
    return network


PAINTED = 3, (7,) * 3, (1,) * 3, (3,) * 3, (1,) * 3, 1, "zeros"
"""Output channels, kernel, stride, padding, dilation, groups and border of such a layer."""


def _shape(layer: nn.Conv3d) -> tuple:
    names = "out_channels kernel_size stride padding dilation groups padding_mode"
    return tuple(getattr(layer, name) for name in names.split())


def check_gradients(module: nn.Module, *inputs: Tensor, seed: int = 0) -> None:
    """Make sure that every parameter and every input gets a gradient, finite and not all 0.

    In training mode. The outputs are weighted at random: batch norm makes of their plain sum
    a constant.

    Raises
    ------
    AssertionError
        Naming the first that gets none.

    >>> import torch
    >>> from torch import nn
    >>> check_gradients(nn.Linear(3, 2), torch.rand(4, 3))  # all is well
    """
    given = [x.detach().clone().requires_grad_(True) for x in inputs]
    output = module.train()(*given)
    weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(seed))
    (weights * output).sum().backward()
    asked = {f"input {i}": x for i, x in enumerate(given)} | dict(module.named_parameters())
    for name, tensor in asked.items():
        gradient = tensor.grad
        assert gradient is not None, f"{name} gets no gradient"
        assert torch.isfinite(gradient).all(), f"the gradient of {name} is not finite"
        assert gradient.abs().max() > 0, f"the gradient of {name} is 0"


class Verdict(NamedTuple):
    """How a generator talks, means over clips; frozen lips have r = 0 and error = 1."""

    r: float
    """Pearson's r of the made and the true movement (:func:`movement_r`)."""
    r_other: float
    """The same where the generator was given the sound of another clip."""
    error: float
    """Mean absolute difference from the true video, over that of frozen lips."""


def movement_r(made: Tensor, true: Tensor) -> float:
    """Pearson's r of two movements, videos [3, T, H, W]; 0 where one of them stands still.

    Both are seen in blocks of 4 x 4 pixels: a camera's noise is not movement.

    >>> import torch
    >>> true = torch.rand(3, 8, 8, 8)
    >>> movement_r(true[:, :1].expand_as(true), true)  # frozen lips
    0.0
    >>> round(movement_r(2 * true + 1, true), 4)
    1.0
    """
    a, b = (_moving(video) for video in (made, true))
    size = float(a.norm() * b.norm())
    return float((a * b).sum()) / size if size > 1e-6 else 0.0


def _moving(video: Tensor) -> Tensor:
    blocks = avg_pool2d(video.double().transpose(0, 1), BLOCK)  # [T, 3, H / 4, W / 4]
    return blocks - blocks.mean(0)


@torch.no_grad()
def judge(generator: nn.Module, clips: Sequence[Clip], say: Say | None = None) -> Verdict:
    """Let the generator say every clip from its first frame, and compare; ``say`` as below.

    >>> import torch
    >>> clips = [Clip(torch.rand(3, 8, 64, 64), torch.zeros(4 * 8, 128)) for _ in range(2)]
    >>> frozen = lambda generator, identity, logmel: identity[:, :, None].expand(-1, -1, 8, -1, -1)
    >>> verdict = judge(torch.nn.Identity(), clips, say=frozen)
    >>> verdict.r, round(verdict.error, 3)
    (0.0, 1.0)
    """
    rows = []
    for i, clip in enumerate(clips):
        other = _as_long(clips[(i + 1) % len(clips)].logmel, len(clip.logmel))
        made, misled = (_say(generator, clip, sound, say) for sound in (clip.logmel, other))
        frozen = clip.video[:, :1]
        error = (made - clip.video).abs().mean() / (frozen - clip.video).abs().mean()
        rows.append((movement_r(made, clip.video), movement_r(misled, clip.video), float(error)))
    return Verdict(*np.mean(rows, axis=0).tolist())


def talking(generator: nn.Module, clip: Clip, say: Say | None = None) -> tuple[Any, Any]:
    """A figure and a film of one clip: the truth, the generator's, and frozen lips.

    Parameters
    ----------
    generator, clip
        Who speaks, and what; the face is the clip's first frame.
    say
        ``say(generator, identity, logmel)`` gives the video; by default all of it at once.

    Returns
    -------
    tuple
        A matplotlib figure, and a player with the clip's sound.

    >>> from torch import nn
    >>> clip = drawn_clips(people=2, clips=1, seed=0)[0]
    >>> frozen = lambda generator, face, sound: clip.video[None, :, :1].expand(1, *clip.video.shape)
    >>> figure, film = talking(nn.Identity(), clip, say=frozen)
    >>> type(figure).__name__, type(film).__name__
    ('Figure', 'HTML')
    """
    from lipkit.plots.strips import film_strip, strip

    with torch.no_grad():
        made = to_images(_say(generator, clip, clip.logmel, say))
    true = to_images(clip.video)
    rows = {"truth": true, "generated": made, "frozen": np.repeat(true[:1], len(true), 0)}
    some = np.linspace(4, len(true) - 5, 9).astype(int)
    figure = film_strip({name: row[some] for name, row in rows.items()}, [str(t) for t in some])
    side_by_side = np.stack(
        [strip(np.stack(images)) for images in zip(*rows.values(), strict=True)]
    )
    frames = side_by_side.repeat(2, 1).repeat(2, 2)
    frames = frames[:, :, : frames.shape[2] // 2 * 2]
    alt = "Lips side by side: the truth, the generator's, and frozen ones"
    return figure, lesson.video(frames, _sound(clip), alt, width=400)


def _say(generator: nn.Module, clip: Clip, logmel: Tensor, say: Say | None) -> Tensor:
    given = clip.video[None, :, 0], logmel[None, None]
    return (say(generator.eval(), *given) if say else generator.eval()(*given))[0]


def _as_long(logmel: Tensor, columns: int) -> Tensor:
    return logmel.repeat(-(-columns // len(logmel)), 1)[:columns]


def _sound(clip: Clip) -> np.ndarray:
    """What the clip's person says, f32 [1764 T], by saying it again."""
    return rehearse(clip.take)[0].at_25().samples
