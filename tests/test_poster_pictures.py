"""The poster's figures, drawn by ``data_scripts/draw_poster_pictures.py``."""

import runpy

import cv2
import pytest
from conftest import REPOSITORY
from training_sets import make_set

pytestmark = pytest.mark.slow

main = runpy.run_path(str(REPOSITORY / "data_scripts" / "draw_poster_pictures.py"))["main"]


def test_the_three_figures_are_drawn(tmp_path, monkeypatch):
    for sentence in ("HERS", "THEIRS"):
        monkeypatch.setitem(main.__globals__, sentence, "bin blue")
    prepared = make_set(tmp_path / "set", {"test": 4})
    models = ["--weights", "paper_tenth", "--other", "paper_third"]  # the smallest
    assert main([str(prepared), *models, "--out", str(tmp_path / "out")]) == 0
    figures = {path.stem: cv2.imread(str(path)) for path in (tmp_path / "out").iterdir()}
    assert set(figures) == {"figure_1", "figure_4", "figure_5"}
    # Rows of ten pictures: three, eight and six.
    assert (
        figures["figure_4"].shape[0] > figures["figure_5"].shape[0] > figures["figure_1"].shape[0]
    )
    assert min(picture.std() for picture in figures.values()) > 20


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [([], 1, "gone: not a prepared set"), (["--other", "paper"], 2, "two different models")],
)
def test_what_cannot_be_drawn_is_one_line(tmp_path, capsys, more, code, said):
    assert main([str(tmp_path / "gone"), *more, "--out", str(tmp_path / "out")]) == code
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()
