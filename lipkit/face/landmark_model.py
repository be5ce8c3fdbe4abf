"""Where dlib's 68-point landmark model lies, and loading it once per process.

**Licence.** The model was trained on iBUG 300-W, whose licence allows research and
**excludes commercial use**. The kit does not contain it.
"""

import importlib.metadata
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lipkit.errors import LipkitError

MODEL_VARIABLE = "LIPKIT_LANDMARK_MODEL"
MODEL_NAME = "shape_predictor_68_face_landmarks.dat"
MODEL_DISTRIBUTION = "face_recognition_models"
REMEDY = (
    "pip install face-recognition-models, or give the path of "
    f"{MODEL_NAME} (explicitly or in {MODEL_VARIABLE}); "
    "the model is for research, not for commercial use (trained on iBUG 300-W)"
)


def find_landmark_model(explicit: str | os.PathLike | None = None) -> Path:
    """Path of the 68-point model file.

    Order: ``explicit``; the environment variable ``LIPKIT_LANDMARK_MODEL``; the file inside
    the installed distribution ``face_recognition_models``, which is located but never
    imported (its import needs ``pkg_resources``, absent from current Python).

    Raises
    ------
    LipkitError
        A path was given but holds no file, or none of the three leads anywhere.
    """
    for given, origin in ((explicit, ""), (os.environ.get(MODEL_VARIABLE), MODEL_VARIABLE)):
        if given:
            path = Path(given).expanduser()
            if path.is_file():
                return path
            named = f" (from {origin})" if origin else ""
            raise LipkitError(f"{path}{named}: no such landmark model file; {REMEDY}")
    try:
        distribution = importlib.metadata.distribution(MODEL_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        raise LipkitError(f"dlib's 68-point landmark model was not found; {REMEDY}") from None
    path = Path(str(distribution.locate_file(f"{MODEL_DISTRIBUTION}/models/{MODEL_NAME}")))
    if path.is_file():
        return path
    raise LipkitError(f"{path}: missing from the installed {MODEL_DISTRIBUTION}; {REMEDY}")


def import_dlib() -> Any:
    """The module ``dlib``; imported on use, because it is an extra and slow to import."""
    try:
        import dlib
    except ImportError as error:
        raise LipkitError(
            f"dlib cannot be imported ({error}); pip install dlib-bin, or conda install dlib"
        ) from error
    return dlib


@lru_cache(maxsize=2)
def load_predictor(path: Path) -> Any:
    """dlib's predictor from ``path``; refused in one line unless it is a whole 68-point model."""
    dlib = import_dlib()
    try:
        predictor = dlib.shape_predictor(str(path))
    except (RuntimeError, MemoryError) as error:
        raise LipkitError(
            f"{path}: not a whole dlib shape predictor; get it again: {REMEDY}"
        ) from error
    parts = predictor(np.zeros((8, 8, 3), np.uint8), dlib.rectangle(0, 0, 7, 7)).num_parts
    if parts != 68:
        raise LipkitError(f"{path}: a model of {parts} points, not 68; {REMEDY}")
    return predictor
