"""A button that records the reader's voice in the browser, since the kernel may be elsewhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets


class Microphone(anywidget.AnyWidget):
    """Records until it is pressed again, then hands the sound to ``take``.

    Parameters
    ----------
    take
        Called with the bytes of a whole sound file, in the format of the reader's browser.
    refuse
        Called with words that say why there is no sound: no microphone, no permission.
    most
        Seconds after which a recording ends by itself.
    hear
        While ``live`` is true, called again and again while somebody speaks, with the next
        piece of sound, f32 [N], and its samples per second; at the end with an empty piece.
        ``take`` is not called then.
    """

    _esm = Path(__file__).with_name("microphone.js")
    most = traitlets.Int().tag(sync=True)
    live = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        take: Callable[[bytes], None],
        refuse: Callable[[str], None],
        most: int,
        hear: Callable[[np.ndarray, float], None] | None = None,
    ) -> None:
        super().__init__(most=most)
        self._take, self._refuse, self._hear = take, refuse, hear
        self._rate = 0.0
        self.on_msg(self.receive)

    def receive(self, widget: object, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Handle what the button in the browser sent: a recording, or why there is none."""
        if "fault" in content:
            self._refuse(str(content["fault"]))
        elif "piece" in content:
            self._rate = float(content["piece"])
            self._hear(np.frombuffer(buffers[0], "<f4"), self._rate)
        elif "end" in content:
            self._hear(np.zeros(0, np.float32), self._rate)
        else:
            self._take(bytes(buffers[0]))
