"""A notebook with every widget on small made-up data, for the tests in a browser."""

from pathlib import Path

import nbformat
from nbformat import v4

SETUP = """\
import os
os.environ["OMP_NUM_THREADS"] = "1"
import numpy as np
import torch
torch.set_num_threads(1)
from pathlib import Path
from lipkit import widgets
from lipkit.metrics.corruptions import Judge
from lipkit.analysis.extraction import ClipSeries
from lipkit.presets import preset
from lipkit.generation import LipImage
from lipkit.models.audio_encoder import AudioEncoder
from lipkit.models.trace import trace
from lipkit.data.prepared import PreparedSet
from lipkit.weights import Card, Weights
from lipkit.widgets import playground
from mixed_results import write_results
from prepared_sets import noise_clip, write_set
from trained_generators import trained

rng = np.random.default_rng(0)
folder = Path("made_up")
clip = noise_clip(20)
noise = lambda: rng.normal(size=74)
pairs = {"authors": (noise(), noise()), "level_opening": (noise(), noise())}
series = [ClipSeries(name, "s1", "", 75, pairs) for name in ("s1/a", "s1/b")]
sound = rng.normal(0, 0.1, 20 * 1764).astype(np.float32)
playground.find_lips = lambda picture, *_: LipImage(picture[:64, :64], np.float32([60, 45, 32]), 1)
print("ready")
"""
PIECES = {
    "clip browser": """\
write_set(folder, [16, 20])
widgets.ClipBrowser(PreparedSet.open(folder), frame=3)""",
    "offset explorer": "widgets.OffsetExplorer(series)",
    "receptive field explorer": """\
layers = trace(AudioEncoder(8), torch.zeros(1, 1, 64, 128))
widgets.ReceptiveFieldExplorer(clip.logmel[:64].astype(np.float32), layers)""",
    "loss mixer": """\
write_results(folder / "results.csv")
widgets.LossMixer(widgets.read_mixes(folder / "results.csv"), "e")""",
    "corruption explorer": """\
widgets.CorruptionExplorer(Judge(clip.lips, clip.logmel, ["ssim", "psnr"]), clip.lips[::-1])""",
    "playground": """\
card = Card(preset("tiny"), {"logmel_mean": -40.0, "logmel_std": 20.0}, "synthetic", "train", 1, 1,
            "2025-01-01")
faces = {"grey": np.full((90, 120, 3), 90, np.uint8), "dark": np.full((90, 120, 3), 30, np.uint8)}
widgets.Playground(Weights(trained(), card), faces, {"noise": sound, "short": sound[:8820]})""",
}
"""Name -> the cell that ends with the widget."""


def write_notebook(path: Path) -> Path:
    """Write the notebook: first the set-up, then a cell for each of :data:`PIECES`."""
    sources = [f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n{SETUP}"]
    cells = [v4.new_code_cell(source) for source in [*sources, *PIECES.values()]]
    notebook = v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, path)
    return path
