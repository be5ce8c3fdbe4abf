"""Where the course lies: its notebooks, and the results that are stored beside them."""

from pathlib import Path

import lipkit

_PACKAGE = Path(lipkit.__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent / "notebooks"
PACKAGED = _PACKAGE / "notebooks"
"""Where an installed wheel has them; a checkout has no second copy."""
NOTEBOOKS = PACKAGED if PACKAGED.is_dir() else _CHECKOUT
"""The course: the installed package's, or that of the checkout that is installed editable."""
RESULTS = NOTEBOOKS / "results"
"""Tables and figures that were measured once and are stored with the course."""
MARK = ".lipkit-course.json"
"""In a working copy of the course (:mod:`lipkit.course.working_copy`): what was laid."""


def working_copy(start: Path | None = None) -> Path | None:
    """The working copy that ``start`` (the current folder) is or lies in; None outside of one."""
    start = (start or Path.cwd()).resolve()
    return next((f for f in (start, *start.parents) if (f / MARK).is_file()), None)
