"""Results that a notebook declares, so that a sweep can collect them.

``record(lmd=1.9)`` in a cell stores the value in the notebook file itself, as an output of
its own kind beside a line of text, where :func:`read_records` finds it. It works without a
sweep: in Jupyter only the line is seen.
"""

import math
from pathlib import Path
from typing import Any

from lipkit.course.notebooks import read_notebook
from lipkit.errors import UsageError

MIME = "application/vnd.lipkit.record+json"
Value = bool | int | float | str


def record(**results: Any) -> None:
    """Declare results of this notebook: numbers or texts, each with a name.

    Recording a name again replaces its earlier value. Single numbers from NumPy and PyTorch are
    accepted too.

    Raises
    ------
    UsageError
        When nothing is given, or a value is neither a single number nor a text.

    >>> record(lmd=1.9, model="paper")
    recorded: lmd = 1.9, model = paper
    """
    if not results:
        raise UsageError("record() needs results, such as record(lmd=1.9)")
    values = {name: _plain(name, value) for name, value in results.items()}
    line = "recorded: " + ", ".join(f"{name} = {_short(v)}" for name, v in values.items())
    from IPython import get_ipython

    if get_ipython() is None:
        print(line)
        return
    from IPython.display import display

    # Pairs, because a notebook's file sorts the names of a dictionary.
    content = [[name, _encode(value)] for name, value in values.items()]
    display({MIME: content, "text/plain": line}, raw=True)


def read_records(notebook: Path) -> dict[str, Value]:
    """What an executed notebook has recorded, in the order in which the names first appear.

    Raises
    ------
    LipkitError
        When the file is not a readable notebook.
    """
    found: dict[str, Value] = {}
    for cell in read_notebook(notebook).cells:
        for output in cell.get("outputs", []):
            content = output.get("data", {}).get(MIME, [])
            found |= {name: _decode(value) for name, value in content}
    return found


def _plain(name: str, value: Any) -> Value:
    if not isinstance(value, (bool, int, float, str)) and hasattr(value, "item"):
        # An array of one number counts as that number; of more, item() refuses.
        try:
            value = value.item()
        except (ValueError, RuntimeError):
            shape = "x".join(map(str, value.shape))
            raise UsageError(
                f"record({name}=...): is an array of {shape}; record one number per name"
            ) from None
    if not isinstance(value, (bool, int, float, str)):
        kind = type(value).__name__
        raise UsageError(f"record({name}=...): must be a number or a text, not {kind}")
    return value


def _short(value: Value) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _encode(value: Value) -> Any:
    # JSON has no notation for numbers that are not finite.
    finite = not isinstance(value, float) or math.isfinite(value)
    return value if finite else {"float": str(value)}


def _decode(value: Any) -> Value:
    return float(value["float"]) if isinstance(value, dict) else value
