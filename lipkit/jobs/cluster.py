"""A Dask cluster as an executor, for work that one machine cannot finish in an evening."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import Executor

from lipkit.errors import LipkitError

TIMEOUT = 20
"""Seconds to wait for the scheduler."""


@contextlib.contextmanager
def dask_executor(address: str) -> Iterator[Executor]:
    """An executor on the Dask scheduler at ``address`` (``tcp://host:port``).

    Its workers need this version of lipkit, and must see the clips and the output folder
    under the same paths as this process.

    Raises
    ------
    LipkitError
        When ``distributed`` is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client
    except ImportError:
        raise LipkitError(
            "the package 'distributed' is not installed; pip install 'lipkit[cluster]'"
        ) from None
    try:
        client = Client(address, timeout=TIMEOUT)
    except (OSError, ValueError) as error:
        raise LipkitError(
            f"{address}: no Dask scheduler answers ({str(error) or type(error).__name__}); "
            "start one with: dask scheduler"
        ) from error
    with client:
        # Not pure: the result is a file, so that an answer from an earlier run must not be reused.
        yield client.get_executor(pure=False)
