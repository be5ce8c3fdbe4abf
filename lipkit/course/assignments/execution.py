"""Run one submission: in a process of its own, confined, its tests made to report.

``python -m lipkit.course.assignments.execution NOTEBOOK OUT`` runs a notebook and writes it
back with what its cells put out. :func:`execute` starts that, bounds its time, and ends
whatever the submission left running.

A cell without an error has not passed for that: one line of a submission can hide every
error. So each test cell gets a last line that reports a secret of this run, and it counts as
passed only if the secret came out. What runs in the same kernel can still deceive, by reading
the secret out of the cell or by replacing what the tests call; the teachers' page says so.
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from nbformat import NotebookNode

from lipkit.course.assignments.confined import adopt_orphans, end_descendants
from lipkit.course.kernels import Kernels
from lipkit.course.notebooks import read_notebook
from lipkit.errors import LipkitError
from lipkit.jobs.cores import share_of_cores


class Limits(NamedTuple):
    """What one submission may take."""

    cell_seconds: float = 300
    """A cell that runs longer is stopped, as it is in the course folder for nbgrader."""
    seconds: float = 1800
    """The whole submission."""
    memory: int = 6 << 30
    """Bytes of one process."""
    file_bytes: int = 256 << 20
    """Bytes of one file that it writes."""
    output_bytes: int = 4 << 20
    """Bytes that its cells put out, all together; the rest is dropped."""


START_SECONDS = 180
"""A kernel may take long to start where many start at once."""
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "SYSTEMROOT", "LIPKIT_CACHE")
"""What a submission sees of the grader's environment; the rest may hold secrets."""


def execute(notebook: NotebookNode, tests: dict[str, str], limits: Limits | None = None) -> str:
    """Run all cells of ``notebook`` in place, whatever they raise.

    Parameters
    ----------
    notebook
        The submission with the source's tests put back.
    tests
        ``grade_id`` of each test cell -> the secret that it must report
        (:func:`with_reports`).
    limits
        :class:`Limits` by default.

    Returns
    -------
    str
        What stopped the run, if anything.
    """
    limits = limits or Limits()
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="lk") as name:
        folder = Path(name)
        given, made = folder / "in.ipynb", folder / "out.ipynb"
        home = folder / "home"
        home.mkdir()
        given.write_text(nbformat.writes(with_reports(notebook, tests)), encoding="utf-8")
        variables = {k: os.environ[k] for k in KEPT_VARIABLES if k in os.environ}
        variables |= {"HOME": str(home), "TMPDIR": name, **share_of_cores(1)}
        words = [sys.executable, "-m", "lipkit.course.assignments.execution"]
        process = subprocess.Popen(
            [*words, str(given), str(made), json.dumps(limits)],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        fault = ""
        try:
            process.wait(limits.seconds)
        except subprocess.TimeoutExpired:
            fault = f"took longer than {limits.seconds:.0f} s and was stopped"
        finally:
            end_descendants()
            process.wait()
        if made.is_file():
            executed = read_notebook(made)
            fault = fault or executed.metadata.pop("fault", "")
            for cell, ran in zip(notebook.cells, executed.cells, strict=True):
                if cell.cell_type == "code":
                    cell.outputs, cell.execution_count = ran.outputs, ran.execution_count
        return fault or ("" if made.is_file() else "the run ended without a result")


def secrets_for(parts: list[str]) -> dict[str, str]:
    """A fresh secret for each test cell, by ``grade_id``."""
    return {part: secrets.token_hex(16) for part in parts}


def with_reports(notebook: NotebookNode, tests: dict[str, str]) -> NotebookNode:
    """A copy whose test cells report their secrets after their last statement."""
    import copy

    told = copy.deepcopy(notebook)
    for cell in told.cells:
        secret = tests.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
        if secret and cell.cell_type == "code":
            cell.source += f"\n__import__('sys').stdout.write({secret!r}) and None"
    return told


def take_report(cell: NotebookNode, secret: str) -> bool:
    """Whether the cell reported its secret; the secret is removed from its outputs."""
    found = False
    for output in cell.outputs:
        if output.output_type == "stream" and secret in output.text:
            output.text, found = output.text.replace(secret, ""), True
    cell.outputs = [o for o in cell.outputs if o.output_type != "stream" or o.text]
    return found


def _manager(limits: Limits, folder: str) -> type:
    base = Kernels().manager()

    class ConfinedKernelManager(base):
        """A kernel under limits, spoken to by sockets in a folder: it may have no network."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            if sys.platform != "win32":
                self.transport = "ipc"
                self.connection_file = str(Path(folder) / "k.json")

        @property
        def kernel_spec(self) -> Any:
            spec = super().kernel_spec
            if sys.platform != "win32":
                confined = [sys.executable, "-m", "lipkit.course.assignments.confined"]
                spec.argv = [*confined, str(limits.memory), str(limits.file_bytes), *spec.argv]
            return spec

    return ConfinedKernelManager


def _client(notebook: NotebookNode, limits: Limits, folder: str) -> Any:
    from nbclient import NotebookClient

    class BoundedClient(NotebookClient):
        """Drops what a submission puts out beyond its limit, so that memory stays bounded."""

        put_out = 0

        def process_message(self, message: dict, cell: NotebookNode, index: int) -> Any:
            content = message["content"]
            if message["msg_type"] in ("stream", "display_data", "execute_result"):
                self.put_out += len(str(content.get("text") or content.get("data")))
                if self.put_out > limits.output_bytes:
                    return None
            return super().process_message(message, cell, index)

    return BoundedClient(
        notebook,
        timeout=limits.cell_seconds,
        startup_timeout=START_SECONDS,
        # On a busy machine what a cell put out may come long after it has ended.
        iopub_timeout=START_SECONDS,
        interrupt_on_timeout=True,
        allow_errors=True,
        kernel_manager_class=_manager(limits, folder),
        resources={"metadata": {"path": folder}},
    )


def main(given: str, made: str, limits: Limits) -> None:
    """Run the notebook ``given`` and write it, with its outputs, to ``made``."""
    from nbclient.exceptions import DeadKernelError

    notebook = read_notebook(Path(given))
    with tempfile.TemporaryDirectory(prefix="lk") as folder:
        try:
            _client(notebook, limits, folder).execute()
        except DeadKernelError:
            notebook.metadata["fault"] = (
                "the kernel died, as it does when a submission takes more than "
                f"{limits.memory / 2**30:g} GB of memory"
            )
        except RuntimeError as error:
            notebook.metadata["fault"] = f"no kernel started: {' '.join(str(error).split())}"
    part = Path(made).with_suffix(".part")
    part.write_text(nbformat.writes(notebook), encoding="utf-8")
    part.replace(made)


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2], Limits(*json.loads(sys.argv[3])))
    except LipkitError as error:
        sys.exit(str(error))
