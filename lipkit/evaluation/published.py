"""The paper's own numbers, to stand beside measured ones (poster, Tab. 2; fact sheet 9.3)."""

from typing import Any

_COLUMNS = ("lmd", "ssim_paper", "psnr_paper", "cpbd_paper")
"""LMD was published as the mean over points, the rest as the released code computes it."""

_TABLE_2: dict[str, dict[str, tuple[float | None, ...]]] = {
    "grid": {
        "ground truth": (0.0, None, None, 0.141),
        "Vondrick et al.": (2.38, 0.60, 28.45, 0.129),
        "Chung et al.": (1.35, 0.74, 29.36, 0.016),
        "full model": (1.18, 0.73, 29.89, 0.175),
    },
    "ldc": {
        "ground truth": (0.0, None, None, 0.211),
        "Vondrick et al.": (2.34, 0.75, 27.96, 0.160),
        "Chung et al.": (2.13, 0.50, 28.22, 0.010),
        "full model": (1.82, 0.57, 28.87, 0.172),
    },
    "lrw": {
        "ground truth": (0.0, None, None, 0.068),
        "Vondrick et al.": (3.28, 0.34, 28.03, 0.082),
        "Chung et al.": (2.25, 0.46, 28.06, 0.083),
        "full model": (1.92, 0.53, 28.65, 0.075),
    },
}


def published_rows(corpus: str) -> list[dict[str, Any]]:
    """Rows of the paper's Tab. 2 for one corpus; none for a corpus it does not have.

    Their speakers, windows and crop are others than ours: read them for orientation.
    """
    return [
        {
            "name": f"published: {name}",
            "metrics": {
                column: value
                for column, value in zip(_COLUMNS, values, strict=True)
                if value is not None
            },
        }
        for name, values in _TABLE_2.get(corpus, {}).items()
    ]
