"""Run notebooks with papermill, strictly.

papermill only warns about a misspelt parameter, passes ``1e-4`` on as text, overwrites
whatever it is told to, and shows a failure as a page of traceback. Here unknown names and
unsuitable values are refused before a kernel starts, the source is never written to, the
output appears only when the run is whole, and a failure fills at most one screen.

``python -m lipkit.course.runner NOTEBOOK...`` (``make notebooks``) re-executes notebooks at
their default parameters and stores the cleaned outputs in them.
"""

import copy
import json
import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat

from lipkit.config.places import RESULTS
from lipkit.course.install_cell import is_install_cell
from lipkit.course.kernels import Kernels
from lipkit.course.notebook_page import write_html
from lipkit.course.notebooks import (
    convert_parameters,
    find_notebook,
    problems,
    read_notebook,
    read_parameters,
)
from lipkit.course.records import record
from lipkit.course.unfit import check_values
from lipkit.errors import LipkitError, UsageError
from lipkit.files import replacing
from lipkit.jobs.progress import is_watched
from lipkit.provenance import digest, environment, file_digest, made_by, modules_in, needed

__all__ = ["NotebookFailed", "is_current", "read_provenance", "record", "run_notebook", "store"]

PROVENANCE = "lipkit"
"""Key of the metadata that say what an executed notebook was made by."""
CELL_SECONDS = 1800
"""A cell that runs longer is stopped."""
START_SECONDS = 180
"""A kernel may take long to start where many start at once."""
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
_PLACES = "lipkit.config.places"
"""Whoever reads the stored results has imported where they lie."""
_SCREEN_LINES = 15
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class NotebookFailed(LipkitError):
    """A cell raised. ``str()`` is one line; ``screen`` shows the cell and the fault."""

    def __init__(self, message: str, screen: str) -> None:
        super().__init__(message)
        self.screen = screen


def run_notebook(
    name: str | Path,
    parameters: dict[str, Any] | None = None,
    out: str | Path | None = None,
    progress: bool = True,
    html: bool = False,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
    kernels: Kernels | None = None,
) -> Path:
    """Execute a notebook of the course with other parameters; return the executed copy.

    Parameters
    ----------
    name
        A path, a stem or its unique beginning (:func:`lipkit.course.notebooks.find_notebook`).
    parameters
        New values; text is converted to each parameter's declared type.
    out
        The executed notebook; ``runs/<stem>/<stem>.ipynb`` by default. Written only when
        every cell ran; otherwise ``<stem>.failed.ipynb`` beside it holds what was reached.
    html
        Also write the page ``<out>.html`` (:func:`lipkit.course.notebook_page.write_html`).
    variables
        Environment variables of the kernel, besides those of this process.
    kernels
        Holds the kernel while it runs, so that another thread can end it.

    The copy's metadata hold, under ``lipkit``, its parameters, the environment, the time,
    and the digest by which :func:`is_current` recognises it.

    Raises
    ------
    UsageError
        Unknown notebook or parameter, a value that does not fit, ``out`` is the source.
    NotebookFailed
        A cell raised an exception, took too long, or its kernel died.
    """
    source = find_notebook(name, folder)
    values = convert_parameters(source, parameters or {})
    if values:
        check_values(source, [values])
    out = Path(out) if out is not None else Path("runs") / source.stem / source.name
    if out.suffix != ".ipynb":
        out = out / source.name
    if out.resolve() == source.resolve():
        raise UsageError(
            f"{out}: is the notebook itself; choose another place for the executed copy"
        )
    failed = out.with_name(f"{out.stem}.failed.ipynb")
    kernels = kernels or Kernels()
    began, made_by = time.monotonic(), _made_by(source, values)
    with replacing(out) as temporary:
        try:
            _execute(source, temporary, values, progress, kernels.manager(variables))
        except NotebookFailed as failure:
            if kernels.ended:
                raise
            temporary.replace(failed)
            message = f"{failure}; what it reached is in {failed}"
            raise NotebookFailed(message, f"{failure.screen}\n{message}") from None
        executed = read_notebook(temporary)
        seconds = round(time.monotonic() - began, 1)
        executed.metadata[PROVENANCE] = made_by | {"seconds": seconds}
        temporary.write_text(nbformat.writes(executed) + "\n", encoding="utf-8")
    failed.unlink(missing_ok=True)
    if html:
        write_html(out)
    return out


def is_current(executed: Path, source: Path, values: Mapping[str, Any]) -> bool:
    """Whether ``executed`` is whole and was made by this notebook, these values, this code."""
    if not executed.is_file():
        return False
    with suppress(LipkitError):
        return read_provenance(executed).get("key") == _made_by(source, values)["key"]
    return False


def read_provenance(executed: Path) -> dict[str, Any]:
    """What an executed copy's metadata say: see :func:`run_notebook`; empty for others' files.

    Raises
    ------
    LipkitError
        When the file is not a readable notebook.
    """
    return dict(read_notebook(executed).metadata.get(PROVENANCE, {}))


def made_by_notebook(source: Path, values: Mapping[str, Any]) -> str:
    """A digest of what decides an executed notebook.

    That is its code, the package's code and data that it needs, the stored results where it
    reads them, and all its parameters; ``values`` are converted already.
    """
    code = [c for c in read_notebook(source).cells if c.cell_type == "code"]
    cells = [c.source for c in code if not is_install_cell(c)]
    modules = modules_in("\n".join(cells))
    told = [made_by(*modules), json.dumps(_parameters(source, values), sort_keys=True)]
    if _PLACES in needed(*modules):
        told += [file_digest(path) for path in sorted(RESULTS.rglob("*")) if path.is_file()]
    return digest(*told, *cells)


def _parameters(source: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: known.default for name, known in read_parameters(source).items()} | dict(values)


def _made_by(source: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """What an executed copy says of itself."""
    key = made_by_notebook(source, values)
    made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {
        "notebook": source.name,
        "parameters": _parameters(source, values),
        "environment": environment(),
        "made": made,
        "key": key,
    }


def store(name: str | Path, progress: bool = True) -> Path:
    """Execute a notebook at its default parameters and keep the outputs in the source.

    What changes from run to run or machine to machine (timings, widget state, progress
    bars, kernel details) is removed. What stays in the metadata is ``core_seconds``, how long
    one core was kept busy, all processes together: unlike the time on the clock, it hardly
    depends on what else the machine was doing. Nothing is written when a cell fails or the
    result breaks one of the course's rules.
    """
    source = find_notebook(name)
    with replacing(source) as temporary:
        before = os.times()
        _execute(source, temporary, {}, progress, Kernels().manager())
        after = os.times()
        executed = read_notebook(temporary)
        clean(executed)
        spent = after.children_user + after.children_system
        spent -= before.children_user + before.children_system
        if spent:  # Windows does not count it
            executed.metadata[PROVENANCE] = {"core_seconds": round(spent)}
        temporary.write_text(nbformat.writes(executed) + "\n", encoding="utf-8")
        if found := problems(temporary):
            raise LipkitError(f"{source}: not stored: {'; '.join(found)}")
    return source


def clean(notebook: nbformat.NotebookNode) -> None:
    """Remove everything that is not part of the lesson from an executed notebook (in place)."""
    language = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC, "language_info": language})
    for cell in notebook.cells:
        for key in ("papermill", "execution", "collapsed", "scrolled"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if not _is_progress_bar(o)]
            for output in cell.outputs:
                # Without its kernel a widget is an error message; its text remains.
                output.get("data", {}).pop(_WIDGET_VIEW, None)


def _is_progress_bar(output: nbformat.NotebookNode) -> bool:
    return output.output_type == "stream" and "\r" in output.text


def _execute(
    source: Path, out: Path, values: dict[str, Any], progress: bool, manager: type
) -> None:
    """Run ``source`` in a fresh kernel of this interpreter, writing ``out`` in any case."""
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    # papermill announces paths and parameters, and what it raises as well.
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    bar = {"unit": "cell", "desc": source.stem, "leave": False, "dynamic_ncols": True}
    try:
        papermill.execute_notebook(
            source,
            out,
            parameters=copy.deepcopy(values),
            kernel_name="python3",
            language="python",
            progress_bar=bar if progress and is_watched() else False,
            execution_timeout=CELL_SECONDS,
            start_timeout=START_SECONDS,
            kernel_manager_class=manager,
        )
    except papermill.PapermillExecutionError as error:
        raise _failure(source, error) from None
    except CellTimeoutError:
        message = f"{source}: a cell ran for more than {CELL_SECONDS // 60} minutes and was stopped"
        raise NotebookFailed(message, message) from None
    except DeadKernelError:
        message = f"{source}: the kernel died; most often the machine ran out of memory"
        raise NotebookFailed(message, message) from None
    except RuntimeError as error:
        # This is how Jupyter says that a kernel died, or was not ready in time, as it started.
        reason = " ".join(str(error).split())
        message = f"{source}: no kernel started: {reason}; lipkit check says what is wrong"
        raise NotebookFailed(message, message) from None


def _failure(source: Path, error: Any) -> NotebookFailed:
    """One line and one screen for a cell that raised."""
    reason = " ".join(str(error.evalue).split())[:300]
    reason = f"{error.ename}: {reason}" if reason else error.ename
    message = f"{source}: cell [{error.exec_count}] failed: {reason}"
    traceback = _COLOUR.sub("", "\n".join(error.traceback))
    lines = error.source.splitlines()
    match = re.search(r"Cell In\s*\[\d+\], line (\d+)", traceback)
    fault = int(match.group(1)) if match else len(lines)
    # The lines up to the one that raised, and a little after.
    last = min(len(lines), fault + 2)
    first = max(0, last - _SCREEN_LINES)
    shown = [f"cell [{error.exec_count}], lines {first + 1} to {last} of {len(lines)}:"]
    for number in range(first + 1, last + 1):
        mark = "->" if number == fault else "  "
        shown.append(f"{mark} {number:3d}  {lines[number - 1][:90]}")
    return NotebookFailed(message, "\n".join([*shown, reason]))


if __name__ == "__main__":
    for notebook in sys.argv[1:]:
        try:
            print(f"stored {store(notebook)}")
        except LipkitError as error:
            sys.exit(getattr(error, "screen", str(error)))
