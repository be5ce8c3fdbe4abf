"""Settings refuse what does not fit; presets and overrides."""

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from lipkit import config
from lipkit.config import PRESETS, DataConfig, PrepareConfig, TrainConfig, preset
from lipkit.errors import LipkitError, UsageError
from lipkit.settings import (
    Settings,
    bounded,
    convert,
    did_you_mean,
    from_dict,
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
        (True, int),
        (False, float),
        (None, int),
        ("", int),
        ("maybe", bool),
        (2, bool),
        (7, str),
        ("2", Literal[1, 3]),
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
