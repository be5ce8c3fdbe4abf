"""The long assignment on the generator: what it is given, and what wrong submissions lose.

That a perfect one passes and an empty one does not is held with all the others, in
test_assignments.
"""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from lipkit.course.assignments.generator import (
    KIT,
    Clip,
    assembled,
    batch_of,
    check_gradients,
    judge,
    movement_r,
    quick,
)
from lipkit.course.assignments.own_answers import own_answers
from lipkit.course.assignments.release import SOURCES
from lipkit.course.notebooks import read_notebook
from lipkit.models.decoder import Decoder, Painter

NAME = "build_and_train_the_generator"
FINAL = "test_it_talks"
"""The part that lets the shipped weights talk, for half a minute."""


@pytest.fixture(scope="module")
def source():
    return read_notebook(SOURCES / f"{NAME}.ipynb")


def clip(frames: int = 20, seed: int = 0) -> Clip:
    noise = torch.Generator().manual_seed(seed)
    video = torch.rand(3, frames, 64, 64, generator=noise) * 2 - 1
    return Clip(video, torch.randn(4 * frames, 128, generator=noise))


# What is given


class Frozen(nn.Module):
    """Lips that do not move."""

    def forward(self, identity, logmel):
        return identity[:, :, None].expand(-1, -1, logmel.shape[2] // 4, -1, -1)


def test_frozen_lips_have_no_movement_and_their_own_error():
    found = judge(Frozen(), [clip(seed=0), clip(24, seed=1)])
    assert (found.r, found.r_other) == (0, 0)
    assert found.error == pytest.approx(1)


def test_movement_is_what_changes_and_not_what_stays():
    true = clip().video
    still = clip(seed=5).video[:, :1]
    assert movement_r(true + still, true) == pytest.approx(1, abs=1e-5)
    assert movement_r(still - true, true) == pytest.approx(-1, abs=1e-5)
    assert abs(movement_r(clip(seed=6).video, true)) < 0.02


class Told(nn.Module):
    """Knows every true video by its sound."""

    def __init__(self, clips):
        super().__init__()
        self.clips = clips

    def forward(self, identity, logmel):
        for known in self.clips:
            if torch.equal(known.logmel[:8], logmel[0, 0, :8]):
                return known.video[None, :, : logmel.shape[2] // 4]
        raise AssertionError("given a sound that is none of the clips'")


def test_who_listens_is_right_with_the_own_sound_only():
    clips = [clip(seed=0), clip(seed=1)]
    found = judge(Told(clips), clips)
    assert found.r == pytest.approx(1)
    assert abs(found.r_other) < 0.02
    assert found.error == 0


def test_whoever_says_it_is_asked():
    true = clip()
    asked = []

    def say(generator, identity, logmel):
        asked.append(list(logmel.shape))
        return true.video[None]

    assert judge(Frozen(), [true, true], say).r == pytest.approx(1)
    assert asked == [[1, 1, 80, 128]] * 4


def test_batches_depend_on_the_seed_alone():
    clips = [clip(seed=0), clip(33, seed=1)]
    one, two = (batch_of(clips, 5, np.random.default_rng(3)) for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert one["logmel"].shape == (5, 1, 64, 128)


class Deaf(nn.Module):
    """Two layers, of which one is not asked, and two inputs, of which one is not."""

    def __init__(self):
        super().__init__()
        self.used, self.left_out = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, a, b):
        return self.used(a) + 0 * b


def test_a_gradient_that_does_not_arrive_is_named():
    with pytest.raises(AssertionError, match="the gradient of input 1 is 0"):
        check_gradients(Deaf(), torch.rand(2, 3), torch.rand(2, 3))
    network = Deaf()
    network.forward = lambda a, b: network.used(a) * b
    with pytest.raises(AssertionError, match=r"left_out\.weight gets no gradient"):
        check_gradients(network, torch.rand(2, 3), torch.rand(2, 3))


def test_the_quick_way_is_the_same_sum_of_the_same_weights():
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv3d(4, 3, 7, padding=3), nn.Conv3d(3, 3, 7), nn.Tanh())
    x = torch.randn(1, 4, 8, 12, 12)
    before, names = plain(x), list(plain.state_dict())
    made = quick(copy.deepcopy(plain))
    assert type(made[0]) is Painter
    assert type(made[1]) is nn.Conv3d
    assert list(made.state_dict()) == names
    assert torch.allclose(made(x), before, atol=1e-5)


def test_one_s_own_parts_stand_where_they_should_and_the_kit_s_elsewhere():
    class Mine(Decoder):
        pass

    pupil = assembled({"Decoder": Mine}, features=8, blocks=2, kernel=3)
    kinds = [type(module) for module in pupil.children()]
    assert kinds[:3] == [KIT["AudioEncoder"], KIT["IdentityEncoder"], KIT["Fusion"]]
    assert kinds[4] is Mine
    assert [type(block) for block in pupil.residual] == [KIT["ResidualBlock"]] * 2


# What wrong submissions lose

WRONG = {
    "frequency along the width": (
        "fusion",
        "f_s.unsqueeze(4).expand(-1, -1, -1, -1, width)",
        "f_s.unsqueeze(3).expand(-1, -1, -1, width, -1)",
        {"test_fusion"},
    ),
    "a decoder that ignores the sound": (
        "decoder",
        "return self.painting(x)",
        "return self.painting(x.mean(2, keepdim=True).expand_as(x))",
        {"test_decoder"},
    ),
    "time and mel confused": (
        "audio_encoder",
        "[1, 2, 1, 2, (1, 2)]",
        "[1, 2, 1, 2, (2, 1)]",
        {"test_audio_encoder"},
    ),
    "blocks that PyTorch does not know": (
        "generator",
        "nn.Sequential(*blocks), decoder",
        "(lambda x: nn.Sequential(*blocks)(x)), decoder",
        {"test_generator"},
    ),
    "a piece of the answer in the question": (
        "batch_of",
        "other += 16 * (other >= start)",
        "other = start + other % 16",
        {"test_batch_of"},
    ),
    "sound one frame late": (
        "batch_of",
        "logmel[None, 4 * start",
        "logmel.roll(4, dims=0)[None, 4 * start",
        {"test_batch_of"},
    ),
    "the last window never": (
        "batch_of",
        "rng.integers(frames - 16 + 1)",
        "rng.integers(frames - 16)",
        {"test_batch_of"},
    ),
    "an activation after the sum": (
        "residual_block",
        "return x + self.change(x)",
        "return (x + self.change(x)).relu()",
        {"test_residual_block"},
    ),
    "a decoder that is not counted": (
        "heard",
        "blocks + 1 + 1 + 3",
        "blocks",
        {"test_heard"},
    ),
    "pieces that do not overlap": (
        "in_pieces",
        "last = max(0, start - context), min(frames, start + new + context)",
        "last = start, min(frames, start + new)",
        {FINAL},
    ),
    "all at once": (
        "in_pieces",
        "frames, new, pieces = logmel.shape[2] // 4, most - 2 * context, []",
        "frames, new, pieces = logmel.shape[2] // 4, 1000, []",
        {FINAL},
    ),
    "no step taken": ("train", "adam.step()", "pass", {"test_train"}),
    "left in training mode": ("train", "generator.eval()", "generator.train()", {"test_train"}),
}


def part_of(cell) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def run(cells, space: dict) -> set[str]:
    """Run cells; which of them found something wrong."""
    found = set()
    for cell in cells:
        try:
            exec(compile(cell.source, part_of(cell), "exec"), space)
        except AssertionError:
            found.add(part_of(cell))
    return found


@pytest.fixture(scope="module")
def given(source) -> dict:
    """What stands above the first gap, for few people."""
    cells = {part_of(cell): cell for cell in copy.deepcopy(source.cells)}
    cells["parameters"].source += "\npeople, clips = 2, 2"
    space = {"__name__": "__main__"}
    assert run([cells[part] for part in ("setup", "parameters", "people")], space) == set()
    return space


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("fault", WRONG)
def test_a_typical_wrong_submission_loses_the_points_concerned(source, given, fault):
    """Its other parts are not run: that no part needs another is held for all assignments."""
    part, right, wrong, lost = WRONG[fault]
    code = [copy.deepcopy(cell) for cell in source.cells if cell.cell_type == "code"]
    at = next(i for i, cell in enumerate(code) if part_of(cell) == part)
    gap, test = code[at : at + 2]
    assert gap.source.count(right) == 1
    gap.source = gap.source.replace(right, wrong)
    space = {**given, "mine": {}}
    assert run([gap, test], space) == lost
    assert space["mine"] == {}, "the kit's part stands in for it"


@pytest.mark.parametrize(
    ("part", "answer", "named"),
    [
        ("decoder", "Decoder = KIT['Decoder']", "lipkit.course.assignments.generator.KIT"),
        ("generator", "Generator = TheirGenerator", "lipkit.models.generator.Generator"),
        (
            "batch_of",
            "from lipkit.course.assignments.generator import batch_of\nbatch_of",
            "lipkit.course.assignments.generator.batch_of",
        ),
    ],
)
def test_calling_the_kit_s_own_answer_is_named(source, part, answer, named):
    assert own_answers(source, source) == {}
    submission = copy.deepcopy(source)
    for cell in submission.cells:
        if part_of(cell) == part:
            cell.source = answer
    assert own_answers(submission, source) == {f"test_{part}": [named]}
