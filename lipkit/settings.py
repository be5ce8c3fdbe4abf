"""Strict settings: frozen dataclasses whose fields are converted and checked.

Values arrive as Python objects, as text from a command line (``--set train.batch_size=8``)
or from a notebook's parameters cell; all three pass through :func:`convert` and are
refused in one line when they do not fit.
"""

import dataclasses
import difflib
import math
import types
import typing
from dataclasses import field
from typing import Any, Literal, get_args, get_origin

from lipkit.errors import UsageError


def bounded(
    default: Any, *, low: float | None = None, high: float | None = None, help: str = ""
) -> Any:
    """A dataclass field with a range (both ends included)."""
    return field(default=default, metadata={"low": low, "high": high, "help": help})


class Settings:
    """Converts and range-checks every field on construction."""

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(type(self))
        for f in dataclasses.fields(self):
            value = convert(getattr(self, f.name), hints[f.name], name=f.name)
            low, high = f.metadata.get("low"), f.metadata.get("high")
            if value is not None and low is not None and value < low:
                raise UsageError(f"{f.name}={value}: must be at least {low}")
            if value is not None and high is not None and value > high:
                raise UsageError(f"{f.name}={value}: must be at most {high}")
            object.__setattr__(self, f.name, value)


def to_dict(config: Any) -> dict[str, Any]:
    """A config as plain nested dictionaries, for JSON.

    >>> from lipkit.config import DataConfig
    >>> to_dict(DataConfig(window=8))["window"]
    8
    """
    return dataclasses.asdict(config)


def from_dict(cls: Any, values: dict[str, Any]) -> Any:
    """Rebuild a config dataclass; unknown names are refused, missing ones take defaults.

    ``cls`` may be a union of dataclasses; its tag (:func:`variants`) says which one it is.
    """
    if (union := variants(cls)) is not None:
        tag, kinds = union
        chosen = values.get(tag, next(iter(kinds)))
        cls = kinds[convert(chosen, Literal[tuple(kinds)], tag)]
    hints = typing.get_type_hints(cls)
    arguments = {}
    for name, value in values.items():
        if name not in hints:
            raise UsageError(f"setting {name!r} is unknown; {did_you_mean(name, hints)}")
        nested = isinstance(value, dict) and (
            dataclasses.is_dataclass(hints[name]) or variants(hints[name]) is not None
        )
        arguments[name] = from_dict(hints[name], value) if nested else value
    return cls(**arguments)


def variants(hint: Any) -> tuple[str, dict[Any, type]] | None:
    """The tag of a union of settings, and its members by the tag's value; None of any other type.

    The tag is the first field, of the same name in all members, each with a literal of its own:
    ``architecture: Literal["warp"] = "warp"``.
    """
    kinds = get_args(hint) if get_origin(hint) in (typing.Union, types.UnionType) else ()
    if not kinds or not all(dataclasses.is_dataclass(kind) for kind in kinds):
        return None
    tag = dataclasses.fields(kinds[0])[0].name
    return tag, {get_args(typing.get_type_hints(kind)[tag])[0]: kind for kind in kinds}


def setting_names(config: Any, prefix: str = "") -> list[str]:
    """Dotted names of all settings below ``config``.

    >>> from lipkit.config import DataConfig
    >>> setting_names(DataConfig())[:2]
    ['window', 'stride']
    """
    names = []
    for f in dataclasses.fields(config):
        value = getattr(config, f.name)
        if dataclasses.is_dataclass(value):
            names += setting_names(value, f"{prefix}{f.name}.")
        elif not (prefix == "" and f.name == "name"):
            names.append(prefix + f.name)
    return names


def did_you_mean(name: str, known: typing.Iterable[str]) -> str:
    """A phrase that suggests the nearest of the known names, or lists them."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    listed = ", ".join(known)
    return f"did you mean {near[0]!r}?" if near else f"known: {listed}"


def convert(value: Any, wanted: Any, name: str = "value") -> Any:
    """Convert ``value`` to the declared type ``wanted``, strictly.

    Text becomes a number, a bool (``true/false/yes/no/1/0``), ``None`` (``none``/``null``)
    or a literal; an ``int`` becomes a ``float``; a whole ``float`` becomes an ``int``.
    Containers ``list[X]``/``tuple[X, ...]`` take comma-separated text. Nothing else
    changes type. A number is finite.

    Raises
    ------
    UsageError
        Naming the setting, the value and what was expected.
    """
    origin, args = get_origin(wanted), get_args(wanted)
    if wanted is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        return _convert_union(value, args, name)
    if origin is Literal:
        for option in args:
            # To Python True is 1, but nobody means a kernel of one frame by it.
            same = value == option and isinstance(value, bool) == isinstance(option, bool)
            if same or (isinstance(value, str) and value.strip() == str(option)):
                return option
        options = ", ".join(map(str, args))
        raise UsageError(f"{name}={value!r}: must be one of {options}")
    if origin in (list, tuple) or wanted in (list, tuple):
        return _convert_sequence(value, origin or wanted, args, name)
    if wanted is type(None):
        if value is None or (isinstance(value, str) and value.lower() in ("none", "null", "")):
            return None
        raise UsageError(f"{name}={value!r}: must be none")
    if wanted is bool:
        return _convert_bool(value, name)
    if wanted in (int, float):
        return _convert_number(value, wanted, name)
    if isinstance(wanted, type) and isinstance(value, wanted):
        return value
    raise UsageError(f"{name}={value!r}: must be {getattr(wanted, '__name__', wanted)}")


def _convert_union(value: Any, options: tuple, name: str) -> Any:
    # None first: the text "none" would otherwise be taken by str.
    for option in sorted(options, key=lambda o: o is not type(None)):
        try:
            return convert(value, option, name)
        except UsageError as error:
            last = error
    raise last


def _convert_sequence(value: Any, kind: type, args: tuple, name: str) -> Any:
    if isinstance(value, str):
        value = [part.strip() for part in value.strip("[]()").split(",") if part.strip()]
    if not isinstance(value, (list, tuple)):
        raise UsageError(f"{name}={value!r}: must be a list, such as a,b,c")
    item = args[0] if args else Any
    return kind(convert(v, item, name) for v in value)


def _convert_bool(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in ("true", "yes", "on", "1"):
        return True
    if text in ("false", "no", "off", "0"):
        return False
    raise UsageError(f"{name}={value!r}: must be true or false")


def _convert_number(value: Any, wanted: type, name: str) -> Any:
    expected = "a whole number" if wanted is int else "a number"
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise UsageError(f"{name}={value!r}: must be {expected}")
    try:
        number = float(value)
        if wanted is float:
            if not math.isfinite(number):
                raise ValueError
            return number
        return int(value) if isinstance(value, (int, str)) and _is_int(value) else _whole(number)
    except (ValueError, OverflowError):
        raise UsageError(f"{name}={value!r}: must be {expected}") from None


def _is_int(value: int | str) -> bool:
    return isinstance(value, int) or value.strip().lstrip("+-").isdigit()


def _whole(number: float) -> int:
    if number != int(number):
        raise ValueError
    return int(number)


def flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted name.

    >>> flat({"train": {"steps": 10, "seed": 0}, "name": "tiny"})
    {'train.steps': 10, 'train.seed': 0, 'name': 'tiny'}
    """
    found = {}
    for name, value in settings.items():
        nested = isinstance(value, dict)
        found |= flat(value, f"{prefix}{name}.") if nested else {prefix + name: value}
    return found


def override(config: Any, values: dict[str, Any]) -> Any:
    """``config`` with ``{"train.batch_size": 8}``-style settings replaced.

    What chooses a member of a union (``generator.architecture``) comes first, wherever it
    stands; the new member takes over what both have and was not left at its default.

    Raises
    ------
    UsageError
        For an unknown setting (with the nearest known name), one that belongs to another
        member of a union (with those that have it), or an unsuitable value.

    >>> from lipkit.presets import preset
    >>> override(preset("tiny"), {"train.batch_size": 8}).train.batch_size
    8
    """
    tags = {f"{name}.{union[0]}" for name, union in _unions(type(config)).items()}
    for key, value in sorted(values.items(), key=lambda item: item[0] not in tags):
        config = _replaced(config, key.split("."), value, key)
    return config


def _replaced(config: Any, parts: list[str], value: Any, key: str) -> Any:
    name, *rest = parts
    known = {f.name for f in dataclasses.fields(config)}
    current = getattr(config, name) if name in known else None
    nested = dataclasses.is_dataclass(current)
    if name not in known or nested != bool(rest):
        raise _unknown(config, parts, key)
    if not nested:
        return dataclasses.replace(config, **{name: value})
    union = _unions(type(config)).get(name)
    if union is not None and rest == [union[0]]:
        value = _other_member(current, *union, value, key)
    elif union is not None and rest[0] not in {f.name for f in dataclasses.fields(current)}:
        raise _of_another(current, *union, rest[0], key)
    else:
        value = _replaced(current, rest, value, key)
    return dataclasses.replace(config, **{name: value})


def _unions(cls: type) -> dict[str, tuple[str, dict[Any, type]]]:
    """Fields of a config that hold one of several kinds of settings: tag and members."""
    found = {name: variants(hint) for name, hint in typing.get_type_hints(cls).items()}
    return {name: union for name, union in found.items() if union is not None}


def _other_member(current: Any, tag: str, kinds: dict[Any, type], value: Any, key: str) -> Any:
    kind = kinds[convert(value, Literal[tuple(kinds)], key)]
    if isinstance(current, kind):
        return current
    shared = {f.name for f in dataclasses.fields(kind)} - {tag}
    changed = {
        f.name: getattr(current, f.name)
        for f in dataclasses.fields(current)
        if f.name in shared and getattr(current, f.name) != f.default
    }
    return kind(**changed)


def _of_another(current: Any, tag: str, kinds: dict[Any, type], name: str, key: str) -> UsageError:
    owners = [
        str(value)
        for value, kind in kinds.items()
        if name in {f.name for f in dataclasses.fields(kind)}
    ]
    if not owners:
        return _unknown(current, [name], key)
    group = key.removesuffix(f".{name}")
    return UsageError(
        f"{key}: {group}.{tag}={getattr(current, tag)} has no such setting; "
        f"{' and '.join(owners)} {'has' if len(owners) == 1 else 'have'} it"
    )


def _unknown(config: Any, parts: list[str], key: str) -> UsageError:
    root = key.split(".")[: len(key.split(".")) - len(parts)]
    options = setting_names(config, "".join(p + "." for p in root))
    # First the nearest of its own level: loss.picks is nearer to loss.pix than to loss.perc.steps.
    siblings = [f.name for f in dataclasses.fields(config)]
    for near in difflib.get_close_matches(parts[0], siblings, n=1, cutoff=0.5):
        place = ".".join([*root, near])
        options = [name for name in options if name == place or name.startswith(place + ".")]
    return UsageError(f"setting {key!r} is unknown; {did_you_mean(key, options)}")
