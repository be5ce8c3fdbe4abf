"""Settings refuse what does not fit; presets and overrides."""

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from lipkit import config
from lipkit.config import DataConfig, PrepareConfig, TrainConfig
from lipkit.errors import LipkitError, UsageError
from lipkit.losses import LOSSES
from lipkit.presets import PRESETS, preset
from lipkit.presets.fit import require_fit
from lipkit.settings import (
    Settings,
    bounded,
    convert,
    did_you_mean,
    from_dict,
    override,
    setting_names,
    to_dict,
)


@pytest.mark.parametrize(
    ("value", "wanted", "expected"),
    [
        ("1e-4", float, 1e-4),
        (1, float, 1.0),
        (" -2.5 ", float, -2.5),
        ("1e3", int, 1000),
        ("+7", int, 7),
        (3.0, int, 3),
        ("true", bool, True),
        ("No", bool, False),
        ("0", bool, False),
        (True, bool, True),
        ("none", float | None, None),
        ("null", str | None, None),
        ("2", float | None, 2.0),
        (None, int | None, None),
        ("stable", Literal["stable", "per_frame"], "stable"),
        ("3", Literal[1, 3], 3),
        ("1,2, 3", list[int], [1, 2, 3]),
        ("[0.5, 1]", tuple[float, ...], (0.5, 1.0)),
        ([1, "2"], list[int], [1, 2]),
        ("", list[str], []),
        ("7", str, "7"),
        ({"a": 1}, Any, {"a": 1}),
    ],
)
def test_convert(value, wanted, expected):
    result = convert(value, wanted)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("1.5", int),
        (1.5, int),
        ("four", float),
        ("nan", float),
        (float("nan"), float),
        ("inf", int),
        ("inf", float),
        ("-inf", float),
        (float("inf"), float),
        (10**400, float),
        (True, int),
        (False, float),
        (None, int),
        ("", int),
        ("maybe", bool),
        (2, bool),
        (7, str),
        ("2", Literal[1, 3]),
        (True, Literal[1, 3]),
        (0, Literal[True, False]),
        ("x", float | None),
        (["x"], list[int]),
        (5, list[int]),
    ],
)
def test_convert_refuses_in_one_line(value, wanted):
    with pytest.raises(UsageError, match=r"^rate=") as caught:
        convert(value, wanted, name="rate")
    assert "\n" not in str(caught.value)
    assert repr(value).strip("[]") in str(caught.value)


def test_a_large_whole_number_keeps_all_its_digits():
    assert convert("9007199254740993", int) == 9007199254740993


@dataclass(frozen=True)
class Inner(Settings):
    size: int = bounded(4, low=1, high=8)


@dataclass(frozen=True)
class Outer(Settings):
    name: str = "x"
    mode: Literal["a", "b"] = "a"
    inner: Inner = field(default_factory=Inner)
    rate: float | None = bounded(None, low=0.0)


def test_bounds_hold_at_both_ends():
    assert (Inner(1).size, Inner("8").size) == (1, 8)
    with pytest.raises(UsageError, match="size=0: must be at least 1"):
        Inner(0)
    with pytest.raises(UsageError, match="size=9: must be at most 8"):
        Inner(9)


def test_none_passes_a_bound():
    assert Outer(rate=None).rate is None
    with pytest.raises(UsageError):
        Outer(rate=-1)


def test_dictionaries_go_there_and_back():
    settings = Outer(mode="b", inner=Inner(7), rate=0.5)
    assert from_dict(Outer, to_dict(settings)) == settings
    with pytest.raises(UsageError, match="did you mean 'mode'"):
        from_dict(Outer, {"mod": "a"})
    with pytest.raises(UsageError, match="did you mean 'size'"):
        from_dict(Outer, {"inner": {"sise": 1}})


def test_setting_names_are_dotted():
    assert setting_names(Outer()) == ["mode", "inner.size", "rate"]


def test_did_you_mean_proposes_or_lists():
    assert did_you_mean("prset", ["preset", "seed"]) == "did you mean 'preset'?"
    assert did_you_mean("zzz", ["preset", "seed"]) == "known: preset, seed"


@dataclass(frozen=True)
class Car(Settings):
    kind: Literal["car"] = "car"
    doors: int = 4
    speed: float = 100.0


@dataclass(frozen=True)
class Boat(Settings):
    kind: Literal["boat"] = "boat"
    sails: int = 2
    speed: float = 10.0


@dataclass(frozen=True)
class Trip(Settings):
    days: int = 1
    by: Car | Boat = field(default_factory=Car)


def test_a_union_of_settings_is_told_apart_by_its_tag():
    trip = override(Trip(), {"by.sails": 3, "by.kind": "boat"})
    assert trip.by == Boat(sails=3)
    assert from_dict(Trip, to_dict(trip)) == trip
    assert from_dict(Trip, {"by": {"doors": 2}}) == Trip(by=Car(doors=2))
    with pytest.raises(UsageError, match="must be one of car, boat"):
        override(Trip(), {"by.kind": "plane"})
    with pytest.raises(UsageError, match="must be one of car, boat"):
        from_dict(Trip, {"by": {"kind": "plane"}})


def test_another_member_takes_over_what_was_set_and_both_have():
    fast = override(Trip(), {"by.speed": 130, "by.doors": 2})
    assert override(fast, {"by.kind": "boat"}).by == Boat(speed=130)
    assert override(Trip(), {"by.kind": "boat"}).by.speed == Boat().speed
    assert override(fast, {"by.kind": "car"}) == fast


def test_a_setting_of_another_member_is_refused_with_those_that_have_it():
    with pytest.raises(UsageError, match=r"by\.kind=car has no such setting; boat has it"):
        override(Trip(), {"by.sails": 1})
    with pytest.raises(UsageError, match=r"did you mean 'by\.doors'"):
        override(Trip(), {"by.door": 1})


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        (
            "plus",
            {"generator.residual_blocks": 20},
            "warp has no such setting; glance has it",
        ),
        (
            "tiny",
            {"generator.temporal_kernel": 1, "generator.architecture": "chung"},
            "architecture=chung has no such setting; glance has it",
        ),
        ("paper", {"generator.deblur": "yes"}, "has no such setting; chung has it"),
        ("tiny", {"generator.temporal_kernel": True}, "must be one of 1, 3"),
        ("tiny", {"loss.pix": 1}, r"'loss\.pix' is now called 'loss\.pix\.weight'"),
        ("tiny", {"loss.corr.flow": "flownet"}, r"'loss\.corr\.flow' is now called 'flow\.kind'"),
    ],
)
def test_a_setting_that_would_do_nothing_is_refused(name, changes, said):
    with pytest.raises(UsageError, match=said):
        preset(name, changes)


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("landmarks", {"loss.corr.weight": 1}, "loss.corr.weight: the correlation loss needs"),
        (
            "landmarks",
            {"data.augment": True},
            "data.augment=True: .*landmarks",
        ),
        ("landmarks", {"data.identity": "outside"}, "leave it at any"),
        ("chung", {"train.guided": 0.5}, "cannot take true mouth points to render from"),
        ("chung", {"loss.pix.weight": 0}, "all losses weigh 0"),
        ("vondrick", {"data.window": 20}, "data.window=20"),
        ("plus", {"data.rendered": 1}, "data.rendered=1: loss.motion.weight needs at least two"),
        (
            "tiny",
            {"loss.corr.form": "cosine", "loss.corr.sound": "other", "loss.gen.weight": 0}
            | {"train.batch_size": 1},
            "train.batch_size=1: .*at least 2",
        ),
    ],
)
def test_parts_that_do_not_go_together_are_refused(name, changes, said):
    with pytest.raises(UsageError, match=said):
        require_fit(preset(name, changes))


def test_what_a_preset_says_of_its_losses_is_what_it_learns_from():
    on = {
        name: {loss for loss in LOSSES if getattr(made.loss, loss).weight > 0}
        for name, made in PRESETS.items()
    }
    assert on["landmarks"] == {"points"}
    assert on["paper"] == on["tiny"] == {"corr", "pix", "perc", "gen"}
    assert on["chung"] == {"pix"}
    for made in PRESETS.values():
        require_fit(made)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_know_their_names_and_survive_json(name):
    assert preset(name).name == name
    assert from_dict(type(PRESETS[name]), to_dict(PRESETS[name])) == PRESETS[name]


def test_overrides_reach_any_depth_and_leave_the_preset_alone():
    changed = preset("tiny", {"train.batch_size": "3", "prepare.crop": "per_frame"})
    assert changed.train.batch_size == 3
    assert changed.prepare.crop == "per_frame"
    assert PRESETS["tiny"].train.batch_size != 3


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"train.batchsize": 1}, "did you mean 'train.batch_size'"),
        ({"trian.batch_size": 1}, "did you mean 'train.batch_size'"),
        ({"train": 1}, "unknown"),
        ({"train.batch_size.x": 1}, "unknown"),
        ({"train.batch_size": 0}, "at least 1"),
        ({"prepare.crop": "round"}, "must be one of stable, per_frame"),
        ({"": 1}, "unknown"),
    ],
)
def test_unfit_overrides_are_refused(overrides, message):
    with pytest.raises(UsageError, match=message):
        preset("tiny", overrides)


def test_an_unknown_preset_is_refused():
    with pytest.raises(UsageError, match="did you mean 'tiny'"):
        preset("tiney")


def test_usage_errors_are_of_the_family():
    assert issubclass(UsageError, LipkitError)


def test_time_constants_fit_together():
    assert config.SAMPLES_PER_FRAME * config.FPS == config.SAMPLE_RATE
    assert config.HOP * config.COLUMNS_PER_FRAME == config.SAMPLES_PER_FRAME
    assert config.WINDOW * config.COLUMNS_PER_FRAME == config.LIP_SIZE


def test_every_bounded_default_is_inside_its_bounds():
    # Construction checks them; a bad default would raise here and not in a user's hands.
    for settings in (PrepareConfig, DataConfig, TrainConfig):
        settings()
