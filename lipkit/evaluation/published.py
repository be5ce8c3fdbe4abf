"""The paper's own numbers, to stand beside measured ones (poster, Tab. 2)."""

from typing import Any

from lipkit.corpora import CORPORA

COLUMNS = {"lmd": "lmd", "ssim_paper": "ssim", "psnr_paper": "psnr", "cpbd_paper": "cpbd"}
"""Our metric -> the paper's column. LMD was published as the mean over points, the rest as the
released code computes it."""


def published_rows(corpus: str) -> list[dict[str, Any]]:
    """Rows of the paper's Tab. 2 for one corpus; none for a corpus it does not have.

    Their speakers, windows and crop are others than ours: read them for orientation.

    >>> len(published_rows("grid")) > 0
    True
    """
    known = CORPORA[corpus].published if corpus in CORPORA else {}
    rows = []
    for name, row in known.items():
        values = {metric: getattr(row, column) for metric, column in COLUMNS.items()}
        given = {metric: value for metric, value in values.items() if value is not None}
        rows.append({"name": f"published: {name}", "metrics": given})
    return rows
