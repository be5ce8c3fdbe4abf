"""Where the course lies: its notebooks, and the results that are stored beside them."""

from pathlib import Path

import lipkit

NOTEBOOKS = Path(lipkit.__file__).resolve().parents[1] / "notebooks"
"""The course, in the checkout from which lipkit is installed."""
RESULTS = NOTEBOOKS / "results"
"""Tables and figures that were measured once and are stored with the course."""
