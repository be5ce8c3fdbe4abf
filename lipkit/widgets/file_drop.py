"""A field on which a reader drops files, since an upload button takes none that are dropped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets


class FileDrop(anywidget.AnyWidget):
    """Hands every file that is dropped on it, or chosen after a click, to ``take``.

    Parameters
    ----------
    take
        Called with a file's name, its MIME type as the browser knows it, and its bytes.
    words
        What stands on the field.
    accept
        The kinds of files that the browser offers when it is clicked, such as ``image/*``.
    """

    _esm = Path(__file__).with_name("file_drop.js")
    words = traitlets.Unicode().tag(sync=True)
    accept = traitlets.Unicode().tag(sync=True)

    def __init__(self, take: Callable[[str, str, bytes], None], words: str, accept: str) -> None:
        super().__init__(words=words, accept=accept)
        self._take = take
        self.on_msg(self.receive)

    def receive(self, widget: object, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Handle one file that the field in the browser sent."""
        self._take(str(content["name"]), str(content["kind"]), bytes(buffers[0]))
