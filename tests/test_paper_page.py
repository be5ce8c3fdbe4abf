"""The whole paper on one page: of the notebooks' cells, complete, and equal to lipkit."""

import importlib
import importlib.util
import inspect
import re
import subprocess

import pytest
import torch
from nbformat import v4, write
from torch import nn
from training_sets import make_set

from lipkit.config.places import NOTEBOOKS
from lipkit.course.agreement import agree
from lipkit.course.paper_page import MAX_LINES, PAGE, paper_page
from lipkit.errors import LipkitError
from lipkit.flow import flownet
from lipkit.flow.farneback import farneback
from lipkit.losses import (
    AdversarialLoss,
    CorrelationConfig,
    CorrelationLoss,
    Objective,
    PerceptualLoss,
    PixelLoss,
)
from lipkit.models import (
    audio_encoder,
    correlation_networks,
    decoder,
    discriminator,
    fusion,
    generator,
    identity_encoder,
    perceptual_encoder,
    residual,
    video_flow,
)

pytestmark = pytest.mark.slow

CORE = [
    "models.audio_encoder",
    "models.identity_encoder",
    "models.fusion",
    "models.residual",
    "models.decoder",
    "models.generator",
    "models.correlation_networks",
    "models.discriminator",
    "models.perceptual_encoder",
    "models.video_flow",
    "flow.flownet",
    "losses.correlation",
    "losses.pixel",
    "losses.perceptual",
    "losses.adversarial",
    "losses.objective",
]
"""The files in which the paper's networks and losses are."""


@pytest.fixture(scope="module")
def page():
    """The page, imported."""
    spec = importlib.util.spec_from_file_location("whole_paper", NOTEBOOKS / PAGE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _audio_encoder(page):
    agree(page.AudioEncoder(32), audio_encoder.AudioEncoder(32), noise(2, 1, 32, 128))


def _identity_encoder(page):
    agree(page.IdentityEncoder(32), identity_encoder.IdentityEncoder(32), noise(2, 3, 64, 64))


def _fusion(page):
    agree(page.Fusion(8), fusion.Fusion(8), noise(2, 8, 5, 16), noise(2, 8, 16, 16))


def _residual(page):
    for kt in (1, 3):
        agree(page.ResidualBlock(8, kt), residual.ResidualBlock(8, kt), noise(2, 8, 4, 16, 16))


def _decoder(page):
    agree(page.Decoder(16), decoder.Decoder(16), noise(2, 16, 4, 16, 16))


def _generator(page):
    for kt in (1, 3):
        config = generator.GeneratorConfig(width=1 / 16, residual_blocks=2, temporal_kernel=kt)
        theirs = generator.Generator(config)
        given = noise(2, 3, 64, 64), noise(2, 1, 32, 128)
        agree(page.Generator(16, 2, kt), theirs, *given, call=theirs.generate)


def _audio_correlation(page):
    for features in (16, 32, 256):
        theirs = correlation_networks.AudioCorrelation(features)
        agree(page.AudioCorrelation(features), theirs, noise(2, features, 15, 16))


def _visual_correlation(page):
    for channels, size in ((2, 16), (2, 64), (3, 64)):
        theirs = correlation_networks.VisualCorrelation(channels, size)
        agree(page.VisualCorrelation(channels, size), theirs, noise(2, channels, 5, size, size))


def _correlation_networks(page):
    for derivative, visual in ((True, noise(2, 2, 15, 16, 16)), (False, noise(2, 3, 16, 64, 64))):
        theirs = correlation_networks.CorrelationNetworks(derivative, 32)
        agree(page.CorrelationNetworks(32, derivative), theirs, noise(2, 32, 16, 16), visual)


def _discriminator(page):
    for streams, channels in (("three", 2), ("two", 0), ("frame_difference", 3)):
        motion = [noise(4, channels, 15, 16, 16)] if channels else []
        theirs = discriminator.Discriminator(streams, 1 / 16)
        given = noise(4, 3, 16, 64, 64), noise(4, 1, 64, 128)
        agree(page.Discriminator(1 / 16, streams), theirs, *given, *motion)


def _auto_encoder(page):
    for dimensions in (2, 3):
        theirs = perceptual_encoder.LipAutoEncoder(dimensions, 1 / 16)
        agree(page.LipAutoEncoder(dimensions, 16), theirs, noise(2, 3, 4, 64, 64))


def _motion(page):
    video = torch.nn.functional.avg_pool3d(noise(2, 3, 5, 72, 72), (1, 9, 9), 1)
    found, wanted = page.optical_flow(video), video_flow.Motion("lucas_kanade")(video)
    assert wanted.abs().max() > 0.5
    assert torch.allclose(found, wanted, atol=1e-4)


def _flownet(page):
    theirs, pair = flownet.FlowNetS(1 / 8), (noise(2, 3, 64, 64), noise(2, 3, 64, 64, seed=1))
    mine = page.FlowNetS(1 / 8)
    agree(mine, theirs, *pair, call=theirs.pyramid)
    frames = (noise(3, 64, 64, 3).clamp(-1, 1) * 127 + 128).byte().numpy()
    label = torch.tensor(farneback(frames)).permute(0, 3, 1, 2)
    wanted = flownet.proxy_loss(theirs.pyramid(*pair), label)
    assert torch.isclose(page.endpoint_loss(mine(*pair), label), wanted)


def _correlation_loss(page):
    s, v = torch.rand(2, 4, 15, 16, generator=torch.Generator().manual_seed(0))
    wanted = CorrelationLoss(CorrelationConfig(form="cosine"))(s, v)
    assert torch.isclose(page.correlation_loss(s, v), wanted, atol=1e-5)
    assert torch.isfinite(page.correlation_loss(0 * s, v))


def _pixel_loss(page):
    one, two = noise(1, 3, 2, 8, 8), noise(1, 3, 2, 8, 8, seed=1)
    assert torch.isclose(page.pixel_loss(one, two), PixelLoss()(one, two))


def _perceptual_loss(page):
    encoder = perceptual_encoder.LipAutoEncoder(2, 1 / 32).eval()
    one, two = noise(1, 3, 2, 64, 64).requires_grad_(), noise(1, 3, 2, 64, 64, seed=1)
    found = page.perceptual_loss(encoder.encode, one, two)
    assert torch.isclose(found, PerceptualLoss(encoder)(one, two), rtol=1e-4)
    assert torch.autograd.grad(found, one)[0].abs().max() > 0


def _adversarial_loss(page):
    logits = 3 * noise(3, 8)
    loss = AdversarialLoss()
    assert torch.isclose(page.discriminator_loss(*logits), loss.discriminator(*logits))
    assert torch.isclose(page.believed(logits[1]), loss.generator(logits[1]))


def _objective(page):
    n, adam = page.build(C=8, blocks=1)
    n["encoder"].eval().requires_grad_(False)
    batch = {
        "identity": noise(2, 3, 64, 64),
        "logmel": noise(2, 1, 64, 128),
        "mismatched": noise(2, 1, 64, 128, seed=1),
        "video": noise(2, 3, 16, 64, 64).clamp(-1, 1),
    }
    weights = {"pix": 1.0, "corr": 2.0, "perc": 3.0, "gen": 0.5}
    losses = page.train_step(n, adam, batch, weights)
    total, _ = Objective(weights)(**{name: losses[name].detach() for name in weights})
    assert torch.isclose(losses["loss"], total)


COMPARED = {
    "AudioEncoder": _audio_encoder,
    "IdentityEncoder": _identity_encoder,
    "Fusion": _fusion,
    "ResidualBlock": _residual,
    "Decoder": _decoder,
    "Painter": _decoder,  # its last convolution, which the page leaves to PyTorch
    "Generator": _generator,
    "AudioCorrelation": _audio_correlation,
    "VisualCorrelation": _visual_correlation,
    "CorrelationNetworks": _correlation_networks,
    "Discriminator": _discriminator,
    "LipAutoEncoder": _auto_encoder,
    "Motion": _motion,
    "FlowNetS": _flownet,
    "CorrelationLoss": _correlation_loss,
    "PixelLoss": _pixel_loss,
    "PerceptualLoss": _perceptual_loss,
    "AdversarialLoss": _adversarial_loss,
    "Objective": _objective,
}
"""Every network and loss of the core files, and what compares the page's with it."""


def test_nothing_of_the_core_files_is_left_out():
    found = set()
    for name in CORE:
        module = importlib.import_module(f"lipkit.{name}")
        found |= {
            name
            for name, kind in vars(module).items()
            if inspect.isclass(kind)
            and issubclass(kind, nn.Module)
            and kind.__module__ == module.__name__
            and not name.startswith("_")
        }
    assert found == set(COMPARED)


@pytest.mark.parametrize("name", COMPARED)
def test_the_page_gives_the_same_numbers(page, name):
    torch.manual_seed(0)
    COMPARED[name](page)


def test_the_page_is_of_the_notebooks_as_they_are():
    stored = (NOTEBOOKS / PAGE).read_text(encoding="utf-8")
    assert stored == paper_page(), "run: python -m lipkit.course.paper_page"
    assert len(stored.splitlines()) < MAX_LINES


def test_the_page_trains(tmp_path, warm_python):
    folder = make_set(tmp_path / "set", {"train": 3}, frames=20)
    run = subprocess.run(
        [warm_python, str(NOTEBOOKS / PAGE), "2", str(folder)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    steps = [dict(re.findall(r"(\w+) (-?\d+\.\d+)", line)) for line in run.stdout.splitlines()]
    assert [set(step) for step in steps] == [{"loss", "dis", "pix", "corr", "perc", "gen"}] * 2


def _notebook(folder, number: int, source: str) -> None:
    cell = v4.new_code_cell(source, metadata={"tags": ["paper"]})
    write(v4.new_notebook(cells=[cell]), folder / f"0{number}_part.ipynb")


def test_a_definition_that_is_repeated_is_taken_once(tmp_path):
    for number in (3, 4):
        _notebook(tmp_path, number, "from torch import nn\n\n\ndef one():\n    return nn.ReLU()")
    assert paper_page(tmp_path).count("def one") == 1


def test_two_definitions_of_one_name_are_refused(tmp_path):
    _notebook(tmp_path, 3, "def one():\n    return 1")
    _notebook(tmp_path, 4, "def one():\n    return 2")
    with pytest.raises(LipkitError, match="defines one differently"):
        paper_page(tmp_path)


def test_what_is_no_definition_is_refused(tmp_path):
    _notebook(tmp_path, 3, "x = 1")
    with pytest.raises(LipkitError, match="only import and define"):
        paper_page(tmp_path)


class _Unfit(audio_encoder.AudioEncoder):
    def forward(self, logmel):
        return 1.01 * super().forward(logmel)


@pytest.mark.parametrize("mine", [_Unfit(16), audio_encoder.AudioEncoder(32), nn.Linear(3, 3)])
def test_what_differs_does_not_agree(mine):
    with pytest.raises(AssertionError):
        agree(mine, audio_encoder.AudioEncoder(16), noise(2, 1, 32, 128))


def test_agreeing_leaves_the_modes_as_they_were():
    one, two = audio_encoder.AudioEncoder(16).eval(), audio_encoder.AudioEncoder(16).train()
    agree(one, two, noise(2, 1, 32, 128))
    assert (one.training, two.training) == (False, True)
