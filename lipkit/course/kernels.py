"""The kernels in which notebooks run: started with this interpreter, ended from any thread."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any


class Kernels:
    """The kernels of one job, each of which runs a notebook in its own thread.

    They run this very interpreter: which ``python3`` kernel jupyter finds by itself depends
    on what else is installed for the user, and the notebooks must run where lipkit is.
    """

    def __init__(self) -> None:
        self.ended = False
        self._processes: list[subprocess.Popen] = []
        self._lock = threading.Lock()

    def end(self) -> None:
        """Kill those that run, with the processes they started, and let no more start."""
        with self._lock:
            self.ended = True
            for process in self._processes:
                _kill(process)

    def manager(self, variables: Mapping[str, str] | None = None) -> type:
        """A class for papermill to start kernels with; ``variables`` join their environment."""
        from jupyter_client.kernelspec import KernelSpec
        from jupyter_client.manager import AsyncKernelManager

        kernels = self

        class InterpreterKernelManager(AsyncKernelManager):
            @property
            def kernel_spec(self) -> KernelSpec:
                # Its warnings, and the note that it was told to stop, would break the progress bar.
                quiet = "--log-level=CRITICAL"
                argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
                return KernelSpec(
                    argv=[*argv, quiet],
                    display_name="Python 3",
                    language="python",
                    env=dict(variables or {}),
                )

            async def start_kernel(self, **kwargs: Any) -> None:
                await super().start_kernel(**kwargs)
                kernels._add(self.provisioner.process)

        return InterpreterKernelManager

    def _add(self, process: subprocess.Popen) -> None:
        with self._lock:
            self._processes = [p for p in self._processes if p.poll() is None]
            self._processes.append(process)
            if self.ended:
                _kill(process)


def _kill(process: subprocess.Popen) -> None:
    if process.poll() is not None:
        return
    with suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            # A kernel leads a session of its own: workers that it started are in its group.
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
