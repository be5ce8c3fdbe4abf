"""Decoded pictures as a player shows them: upright, with square pixels, in ordinary colours."""

import tempfile
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
from av.sidedata.sidedata import Type
from av.video.reformatter import Interpolation, VideoReformatter

# Rounded, not cut off, and with colour interpolated: swscale's faster default makes every
# picture half a grey level darker and colours blocky.
_EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT

WIDEST_PIXEL = 4
"""Pixels that are said to be more oblong than this, either way, are taken for square."""
PQ, HLG = 16, 18
"""The transfer curves of high dynamic range, by their numbers in ITU-T H.273."""
WHITE_NITS = 203.0
"""Luminance, cd/m2, of a white sheet in such video (ITU-R BT.2408); it stays near white."""
HLG_PEAK_NITS = 1000.0
SHOULDER = 0.8
"""Of white; what is brighter is compressed into the rest instead of being cut off."""
TABLE_SIDE = 65
"""Entries per colour of the table by which high dynamic range is converted."""
_BT2020_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)
_BT2020_LUMINANCE = np.array([0.2627, 0.6780, 0.0593])


class Shown:
    """Converts the decoded pictures of one stream to RGB arrays of the first one's size.

    Parameters
    ----------
    pixel
        Width of the stream's pixels over their height; None or nonsense is square.
    """

    def __init__(self, pixel: Fraction | None = None) -> None:
        self._reformatter = VideoReformatter()
        square = not pixel or not 1 / WIDEST_PIXEL <= pixel <= WIDEST_PIXEL
        self._pixel = Fraction(1) if square else pixel
        self._size: tuple[int, int] | None = None
        self._tables: dict[int, _ToOrdinary] = {}
        self._last: tuple[av.VideoFrame | None, np.ndarray | None] = (None, None)

    def size(self, picture: av.VideoFrame) -> tuple[int, int]:
        """Height and width, pixels, at which ``picture`` is shown."""
        width, height = self._square(picture)
        swaps, _, _ = _orientation(picture)
        return (width, height) if swaps else (height, width)

    def __call__(self, picture: av.VideoFrame) -> np.ndarray:
        """uint8 [H, W, 3], RGB; a picture that stays on screen is converted once."""
        if picture is not self._last[0]:
            self._last = (picture, self._convert(picture))
        return self._last[1]

    def _square(self, picture: av.VideoFrame) -> tuple[int, int]:
        """Width and height that make pixels square by enlarging; nothing is lost."""
        if self._size is None:
            wide, tall = max(self._pixel, 1), max(1 / self._pixel, 1)
            self._size = round(picture.width * wide), round(picture.height * tall)
        return self._size

    def _convert(self, picture: av.VideoFrame) -> np.ndarray:
        width, height = self._square(picture)
        swaps, across, down = _orientation(picture)
        if (curve := int(picture.color_trc)) in (PQ, HLG):
            self._tables.setdefault(curve, _ToOrdinary(curve))
            picture = self._tables[curve](picture)
        rgb = self._reformatter.reformat(
            picture, width, height, "rgb24", interpolation=_EXACT, threads=1
        ).to_ndarray()
        if swaps:
            rgb = rgb.transpose(1, 0, 2)
        rgb = rgb[:: -1 if down else 1, :: -1 if across else 1]
        return np.ascontiguousarray(rgb)


def _orientation(picture: av.VideoFrame) -> tuple[bool, bool, bool]:
    """What makes a picture upright: swap x and y, then flip across (x), then down (y).

    From the display matrix of the container, whose first four numbers say where the steps
    to the right (a, b) and down (c, d) of the stored picture point on the screen. Of any
    angle the nearest quarter turn is taken.
    """
    matrix = picture.side_data.get(Type.DISPLAYMATRIX)
    if matrix is None:
        return False, False, False
    a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(matrix), np.int32)[:5])
    if abs(b) + abs(c) > abs(a) + abs(d):
        return True, c < 0, b < 0
    return False, a < 0, d < 0


class _ToOrdinary:
    """Makes pictures of high dynamic range ordinary ones, by a table that FFmpeg applies."""

    def __init__(self, curve: int) -> None:
        self._curve = curve
        self._reformatter = VideoReformatter()
        self._graph: av.filter.Graph | None = None
        self._size = (0, 0)

    def __call__(self, picture: av.VideoFrame) -> av.VideoFrame:
        rgb = self._reformatter.reformat(
            picture, format="gbrp16le", interpolation=_EXACT, threads=1
        )
        if (rgb.width, rgb.height) != self._size:
            self._size = rgb.width, rgb.height
            self._graph = _table_graph(self._curve, *self._size)
        self._graph.push(rgb)
        return self._graph.pull()


def _table_graph(curve: int, width: int, height: int) -> av.filter.Graph:
    graph = av.filter.Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=width, height=height, format="gbrp16le", time_base=Fraction(1, 1000)
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.cube"
        path.write_text(_table(curve), encoding="ascii")
        table = graph.add("lut3d", file=str(path), interp="tetrahedral")
    sink = graph.add("buffersink")
    source.link_to(table)
    table.link_to(sink)
    graph.configure()
    return graph


@cache
def _table(curve: int) -> str:
    """A table of colours in the form of a .cube file, red changing fastest."""
    steps = np.linspace(0, 1, TABLE_SIDE)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    entries = to_ordinary(np.stack([red, green, blue], axis=-1).reshape(-1, 3), curve)
    lines = "\n".join(f"{r:.5f} {g:.5f} {b:.5f}" for r, g, b in entries)
    return f"LUT_3D_SIZE {TABLE_SIDE}\n{lines}\n"


def to_ordinary(signal: np.ndarray, curve: int) -> np.ndarray:
    """Colours of high dynamic range as ordinary ones.

    Light is computed from the signal (ITU-R BT.2100), its primaries become those of BT.709,
    203 cd/m2 become white (BT.2408), and what is brighter is compressed, hue kept.

    Parameters
    ----------
    signal
        float [..., 3] in [0, 1]: R'G'B' of BT.2020.
    curve
        :data:`PQ` or :data:`HLG`.

    Returns
    -------
    float [..., 3] in [0, 1], sRGB.
    """
    nits = _pq_nits(signal) if curve == PQ else _hlg_nits(signal)
    light = np.maximum(nits @ _BT2020_TO_BT709.T / WHITE_NITS, 0)
    brightest = np.maximum(light.max(-1, keepdims=True), 1e-9)
    over = np.maximum(brightest - SHOULDER, 0) / (1 - SHOULDER)
    compressed = np.minimum(brightest, SHOULDER) + (1 - SHOULDER) * over / (1 + over)
    light = np.clip(light * compressed / brightest, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _pq_nits(signal: np.ndarray) -> np.ndarray:
    """BT.2100, table 4: the EOTF of PQ."""
    m1, m2 = 2610 / 16384, 2523 / 32
    c1, c2, c3 = 3424 / 4096, 2413 / 128, 2392 / 128
    power = np.asarray(signal, np.float64) ** (1 / m2)
    return 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)


def _hlg_nits(signal: np.ndarray) -> np.ndarray:
    """BT.2100, table 5: the inverse OETF of HLG, then the OOTF of a screen of 1,000 cd/m2."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    signal = np.asarray(signal, np.float64)
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = np.maximum(scene @ _BT2020_LUMINANCE, 1e-9)[..., None]
    return HLG_PEAK_NITS * luminance**0.2 * scene
