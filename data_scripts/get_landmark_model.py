#!/usr/bin/env python
"""Get dlib's 68-point face landmark model.

    python data_scripts/get_landmark_model.py
    python data_scripts/get_landmark_model.py --download data/models

lipkit's dependencies bring the model along (the face_recognition_models distribution); without
--download this script only says where it is. With it, the model is fetched from dlib.net (64 MB),
unpacked and checked, for those who cannot install that package.

Licence: the model was trained on the iBUG 300-W data set, whose licence excludes commercial use.
Ask Imperial College London if yours is one. lipkit does not contain the model.
"""

import argparse
import bz2
import sys
from pathlib import Path

from lipkit.corpora.fetch import script
from lipkit.corpora.fetch.archives import require_space
from lipkit.corpora.fetch.checksums import parse_checksum, wrong_with
from lipkit.corpora.fetch.download import fetch
from lipkit.corpora.fetch.server import Patience
from lipkit.errors import LipkitError
from lipkit.face.landmark_model import MODEL_NAME, find_landmark_model
from lipkit.files import replacing

BASE_URL = "http://dlib.net/files"
SIZE = 99_693_937
"""Bytes of the unpacked model."""
CHECKSUM = "sha256:fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"
"""Of the unpacked model, the same in dlib.net's archive and in face_recognition_models."""
LICENCE = "Licence: trained on iBUG 300-W, so not for commercial use."


def main(arguments: list[str] | None = None) -> int:
    """Run the script; returns the exit code."""
    options = _parse(arguments)
    return script.exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    if options.download is None:
        print(f"{find_landmark_model()}\n{LICENCE}")
        return
    path = download(
        options.download, options.base_url, Patience(), options.checksum, not options.quiet
    )
    print(f"{path}\n{LICENCE}\nTell lipkit: export LIPKIT_LANDMARK_MODEL={path}")


def download(
    folder: Path, base_url: str, patience: Patience, checksum: str = CHECKSUM, progress: bool = True
) -> Path:
    """Fetch and unpack the model into ``folder``; one that is there and right is kept.

    Raises
    ------
    LipkitError
        When it cannot be fetched, or what arrives is not the model.
    """
    parse_checksum(checksum)
    path = folder.absolute() / MODEL_NAME
    if path.is_file() and not wrong_with(path, None, checksum):
        return path
    require_space(folder, 2 * SIZE)
    archive = fetch(
        f"{base_url.rstrip('/')}/{MODEL_NAME}.bz2",
        path.with_name(f"{MODEL_NAME}.bz2"),
        at_most=SIZE,
        patience=patience,
        progress=progress,
    )
    try:
        with replacing(path) as temporary:
            with bz2.open(archive) as packed, open(temporary, "wb") as file:
                file.write(packed.read(SIZE + 1))
            fault = wrong_with(temporary, None, checksum)
            if fault:
                raise LipkitError(f"{archive}: unpacked, it {fault}; it is not dlib's model")
    except (OSError, EOFError) as error:
        raise LipkitError(f"{archive}: is a damaged archive ({error}); start again") from error
    finally:
        archive.unlink()
    return path


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    options = script.parser(__doc__)
    options.add_argument("--download", type=Path, metavar="FOLDER", help="fetch it into FOLDER")
    options.add_argument("--base-url", default=BASE_URL, help=f"default: {BASE_URL}")
    options.add_argument("--checksum", default=CHECKSUM, help="sha256:... of the unpacked model")
    options.add_argument("--quiet", action="store_true", help="no progress bar")
    return options.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
