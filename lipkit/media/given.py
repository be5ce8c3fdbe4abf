"""The files that a reader was given; where one is not a file, one line says what it is."""

import os
import re
import stat
from pathlib import Path

from lipkit.errors import LipkitError

_ADDRESS = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+):/+(.*)$")


def require_file(path: str | os.PathLike) -> Path:
    """``path`` when it is a readable file that holds something.

    Raises
    ------
    LipkitError
        When it is an address of the web, missing, a folder, a pipe or a device, empty, or
        not to be read.
    """
    path = Path(path)
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        # Path has made one slash of two.
        if address := _ADDRESS.match(str(path)):
            raise LipkitError(
                f"{address[1]}://{address[2]}: is an address; download the file and give its path"
            ) from None
        if isinstance(error, PermissionError):
            raise LipkitError(f"{path}: permission denied; make the file readable") from None
        raise LipkitError(f"{path}: no such file; check the path") from None
    if stat.S_ISDIR(status.st_mode):
        raise LipkitError(f"{path}: is a folder; give a file")
    if not stat.S_ISREG(status.st_mode):
        raise LipkitError(f"{path}: is a pipe or a device; save it as a file and give its path")
    if not status.st_size:
        raise LipkitError(f"{path}: is empty (0 bytes); get the file again")
    if not os.access(path, os.R_OK):
        raise LipkitError(f"{path}: permission denied; make the file readable")
    return path
