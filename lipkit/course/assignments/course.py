"""A course folder for nbgrader: the sources where it looks for them, and its settings."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from lipkit.course.assignments.release import SOURCES, find_assignments
from lipkit.errors import UsageError
from lipkit.files import replacing

CONFIG = """\
c = get_config()
c.CourseDirectory.course_id = "lipkit"
# Seconds per cell; the first cell of the first notebook may have to make the clips.
c.Execute.timeout = 300
"""


def write_course(
    out: Path, names: Sequence[str] = (), force: bool = False, folder: Path = SOURCES
) -> list[Path]:
    """Lay out ``out/source/NAME/NAME.ipynb`` and ``out/nbgrader_config.py``; return the sources.

    A settings file that is there already is left as it is.

    Raises
    ------
    UsageError
        For an unknown name, or where a different source is in the way and ``force`` is not given.
    """
    pairs = {
        out / "source" / source.stem / source.name: source
        for source in find_assignments(names, folder)
    }
    for path, source in pairs.items():
        if path.exists() and path.read_bytes() != source.read_bytes() and not force:
            raise UsageError(f"{path}: is another version; choose another folder or give --force")
    for path, source in pairs.items():
        with replacing(path) as temporary:
            shutil.copyfile(source, temporary)
    config = out / "nbgrader_config.py"
    if not config.exists():
        with replacing(config) as temporary:
            temporary.write_text(CONFIG, encoding="utf-8")
    return list(pairs)
