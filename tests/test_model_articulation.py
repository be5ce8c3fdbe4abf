"""How far the lips go: enlarged about where the mouth rests, and nowhere else."""

import pytest
import torch

from lipkit.config import COLUMNS_PER_FRAME, MEL_BANDS
from lipkit.errors import UsageError
from lipkit.models.articulation import articulated
from lipkit.models.catalogue import build_generator
from lipkit.models.generator import GeneratorConfig
from lipkit.models.warp_generator import WarpConfig

SILENCE = -2.5


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    return build_generator(WarpConfig(width=1 / 8)).eval()


@pytest.fixture(scope="module")
def face():
    return torch.rand(2, 3, 64, 64) * 2 - 1


def points(generator, face, logmel):
    with torch.inference_mode():
        return generator.generate(face, logmel).points


def silence(generator, frames=1):
    columns = COLUMNS_PER_FRAME * (2 * generator.context + frames)
    return torch.full((2, 1, columns, MEL_BANDS), SILENCE)


def test_points_go_so_much_further_from_where_they_rest(generator, face):
    rest = points(generator, face, silence(generator))[:, generator.context, None]
    speech = torch.randn(2, 1, COLUMNS_PER_FRAME * 20, MEL_BANDS)
    learnt = points(generator, face, speech)
    assert (learnt - rest).abs().mean() > 0.01
    for amount in (0.5, 1.0, 1.5):
        moved = points(articulated(generator, amount, SILENCE), face, speech)
        torch.testing.assert_close(moved - rest, amount * (learnt - rest), rtol=0, atol=1e-4)


def test_the_original_stays_and_a_mouth_in_silence_too(generator, face):
    quiet = silence(generator, 3)
    before = points(generator, face, quiet)
    louder = points(articulated(generator, 2.0, SILENCE), face, quiet)
    torch.testing.assert_close(points(generator, face, quiet), before, rtol=0, atol=0)
    middle = slice(generator.context, generator.context + 3)
    torch.testing.assert_close(louder[:, middle], before[:, middle], rtol=0, atol=1e-4)


def test_what_cannot_be_articulated_is_refused(generator):
    for amount in (0.0, 2.5, float("nan")):
        with pytest.raises(UsageError, match=r"give 0\.25 to 2; 1 is as learnt"):
            articulated(generator, amount, SILENCE)
    with pytest.raises(UsageError, match="weights that move the picture by mouth points"):
        articulated(build_generator(GeneratorConfig(width=1 / 32)).eval(), 1.5, SILENCE)
