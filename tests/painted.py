"""What does not move in a drawn face is painted once, and not by every test process anew.

Painting takes half a second per person, and the same people speak in many tests and notebooks.
The pictures lie in the folder that the environment variable ``LIPKIT_TEST_PAINTED`` names; where
it is not set, each process paints for itself: see the fixture ``painted_anew``.
"""

import hashlib
import importlib.util
import os
import sys
import threading
from importlib.machinery import ModuleSpec

VARIABLE = "LIPKIT_TEST_PAINTED"
MODULE = "lipkit.talker.layers"


def install() -> None:
    """See to it that ``Layers`` keeps its pictures, whenever its module is imported."""
    if MODULE in sys.modules:
        keep_pictures(sys.modules[MODULE].Layers)
    else:
        sys.meta_path.insert(0, Importer())


class Importer:
    """Changes the class just after its module has been run."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name != MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module

        def exec_module(module) -> None:
            run(module)
            keep_pictures(module.Layers)

        spec.loader.exec_module = exec_module
        return spec


def keep_pictures(layers: type) -> None:
    """Let the class take a person's pictures from the folder where they lie there."""
    import numpy as np

    paint = layers.__init__

    def take_or_paint(self, anatomy, light, eyes, rng) -> None:
        folder = os.environ.get(VARIABLE)
        if not folder:
            paint(self, anatomy, light, eyes, rng)
            return
        # All chance in a face comes of its person's seed.
        name = hashlib.sha256(repr(anatomy.who).encode()).hexdigest()
        path = os.path.join(folder, f"{name}.npz")
        try:
            with np.load(path) as kept:
                pictures = dict(kept)
        except FileNotFoundError:
            paint(self, anatomy, light, eyes, rng)
            pictures = {"head": self.head, "eyes": np.stack(self.eye_stages), "scene": self.scene}
            pictures |= {"plus": self.noise[0], "minus": self.noise[1]}
            own = f"{path}.{os.getpid()}.{threading.get_ident()}"
            with open(own, "wb") as file:
                np.savez(file, **pictures)
            os.replace(own, path)
            return
        self.who, self.anatomy, self.light, self._eyes = anatomy.who, anatomy, light, eyes
        self.head, self.scene = pictures["head"], pictures["scene"]
        self.eye_stages = list(pictures["eyes"])
        self.noise = pictures["plus"], pictures["minus"]

    layers.__init__ = take_or_paint
