"""Notebooks that the kit itself has laid are trusted by Jupyter, as its stored videos need.

JupyterLab shows no stored HTML, and so no stored video, of a notebook whose signature it does
not know. ``jupyter trust`` signs by a secret of the user's; this does the same.
"""

import logging
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

_SILENT = logging.Logger("lipkit.course.trust", logging.CRITICAL + 1)


def trust_notebooks(paths: Iterable[str | Path]) -> int:
    """Sign notebooks as ``jupyter trust`` does; return how many were signed.

    Where none can be signed (no home to write to, a full disk, no SQLite) nothing is said: the
    notebooks run all the same, and running a cell shows its video.

    Parameters
    ----------
    paths
        Notebooks whose content is known to be harmless.
    """
    import nbformat
    from nbformat.sign import NotebookNotary

    signed = 0
    # A broken secret or database has as many faces as there are systems; none is worth a word.
    try:
        with closing(NotebookNotary(log=_SILENT)) as notary:
            for path in paths:
                notary.sign(nbformat.read(path, as_version=nbformat.NO_CONVERT))
                signed += 1
    except Exception:
        return signed
    return signed
