"""Training steps with planted faults, on which the proofs of an assignment are tried.

The sound step is ``train_step`` of the page ``this_is_the_whole_paper.py``; each fault is one
change of its text.
"""

import importlib.util
import inspect
from collections.abc import Callable, Iterable
from types import ModuleType

from lipkit.config.places import NOTEBOOKS
from lipkit.course.paper_page import PAGE
from lipkit.errors import LipkitError
from lipkit.settings import did_you_mean

FAULTS: dict[str, tuple[str, str]] = {
    "identity": ('batch["identity"]', 'batch["video"][:, :, 0]'),
    "sound": ('batch["logmel"]', 'batch["logmel"].roll(4, dims=2)'),
    "mismatch": ('D(v, batch["mismatched"], flow)', "D(v, s, flow)"),
    "detach": (
        "believed(D(v_hat, s, flow_hat))",
        "believed(D(v_hat.detach(), s, flow_hat.detach()))",
    ),
    "sign": ('"gen": believed(', '"gen": -believed('),
    "mean": ("pixel_loss(v_hat, v)", "(v - v_hat).abs().sum() / len(v)"),
    "statistics": ('v_hat, f_s = n["G"](p_r, s)', 'v_hat, f_s = n["G"].eval()(p_r, s)'),
    "left out": ('descend(loss, adam["G"], adam["phi"])', 'descend(loss, adam["G"])'),
}
"""Name -> what the sound step says, and what the faulty one says instead."""


def page() -> ModuleType:
    """The page, imported from where the notebooks lie."""
    spec = importlib.util.spec_from_file_location("this_is_the_whole_paper", NOTEBOOKS / PAGE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def source_with(faults: Iterable[str] = ()) -> str:
    """The step's text with the faults named.

    Raises
    ------
    LipkitError
        For an unknown fault, or where the page no longer says what the fault changes.
    """
    text = inspect.getsource(page().train_step)
    for name in faults:
        if name not in FAULTS:
            raise LipkitError(f"fault {name!r} is unknown; {did_you_mean(name, FAULTS)}")
        sound, faulty = FAULTS[name]
        if text.count(sound) != 1:
            count = text.count(sound)
            raise LipkitError(f"{PAGE}: train_step says {sound!r} {count} times, not once")
        text = text.replace(sound, faulty)
    return text


def step_with(faults: Iterable[str] = ()) -> Callable:
    """The step with the faults named (:data:`FAULTS`), called as the page's ``train_step`` is.

    Raises
    ------
    LipkitError
        As :func:`source_with`.

    >>> step = step_with(["identity"])
    >>> step.__name__, 'batch["identity"]' in source_with(["identity"])
    ('train_step', False)
    """
    space = vars(page())
    exec(compile(source_with(faults), "step", "exec"), space)
    return space["train_step"]
