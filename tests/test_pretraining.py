"""What is trained before the generator: FlowNetS on Farneback's flow."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from training_sets import ALL_LOSSES, make_set, settings

from lipkit.config import TrainConfig
from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError
from lipkit.flow.farneback import farneback
from lipkit.flow.flownet import FlowNetS
from lipkit.models.pretraining import Pretraining
from lipkit.models.video_flow import FlowConfig, Motion, farneback_label, flow_pretraining
from lipkit.training import train
from lipkit.training.devices import launch
from lipkit.training.generator_run import Run
from lipkit.training.pretraining_recipe import PretrainingRecipe
from lipkit.training.run_folder import CHECKPOINT_NAME, read_log
from lipkit.training.trainer import Trainer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fabric():
    return launch(TrainConfig(device="cpu"))


def flow_training(width: float, **settings) -> tuple[Pretraining, FlowNetS]:
    motion = Motion("flownet", width)
    return flow_pretraining(motion, FlowConfig("flownet", width, **settings)), motion.flownet


def taught(wanted: Pretraining, fabric, **budget) -> Trainer:
    recipe = PretrainingRecipe(wanted, MovingTextures(), fabric)
    trainer = Trainer([recipe], fabric, TrainConfig(device="cpu", **budget))
    trainer.fit()
    return trainer


class MovingTextures:
    """Batches of four pictures that move two pixels per frame, each in its direction."""

    batch_size = 4

    def batches(self, step: int, last: int) -> Iterator[dict[str, torch.Tensor]]:
        rng = np.random.default_rng(0)
        for _ in range(step, last):
            picture = torch.from_numpy(rng.normal(size=(4, 3, 20, 20)).astype(np.float32))
            picture = torch.nn.functional.interpolate(picture, size=(80, 80), mode="bicubic")
            picture = (picture / 3).clamp(-1, 1)
            frames = [picture[..., 8 : 8 + 64, 2 * t : 2 * t + 64] for t in range(4)]
            video = torch.stack(frames, dim=2)
            yield {"video": torch.cat([video[:2], video[2:].flip(2)])}


def test_flownet_learns_farnebacks_flow(fabric):
    torch.manual_seed(0)
    wanted, network = flow_training(1 / 8, steps=60, learning_rate=1e-3)
    losses = taught(wanted, fabric).losses
    assert len(losses) == 60
    assert np.mean(losses[-5:]) < 0.5 * losses[0]
    video = next(MovingTextures().batches(0, 1))["video"]
    with torch.no_grad():
        flow = network(video[:, :, 0], video[:, :, 1])[:, 0].mean(dim=(1, 2))
    assert (flow[:2] < 0).all(), "to the left"
    assert (flow[2:] > 0).all(), "to the right"


def test_the_label_is_farnebacks_flow_of_every_pair_in_order():
    video = next(MovingTextures().batches(0, 1))["video"]
    label = farneback_label(video)
    assert label.shape == (4 * 3, 2, 64, 64)
    pictures = ((video.permute(0, 2, 3, 4, 1) + 1) * 127.5).round().byte().numpy()
    for (clip, pair), found in zip(itertools.product(range(4), range(3)), label, strict=True):
        expected = farneback(pictures[clip, pair : pair + 2])[0]
        np.testing.assert_array_equal(found.permute(1, 2, 0).numpy(), expected)


def test_it_ends_at_its_deadline(fabric):
    wanted, _ = flow_training(1 / 32, steps=50)
    assert len(taught(wanted, fabric, minutes=0.0).losses) == 1


def test_a_loss_that_is_not_finite_names_the_network(fabric):
    wanted, network = flow_training(1 / 32, steps=5)
    with torch.no_grad():
        next(network.parameters()).fill_(float("nan"))
    with pytest.raises(LipkitError, match="training stopped at step 1: the FlowNetS's loss is nan"):
        taught(wanted, fabric)


def test_a_run_teaches_flownet_before_its_first_step(tmp_path):
    prepared = PreparedSet.open(make_set(tmp_path / "prepared", {"train": 2, "val": 1}, frames=20))
    changes = {"flow.kind": "flownet", "flow.width": 1 / 32}
    alike = ALL_LOSSES | changes | {"loss.perc.weight": 0}

    def begun(name: str, steps: int) -> dict[str, torch.Tensor]:
        wanted = settings(alike | {"flow.steps": steps})
        run = Run(prepared, wanted, tmp_path / name)
        run.begin(resume=False)
        assert (tmp_path / name / CHECKPOINT_NAME).is_file() == (steps > 0)
        return dict(run.recipe.networks.flow.state_dict())

    taught, untaught = begun("taught", 2), begun("untaught", 0)
    assert not any(torch.equal(taught[n], untaught[n]) for n in taught if n.endswith("weight"))


def test_interrupted_in_the_middle_it_goes_on_as_undisturbed(tmp_path, monkeypatch):
    prepared = make_set(tmp_path / "prepared", {"train": 2, "val": 1}, frames=20)
    changes = {"flow.kind": "flownet", "flow.width": 1 / 32, "flow.steps": 3}
    changes |= {"loss.perc.steps": 4, "train.checkpoint_steps": 2, "train.steps": 2}
    wanted = settings(ALL_LOSSES | changes)
    train(prepared, wanted, tmp_path / "whole", progress=False)
    names = ("log-flownets", "log-perceptual-encoder", "log")
    assert [len(read_log(tmp_path / "whole", name)) for name in names] == [3, 4, 2]
    honest = PretrainingRecipe.take
    for call in (3, 4, 6):  # steps 3 of FlowNetS, 1 and 3 of the encoder
        calls = iter(range(1, 99))

        def cut(recipe, *given, calls=calls, call=call):
            if next(calls) == call:
                raise KeyboardInterrupt
            return honest(recipe, *given)

        out = tmp_path / f"cut{call}"
        with monkeypatch.context() as patch:
            patch.setattr(PretrainingRecipe, "take", cut)
            with pytest.raises(KeyboardInterrupt):
                train(prepared, wanted, out, progress=False)
        train(prepared, wanted, out, resume=True, progress=False)
        for name in names:
            rows, expected = (read_log(place, name) for place in (out, tmp_path / "whole"))
            assert [row["loss"] for row in rows] == [row["loss"] for row in expected], (call, name)
