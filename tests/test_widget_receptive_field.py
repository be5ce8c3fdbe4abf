"""The receptive-field explorer without a browser: what the controls say is what is drawn."""

import re

import numpy as np
import pytest
import torch

from lipkit.errors import UsageError
from lipkit.models.audio_encoder import AudioEncoder
from lipkit.models.generator import Generator, GeneratorConfig
from lipkit.models.trace import Layer, trace
from lipkit.widgets import ReceptiveFieldExplorer, draw_field
from lipkit.widgets.receptive_field import describe_field, layer_names


@pytest.fixture(scope="module")
def logmel() -> np.ndarray:
    return np.random.default_rng(0).normal(-40, 10, (64, 128)).astype(np.float32)


@pytest.fixture(scope="module")
def encoder() -> list[Layer]:
    return trace(AudioEncoder(8), torch.zeros(1, 1, 64, 128))


@pytest.fixture(scope="module")
def chain() -> list[Layer]:
    with torch.device("meta"):
        generator = Generator(GeneratorConfig(residual_blocks=2))
        layers = trace(generator, torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 64, 128))
    return [layer for layer in layers if not layer.name.startswith("identity_encoder")]


def _alt(explorer: ReceptiveFieldExplorer) -> str:
    return re.search(r'alt="([^"]*)"', explorer.picture.value).group(1)


def test_layers_have_readable_names(encoder, chain) -> None:
    assert list(layer_names(encoder)) == [f"layer {n}" for n in range(1, 6)]
    assert list(layer_names(chain)) == [
        *(f"audio encoder {n}" for n in range(1, 6)),
        "fusion 1",
        *(f"residual {n}" for n in range(1, 5)),
        *(f"decoder {n}" for n in range(1, 4)),
    ]


def test_the_callback_draws_the_field_of_the_place_it_is_given(logmel, encoder) -> None:
    left, right = draw_field(logmel, encoder, "layer 5", step=8, row=7).axes
    (box,) = left.patches
    assert (box.get_x(), box.get_y(), box.get_width(), box.get_height()) == (22, 46, 21, 21)
    assert left.get_title(loc="left") == "sees 21 columns × 21 bands"
    cell = right.patches[-1]
    assert (cell.get_x(), cell.get_y()) == (8, 7)
    assert right.get_ylim()[0] < right.get_ylim()[1]


def test_behind_the_fusion_rows_are_those_of_the_picture(logmel, chain) -> None:
    left, right = draw_field(logmel, chain, "fusion 1", step=8, row=0).axes
    assert (left.patches[0].get_y(), left.patches[0].get_height()) == (-18, 37)
    assert "picture" in right.get_ylabel()
    assert right.get_ylim()[0] > right.get_ylim()[1]


@pytest.mark.parametrize(
    ("layer", "step", "row", "message"),
    [
        ("layer 6", 0, 0, "did you mean"),
        ("layer 5", 16, 0, "step 16: layer 5 has 0 to 15"),
        ("layer 5", 0, -1, "row -1: layer 5 has 0 to 15"),
    ],
)
def test_the_callback_refuses_what_is_not_there(logmel, encoder, layer, step, row, message) -> None:
    with pytest.raises(UsageError, match=message):
        draw_field(logmel, encoder, layer, step, row)


def test_words_say_how_much_lies_inside(logmel, encoder) -> None:
    text = describe_field(logmel, encoder, "layer 5", 0, 15)
    assert "columns -10 to 10 and bands 110 to 130: 21 by 21" in text
    assert "11 by 18 lie inside" in text


def test_each_control_changes_the_picture(logmel, encoder) -> None:
    explorer = ReceptiveFieldExplorer(logmel, encoder)
    assert (explorer.layer.value, explorer.step.value, explorer.row.value) == ("layer 5", 8, 8)
    seen = [explorer.picture.value]
    for control, value in ((explorer.step, 3), (explorer.row, 12), (explorer.layer, "layer 2")):
        control.value = value
        assert explorer.picture.value not in seen
        seen.append(explorer.picture.value)
    # The layer has 32 steps and 64 rows for 16 and 16: the place stays where it was.
    assert (explorer.step.value, explorer.row.value) == (7, 50)
    assert (explorer.step.max, explorer.row.max) == (31, 63)
    assert _alt(explorer) == describe_field(logmel, encoder, "layer 2", 7, 50)
    explorer.layer.value = "layer 5"
    assert (explorer.step.value, explorer.row.value) == (3, 12)
    assert (explorer.step.max, explorer.row.max) == (15, 15)


def test_sliders_wait_until_they_are_let_go_and_need_something_to_show(logmel, encoder) -> None:
    explorer = ReceptiveFieldExplorer(logmel, encoder, layer="layer 1")
    assert explorer.step.continuous_update is False
    assert explorer.row.continuous_update is False
    bundle = explorer._repr_mimebundle_()
    assert bundle["text/plain"].startswith("Sliders: run this cell")
    with pytest.raises(UsageError, match="no convolution"):
        ReceptiveFieldExplorer(logmel, encoder[1:3])
