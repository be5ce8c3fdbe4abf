"""The baselines after Vondrick and Chung: their shapes, what they hear and see, their training."""

import numpy as np
import pytest
import torch
from training_sets import make_set
from typer.testing import CliRunner

from lipkit.cli import app
from lipkit.errors import UsageError
from lipkit.generation.frames import generate_chunks
from lipkit.generation.inference import for_inference
from lipkit.models.catalogue import build_generator, generator_settings
from lipkit.models.network import parameter_count
from lipkit.presets import preset
from lipkit.training import train
from lipkit.training.run_folder import read_log
from lipkit.weights import load_weights

FORMS = {
    "vondrick": {"architecture": "vondrick"},
    "vondrick, not blind": {"architecture": "vondrick", "sees_identity": True},
    "chung": {"architecture": "chung"},
    "chung, deblurred": {"architecture": "chung", "deblur": True},
}
SHORT = {
    "generator.width": 1 / 32,
    "loss.gen.width": 1 / 32,
    "data.stride": 2,
    "train.batch_size": 4,
    "train.steps": 4,
    "train.checkpoint_steps": 2,
    "train.sample_steps": 100,
    "train.workers": 0,
    "train.device": "cpu",
}


def narrow(form: str):
    torch.manual_seed(0)
    return build_generator(generator_settings(width=1 / 32, **FORMS[form]))


def windows(count: int = 3, frames: int = 16):
    torch.manual_seed(1)
    return torch.rand(count, 3, 64, 64) * 2 - 1, torch.randn(count, 1, 4 * frames, 128)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return make_set(tmp_path_factory.mktemp("set"), {"train": 4, "val": 1}, frames=24)


def shapes_of(**settings):
    with torch.device("meta"):
        return build_generator(generator_settings(**settings))


def conv(inputs: int, outputs: int, *kernel: int) -> int:
    """A kernel without bias, and batch norm's two numbers a channel."""
    return inputs * outputs * int(np.prod(kernel)) + 2 * outputs


AUDIO = (
    conv(1, 32, 3, 3)
    + conv(32, 64, 3, 3)
    + conv(64, 128, 3, 3)
    + conv(128, 128, 3, 3)
    + conv(128 * 16 * 32, 256)
)


def test_vondrick_has_the_published_parameters():
    moving = (
        conv(356, 512, 2, 4, 4)
        + conv(512, 256, 2, 4, 4)
        + conv(256, 128, 4, 4, 4)
        + conv(128, 64, 4, 4, 4)
    )
    ends = 2 * conv(64, 64, 4, 4, 4) + (64 * 3 * 27 + 3) + (64 * 1 * 27 + 1)
    still = conv(356, 512, 4, 4) + conv(512, 256, 4, 4) + conv(256, 128, 4, 4)
    still += conv(128, 64, 4, 4) + conv(64, 64, 4, 4) + (64 * 3 * 9 + 3)
    made = shapes_of(architecture="vondrick")
    assert parameter_count(made) == AUDIO + moving + ends + still == 35_938_343

    made = shapes_of(architecture="vondrick", sees_identity=True)
    eyes = conv(3, 64, 4, 4) + conv(64, 128, 4, 4) + conv(128, 256, 4, 4)
    eyes += conv(256, 512, 4, 4) + conv(512, 256, 4, 4)
    more = 256 * 512 * (2 * 4 * 4 + 4 * 4)  # the first layer of either stream
    assert parameter_count(made) == 35_938_343 + eyes + more


def test_chung_has_the_published_parameters():
    identity = conv(3, 96, 7, 7) + conv(96, 256, 5, 5) + conv(256, 256, 3, 3)
    identity += conv(256, 512, 3, 3) + conv(512, 256, 3, 3) + conv(256, 128, 3, 3)
    identity += conv(128 * 5 * 5, 512) + conv(512, 256)
    decoder = conv(512, 128) + conv(128, 512, 7, 7) + conv(512, 256, 6, 6)
    decoder += conv(512, 256, 6, 6) + conv(256, 256, 5, 5) + conv(256, 96, 5, 5)
    decoder += conv(192, 96, 6, 6) + conv(96, 64, 5, 5) + (64 * 48 * 9 + 48)
    made = shapes_of(architecture="chung")
    assert parameter_count(made) == AUDIO + identity + decoder == 38_479_856

    made = shapes_of(architecture="chung", deblur=True)
    deblur = (3 * 64 * 9 + 64) + 8 * (64 * 64 * 9 + 64) + (64 * 3 * 9 + 3)
    assert parameter_count(made.deblur) == deblur
    assert parameter_count(made) == 38_479_856 + deblur


@pytest.mark.parametrize("form", FORMS)
def test_every_form_makes_a_window_in_range_and_all_of_it_learns(form):
    generator = narrow(form)
    made = generator.generate(*windows())
    assert made.video.shape == (3, 3, 16, 64, 64)
    assert made.video.abs().max() <= 1
    made.video.square().mean().backward()
    blind = {n for n, p in generator.named_parameters() if p.grad is None}
    assert blind == set()
    assert torch.equal(generator.eval()(*windows()), generator.generate(*windows()).video)


@pytest.mark.parametrize("form", FORMS)
def test_who_hears_and_who_sees(form):
    generator = narrow(form).eval()
    identity, logmel = windows(2)
    with torch.no_grad():
        first = generator(identity, logmel)
        other_sound = generator(identity, logmel.flip(0))
        other_person = generator(identity.flip(0), logmel)
    assert not torch.equal(first, other_sound)
    assert torch.equal(first, other_person) == (form == "vondrick")


def test_noise_is_drawn_in_training_and_kept_in_evaluation():
    generator = narrow("vondrick")
    identity, logmel = windows(2)
    logmel[1] = logmel[0]
    with torch.no_grad():
        learning = generator(identity, logmel)
        assert not torch.equal(learning[0], learning[1])
        still = generator.eval()(identity, logmel)
        assert torch.allclose(still[0], still[1], atol=1e-6)
        alone = generator(identity[:1], logmel[:1])
        assert torch.allclose(alone[0], still[0], atol=1e-6)
    assert generator.still_noise.square().mean() == pytest.approx(1, abs=0.5)


def test_vondrick_mixes_a_foreground_over_one_still_picture():
    generator = narrow("vondrick").eval()
    with torch.no_grad():
        for value, moves in ((-50.0, False), (50.0, True)):
            generator.mask[-2].weight.zero_()
            generator.mask[-2].bias.fill_(value)
            video = generator(*windows(1))
            assert (video.diff(dim=2).abs().max() > 1e-4) == moves
        seed = torch.cat([generator.still_noise, generator.audio_encoder(windows(1)[1])], dim=1)
        foreground = generator.foreground(generator.moving(seed[:, :, None, None, None]))
        assert torch.allclose(video, foreground)


def test_chung_s_channels_are_colours_of_frames():
    generator = narrow("chung").eval()
    with torch.no_grad():
        generator.to_video[-2].weight.zero_()
        generator.to_video[-2].bias.copy_(torch.arange(48) / 100)
        video = generator(*windows(1))
    for colour in range(3):
        for frame in range(16):
            expected = float(np.tanh((16 * colour + frame) / 100))
            assert video[0, colour, frame].mean().item() == pytest.approx(expected, abs=1e-5)


def test_deblurring_begins_by_changing_nothing():
    generator = narrow("chung, deblurred").eval()
    plain = narrow("chung").eval()
    plain.load_state_dict(
        {n: t for n, t in generator.state_dict().items() if not n.startswith("deblur.")}
    )
    with torch.no_grad():
        assert torch.allclose(generator(*windows(1)), plain(*windows(1)))
        generator.deblur.layers[-1].bias.fill_(5.0)
        assert generator(*windows(1)).max() == 1, "it stays in range"


@pytest.mark.parametrize("name", ["vondrick", "chung"])
def test_other_lengths_and_single_windows_are_refused(name):
    generator = narrow(name)
    with pytest.raises(UsageError, match=r"windows of 16 frames, not of 20; set data.window=16"):
        generator(*windows(2, frames=20))
    with pytest.raises(UsageError, match=r"two windows at a time; set train.batch_size"):
        generator(*windows(1))
    with pytest.raises(ValueError, match="expected"):
        generator(torch.zeros(2, 1, 64, 64), windows(2)[1])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("frames", [5, 16, 37])
def test_long_sound_is_generated_window_by_window(form, frames):
    generator = narrow(form).eval()
    identity, logmel = windows(1, frames)
    fast = for_inference(generator)
    pieces = list(generate_chunks(fast, identity[0], logmel[0, 0]))
    video = torch.cat(pieces, dim=1)
    assert video.shape == (3, frames, 64, 64)
    for start in range(0, frames, 16):
        heard = logmel[:, :, 4 * start : 4 * start + 64]
        missing = (64 - heard.shape[2]) // 4
        heard = torch.cat([heard, *[heard[:, :, -4:]] * missing], dim=2)
        with torch.no_grad():
            expected = generator(identity, heard)[0, :, : min(16, frames - start)]
        assert torch.allclose(video[:, start : start + 16], expected, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "changes", "fault"),
    [
        ("vondrick", {"loss.corr.weight": 1}, "loss.corr.weight: the correlation loss needs"),
        ("chung", {"loss.corr.weight": 0.1}, "loss.corr.weight: the correlation loss needs"),
        ("plus", {"loss.corr.weight": 0.1}, "loss.corr.weight: the correlation loss needs"),
        ("chung", {"data.window": 20}, "data.window=20: generator.architecture=chung"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(prepared, tmp_path, name, changes, fault):
    with pytest.raises(UsageError, match=fault):
        train(prepared, preset(name, SHORT | changes), tmp_path / "run", progress=False)


def losses(folder) -> list[dict]:
    names = ("loss", "pix", "gen", "dis")
    return [{name: row[name] for name in names if name in row} for row in read_log(folder)]


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_training_resumes_as_if_undisturbed(prepared, tmp_path, form):
    name = FORMS[form]["architecture"]
    options = {f"generator.{n}": v for n, v in FORMS[form].items()}
    whole, half = tmp_path / "whole", tmp_path / "half"
    settings = SHORT | options
    done = train(prepared, preset(name, settings), whole, progress=False)
    train(prepared, preset(name, settings | {"train.minutes": 0.0}), half, progress=False)
    assert len(losses(half)) == 1
    resumed = train(prepared, preset(name, settings), half, resume=True, progress=False)
    assert resumed.step == done.step == 4
    assert losses(half) == losses(whole)
    assert set(losses(whole)[0]) == {"loss", *({"pix"} if name == "chung" else {"gen", "dis"})}
    weights = load_weights(whole)
    assert weights.card.preset.generator == preset(name, settings).generator
    expected = load_weights(half).generator(*windows(2))
    assert torch.equal(weights.generator(*windows(2)), expected)


@pytest.mark.slow
def test_chung_learns(prepared, tmp_path):
    settings = SHORT | {"train.steps": 40, "train.learning_rate": 5e-3, "generator.width": 1 / 16}
    train(prepared, preset("chung", settings), tmp_path / "run", progress=False)
    found = [row["pix"] for row in losses(tmp_path / "run")]
    assert np.mean(found[-5:]) < 0.5 * np.mean(found[:5])


@pytest.mark.slow
def test_vondrick_learns_against_a_discriminator_that_holds_still(prepared, tmp_path):
    settings = SHORT | {
        "train.steps": 15,
        "train.learning_rate": 3e-3,
        "train.discriminator_rate": 0.0,
    }
    train(prepared, preset("vondrick", settings), tmp_path / "run", progress=False)
    found = [row["gen"] for row in losses(tmp_path / "run")]
    assert np.mean(found[-5:]) < 0.8 * np.mean(found[:5])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vondrick", "chung"])
def test_the_command_line_trains_them(prepared, tmp_path, name):
    options = [
        part
        for key, value in SHORT.items()
        if key != "train.steps"
        for part in ("--set", f"{key}={value}")
    ]
    arguments = ["train", str(prepared), "--preset", name, "--out", str(tmp_path), "--quiet"]
    result = CliRunner().invoke(app, [*arguments, *options, "--steps", "2"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "weights.safetensors").is_file()
