"""The named presets: what `paper`, `mended` and `released` are, and what they differ in."""

import re

import pytest
from conftest import REPOSITORY
from torch import nn

from lipkit.errors import UsageError
from lipkit.losses import LOSSES, CorrelationConfig
from lipkit.models.catalogue import build_generator
from lipkit.models.network import parameter_count
from lipkit.presets import PRESETS, preset
from lipkit.presets.compared import COMPARED, REASONS, differences, preset_table
from lipkit.presets.fit import least_windows, require_fit
from lipkit.settings import flat, override, to_dict

PAPER, MENDED, RELEASED = (PRESETS[name] for name in ("paper", "mended", "released"))
FACTS = (REPOSITORY / "notebooks" / "facts.md").read_text(encoding="utf-8")


def differ(one: str, other: str) -> set[str]:
    first, second = (flat(to_dict(PRESETS[name])) for name in (one, other))
    return {name for name in first if first[name] != second[name]} - {"name"}


def test_paper_is_what_poster_and_equations_print():
    loss, train = PAPER.loss, PAPER.train
    weights = {name: getattr(loss, name).weight for name in LOSSES}
    on = {name: weight for name, weight in weights.items() if weight}
    assert on == {"corr": 1.0, "pix": 0.5, "perc": 1.0, "gen": 1.0}  # fact 7.1
    assert (loss.corr.form, loss.corr.derivative, loss.corr.sound) == ("cosine", True, "own")
    assert (loss.gen.streams, loss.gen.generated, loss.gen.mismatched) == ("three", 0.5, 0.5)
    assert (PAPER.flow.kind, PAPER.flow.width) == ("flownet", 1.0)
    assert (train.learning_rate, train.beta1, train.beta2) == (2e-4, 0.5, 0.999)  # fact 7.4
    assert train.batch_size == 24
    assert (loss.corr.learning_rate, loss.corr.weight_decay) == (1e-4, 5e-4)  # fact 3.9
    ours = (train.ema, train.clip, train.warmup_steps, train.cool, train.weight_decay)
    assert ours == (0, 0, 0, 0, 0)  # fact 7.6
    assert train.discriminator_rate is None
    assert not PAPER.data.augment


def test_papers_generator_has_the_released_layout():
    network: nn.Module = build_generator(PAPER.generator)
    assert parameter_count(network) == 16_695_267  # fact 2.3.6


def test_mended_differs_from_paper_by_four_named_settings():
    assert differ("paper", "mended") == {
        "data.identity",
        "generator.temporal_kernel",
        "flow.kind",
        "loss.corr.form",
    }


def test_released_is_paper_with_named_faults():
    assert differ("paper", "released") == {
        "prepare.crop",
        "prepare.detect_every_frame",
        "data.sound_shift",
        "data.mel_axes",
        "loss.pix.weight",
        "loss.gen.streams",
        "loss.perc.batch_statistics",
    }
    assert RELEASED.loss.pix.weight == 0.2


def test_few_steps_change_sizes_weights_and_rates_and_say_so():
    changed = differ("paper", "paper_few_steps")
    sizes = r"(.*\.(width|weight|steps|learning_rate)|train\..*|data\.augment)"
    assert {name for name in changed if not re.fullmatch(sizes, name)} == set()
    assert {f"loss.{name}.weight" for name in ("corr", "pix", "perc", "gen")} <= changed


def test_each_difference_has_its_reason_and_its_fact():
    assert set(differences()) == set(REASONS)
    for reason in REASONS.values():
        assert f'id="fact-{reason.fact}"' in FACTS, reason.fact
    assert [one.name for one in COMPARED] == ["paper", "mended", "released"]


def test_readme_shows_the_table_of_presets():
    assert preset_table() in (REPOSITORY / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_fits(name):
    require_fit(PRESETS[name])
    assert preset(name).name == name


@pytest.mark.parametrize(
    ("name", "least"), [("paper", 2), ("mended", 2), ("released", 1), ("plus", 1), ("vondrick", 2)]
)
def test_a_step_has_the_windows_that_its_losses_and_layers_need(name, least):
    assert least_windows(PRESETS[name]) == least
    if least > 1:
        with pytest.raises(UsageError, match=r"batch_size=1: .* at least 2 windows"):
            require_fit(override(PRESETS[name], {"train.batch_size": 1}))


def test_the_default_form_of_the_loss_is_not_the_papers():
    # Whoever builds parts by hand gets what was measured to work; `paper` asks for its own.
    assert CorrelationConfig().form == "contrastive"
