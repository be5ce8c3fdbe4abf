"""Figures: what they show is what they were given; they look alike, and can be read by all."""

import base64
import io
import itertools

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from lipkit import plots
from lipkit.config import MEL_BANDS
from lipkit.errors import UsageError
from lipkit.plots import signals, style

MEANINGS = ("AUDIO", "VISUAL", "FUSED", "LOSS", "ACCENT")

# Machado, Oliveira, Fernandes (2009), severity 1, for linear RGB.
COLOUR_BLINDNESS = {
    "none": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def _linear(colour: str) -> np.ndarray:
    rgb = np.array(mpl.colors.to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def _contrast(a: str, b: str) -> float:
    """Contrast ratio of WCAG 2."""
    light = sorted(_linear(c) @ [0.2126, 0.7152, 0.0722] for c in (a, b))
    return (light[1] + 0.05) / (light[0] + 0.05)


def _lab(linear: np.ndarray) -> np.ndarray:
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ np.clip(linear, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("kind", COLOUR_BLINDNESS)
def test_meanings_stay_apart_for_colour_blind_readers(kind):
    matrix = np.array(COLOUR_BLINDNESS[kind])
    seen = {name: _lab(matrix @ _linear(getattr(style, name))) for name in MEANINGS}
    for a, b in itertools.combinations(MEANINGS, 2):
        assert np.linalg.norm(seen[a] - seen[b]) > 12, (kind, a, b)


def test_words_can_be_read():
    for name in ("INK", "MUTED", "AUDIO", "VISUAL", "FUSED", "LOSS"):
        assert _contrast(getattr(style, name), style.PAGE) >= 4.5, name
    for name in ("AUDIO", "VISUAL", "FUSED", "LOSS"):
        assert _contrast(getattr(style, name), "white") >= 4.5, name


def _pixels(figure: mpl.figure.Figure) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(plots.to_png(figure, scale=1))).convert("RGB"))


def _as_drawn(figure: mpl.figure.Figure) -> np.ndarray:
    """The figure as drawn, without the palette and the compression of a file."""
    return np.asarray(style._rendered(figure, 1))


def test_every_box_of_the_map_lights_another_part():
    maps = [_as_drawn(plots.course_map(name)) for name in plots.MAP_BOXES]
    for a, b in itertools.combinations(maps, 2):
        assert a.shape == b.shape == (384, 900, 3)
        assert (a != b).any()


def test_map_lights_several_boxes_and_refuses_unknown_ones():
    assert (
        _as_drawn(plots.course_map(("fusion", "decoder"))) != _as_drawn(plots.course_map())
    ).any()
    with pytest.raises(UsageError, match="did you mean 'fusion'"):
        plots.course_map("fushion")


def test_png_is_small_repeatable_and_keeps_the_colours_that_mean_something():
    png = plots.to_png(plots.course_map("fusion"))
    assert len(png) < 40_000
    assert png == plots.to_png(plots.course_map("fusion"))
    colours = {tuple(c) for c in np.unique(_pixels(plots.course_map()).reshape(-1, 3), axis=0)}
    for name in ("AUDIO", "FUSED", "PAGE"):
        wanted = tuple(round(255 * c) for c in mpl.colors.to_rgb(getattr(style, name)))
        assert wanted in colours, name


def test_figures_bring_their_own_page_and_leave_global_settings_alone():
    with mpl.rc_context({"figure.facecolor": "black", "savefig.facecolor": "black"}):
        before = dict(mpl.rcParams)
        figure = plots.course_map()
        pixels = _pixels(figure)
        assert dict(mpl.rcParams) == before
    page = np.array(mpl.colors.to_rgb(style.PAGE)) * 255
    assert np.abs(pixels[0, 0] - page).max() < 1


@pytest.mark.parametrize(("photo", "mime"), [(False, "image/png"), (True, "image/jpeg")])
def test_show_displays_one_picture_with_words_for_it(monkeypatch, photo, mime):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    plots.show(plots.course_map(), alt="the model", photo=photo)
    (picture,) = shown
    data, metadata = picture._repr_mimebundle_()
    assert list(data) == [mime]
    assert metadata[mime] == {"alt": "the model", "width": 900}
    assert Image.open(io.BytesIO(base64.b64decode(data[mime]))).width >= 900


def test_mel_ticks_stand_at_their_bands():
    librosa = pytest.importorskip("librosa")
    centres = librosa.mel_frequencies(n_mels=MEL_BANDS + 2, fmin=0, fmax=16_000)[1:-1]
    for band in (3, 40, 100, 127):
        # imshow draws band b over [b, b+1).
        assert signals._band(centres[band]) == pytest.approx(band + 0.5, abs=1e-6)


@pytest.fixture(scope="module")
def clip() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "frames": rng.integers(0, 255, (24, 72, 90, 3), np.uint8),
        "lips": rng.integers(0, 255, (24, 64, 64, 3), np.uint8),
        "samples": rng.normal(size=24 * 1764).astype(np.float32),
        "logmel": rng.normal(-40, 10, (96, 128)).astype(np.float32),
        "points": rng.uniform(20, 60, (24, 68, 2)).astype(np.float32),
    }


def _lines(ax: mpl.axes.Axes) -> list[np.ndarray]:
    return [np.asarray(line.get_ydata(), float) for line in ax.lines]


def _drawn(figure: mpl.figure.Figure) -> mpl.figure.Figure:
    plots.to_png(figure, scale=0.5)
    return figure


def test_speech_figure_labels_what_is_said_and_shows_the_opening(clip):
    opening = np.linspace(0, 9, 24)
    said = [("b", 0.1, 0.14), ("I", 0.14, 0.2), ("n", 0.2, 0.3)]
    figure = _drawn(plots.speech_figure(clip["samples"], clip["logmel"], said, opening))
    sound, mel, mouth = figure.axes
    assert [t.get_text() for t in sound.texts] == ["b", "I", "n"]
    assert np.allclose([t.get_position()[0] for t in sound.texts], [0.12, 0.17, 0.25])
    assert mel.images[0].get_array().shape == (128, 96)
    assert np.array_equal(_lines(mouth)[0], opening)
    assert len(_drawn(plots.speech_figure(clip["samples"], clip["logmel"])).axes) == 2


def test_strip_lays_pictures_side_by_side_unchanged(clip):
    sheet = plots.strip(clip["lips"][:3], gap=5)
    assert sheet.shape == (64, 3 * 64 + 2 * 5, 3)
    assert np.array_equal(sheet[:, 69:133], clip["lips"][1])


def test_crops_figure_draws_the_widths_it_is_given(clip):
    widths = {"stable": np.linspace(40, 50, 24), "per frame": np.full(24, 49.0)}
    crops = {"stable": clip["lips"], "per frame": clip["lips"]}
    curves = _drawn(plots.crops_figure(crops, widths, range(0, 24, 4))).axes[-1]
    assert any(np.array_equal(line, widths["stable"]) for line in _lines(curves))
    low, high = curves.get_ylim()
    assert high - low > 10
    assert low < 40 < 50 < high


def test_click_figure_marks_the_click_in_both_rows(clip):
    figure = _drawn(plots.click_figure(clip["frames"][:5], clip["logmel"][:20], 20, 22.4 / 25))
    for ax in figure.axes:
        assert any(np.allclose(line.get_xdata(), 22.4) for line in ax.lines)
    assert len(figure.axes[0].images) == 5


def test_offset_figure_rings_the_best_offsets():
    offsets = np.arange(-3, 4)
    curve = np.exp(-((offsets + 1.0) ** 2))
    figure = _drawn(plots.offset_figure(offsets, curve, np.roll(curve, 1), 0.1 * curve))
    labels = [t.get_text() for t in figure.axes[0].get_legend().get_texts()]
    assert "(best at -1)" in labels[0]
    assert "(best at 0)" in labels[1]


def test_picture_figures_hold_what_they_are_given(clip):
    frames, lips, mel = clip["frames"], clip["lips"], clip["logmel"][:64]
    figure = plots.landmark_figure(frames[:3], clip["points"][:3], (10, 10, 60, 60), [7, 9, 11])
    assert [ax.get_title(loc="left") for ax in _drawn(figure).axes][1:] == [
        "mouth, 7",
        "mouth, 9",
        "mouth, 11",
    ]
    window = _drawn(plots.window_figure(lips[:16], lips[20], mel, mel[::-1]))
    assert sum(len(ax.images) for ax in window.axes) == 1 + 16 + 2
    paste = _drawn(
        plots.paste_figure({"a": frames[0], "b": frames[1]}, frames[0, ..., 0], (40, 40, 20))
    )
    assert np.array_equal(paste.axes[1].images[0].get_array(), frames[1])
    mel_axes = _drawn(plots.mel_axes_figure(mel, mel[::-1], 3))
    assert mel_axes.axes[2].images[0].get_array().shape == (4, 128)
    assert len(_drawn(plots.film_strip({"a": lips[:4], "b": lips[4:8]}, "abcd")).axes) == 2
    task = _drawn(plots.task_figure(clip["samples"], lips[0], lips[:16]))
    assert len(task.axes[0].images) == 1 + 8


def test_mouths_of_each_class_stand_where_the_table_says():
    from lipkit.plots.mouths import mouths_figure

    rows = []
    for view, more in (("real", 0.0), ("drawn", 0.02), ("truth", 0.01)):
        for name, opening in (("open", 0.2), ("bilabial", 0.0)):
            row = {"view": view, "class": name}
            for measure, value in (("opening", opening + more), ("width", 1.0)):
                row |= {
                    measure: value,
                    f"{measure}_p10": value - 0.1,
                    f"{measure}_p90": value + 0.1,
                }
            rows.append({key: str(value) for key, value in row.items()})
    left, right = mouths_figure(rows).axes
    assert [t.get_text() for t in left.get_yticklabels()] == ["bilabial", "open"]
    real, drawn, truth = (line.get_xdata() for line in left.lines)
    assert np.allclose(real, [0.0, 0.2])
    assert np.allclose(drawn, [0.02, 0.22])
    assert np.allclose(truth, [0.01, 0.21])
    assert right.get_xlabel() == "width, mouth widths"


def test_the_shades_of_a_picture_are_numpys_unique_rows():
    pixels = np.random.default_rng(0).integers(0, 4, (30, 40, 3)).astype(np.uint8) * 85
    shades, where, counts = style._shades(pixels)
    rows = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
    assert shades.dtype == np.uint8
    for found, wanted in zip((shades, where, counts), rows, strict=True):
        assert np.array_equal(found, wanted.reshape(found.shape))
    assert np.array_equal(shades[where].reshape(pixels.shape), pixels)
