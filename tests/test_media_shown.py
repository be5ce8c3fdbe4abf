"""Pictures of a video as a player shows them: orientation, pixels, high dynamic range."""

import struct
import time
from fractions import Fraction

import av
import numpy as np
import pytest
from heif_files import four_colours

from lipkit.media import iter_video, probe, read_video, write_video
from lipkit.media.shown import HLG, PQ

ONE, UNIT = 1 << 16, 1 << 30
MATRICES = {
    "as it is": ((1, 0, 0, 1), lambda p: p),
    "a quarter turn": ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
    "a half turn": ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
    "three quarter turns": ((0, -1, 1, 0), np.rot90),
    "mirrored": ((-1, 0, 0, 1), np.fliplr),
    "upside down and mirrored": ((1, 0, 0, -1), np.flipud),
    "swapped": ((0, 1, 1, 0), lambda p: p.transpose(1, 0, 2)),
    "swapped the other way": ((0, -1, -1, 0), lambda p: np.rot90(p, 2).transpose(1, 0, 2)),
}


@pytest.mark.parametrize("name", MATRICES)
def test_every_display_matrix_is_obeyed(tmp_path, name):
    (a, b, c, d), upright = MATRICES[name]
    stored = four_colours(96, 128)
    path = write_video(tmp_path / "a.mp4", [stored] * 3)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    data[at : at + 36] = struct.pack(">9i", a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, UNIT)
    path.write_bytes(data)
    frames, expected = read_video(path), upright(stored).astype(int)
    assert frames.shape == (3, *expected.shape)
    # Chroma has half the resolution, so the seams differ.
    assert np.median(np.abs(frames[0] - expected)) <= 3
    assert np.abs(frames[0] - expected).mean() < 6
    assert (probe(path).height, probe(path).width) == expected.shape[:2]


def write_disc(path, pixel, codec="libx264", size=(96, 64)):
    """A disc of 40 pixels across, stored with pixels that are ``pixel`` times as wide as high."""
    width, height = size
    x = (np.arange(width) + 0.5 - width / 2) * float(pixel)
    y = np.arange(height) + 0.5 - height / 2
    disc = np.where(x[None] ** 2 + y[:, None] ** 2 < 20**2, 235, 20).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.sample_aspect_ratio = pixel
        for index in range(3):
            picture = av.VideoFrame.from_ndarray(disc[..., None].repeat(3, 2), format="rgb24")
            picture.pts, picture.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


SHAPES = {Fraction(2), Fraction(16, 15), Fraction(1, 2), Fraction(1)}
# MPEG-2 knows the shape of the whole picture, 4 : 3 or 16 : 9, and thereby that of its pixels.
OLD_SHAPES = {Fraction(8, 9), Fraction(32, 27)}


@pytest.mark.parametrize(
    ("name", "codec", "pixel"),
    [(name, "libx264", pixel) for name in ("a.mp4", "a.mkv") for pixel in sorted(SHAPES)]
    + [("a.mpg", "mpeg2video", pixel) for pixel in sorted(OLD_SHAPES)],
)
def test_pixels_become_square(tmp_path, name, codec, pixel):
    frame = read_video(write_disc(tmp_path / name, pixel, codec))[0]
    wide, tall = max(pixel, 1), max(1 / pixel, 1)
    assert frame.shape[:2] == (round(64 * tall), round(96 * wide))
    disc = frame[..., 1] > 128
    across, down = disc.any(0).sum(), disc.any(1).sum()
    assert across == pytest.approx(down, abs=3 * float(max(wide, tall)))
    assert down == pytest.approx(40 * float(tall), abs=4)
    info = probe(tmp_path / name)
    assert (info.height, info.width) == frame.shape[:2]


PATCHES = [
    (188, 188, 188), (118, 118, 118), (200, 60, 50), (60, 160, 60),
    (50, 60, 200), (224, 172, 150), (20, 20, 20), (90, 60, 45),
]  # fmt: skip
"""sRGB: grey, dark grey, red, green, blue, light skin, near black, dark skin."""


def light(colours):
    """Linear light of BT.2020, in which 1 is white, for sRGB colours [N, 3]."""
    v = np.asarray(colours, float) / 255
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    to_2020 = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    return linear @ np.array(to_2020).T


def signal(nits, curve):
    """R'G'B' [N, 3] of light in cd/m2 (BT.2100): the camera's side of the curve."""
    if curve == PQ:
        y = (nits / 10_000) ** (2610 / 16384)
        return ((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32)
    luminance = np.maximum(nits @ [0.2627, 0.6780, 0.0593], 1e-6)[:, None]
    scene = nits / 1000 * (luminance / 1000) ** (1 / 1.2 - 1)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    upper = a * np.log(np.maximum(12 * scene - b, 1e-9)) + c
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), upper)


def write_hdr(path, colours, curve, codec="libx265", white=203.0):
    """A 10-bit video of BT.2020 with a field of 32 x 32 pixels per colour."""
    code = signal(white * light(colours), curve)
    luma = code @ [0.2627, 0.6780, 0.0593]
    blue, red = (code[:, 2] - luma) / 1.8814, (code[:, 0] - luma) / 1.4746
    planes = [64 + 876 * luma, 512 + 896 * blue, 512 + 896 * red]
    sizes = [32, 16, 16]
    options = {"x265-params": "log-level=none:crf=4"} if codec == "libx265" else {}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 32 * len(colours), 32, "yuv420p10le"
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = 9, curve, 9
        context.color_range = 1
        for index in range(5):
            frame = av.VideoFrame(stream.width, 32, "yuv420p10le")
            for plane, values, size in zip(frame.planes, planes, sizes, strict=True):
                row = np.round(values).astype("<u2").repeat(size)
                field = np.zeros((plane.height, plane.line_size // 2), "<u2")
                field[:, : len(row)] = row
                plane.update(field.tobytes())
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("curve", [HLG, PQ])
@pytest.mark.parametrize(("name", "codec"), [("a.mov", "libx265"), ("a.mkv", "ffv1")])
def test_high_dynamic_range_becomes_ordinary(tmp_path, name, codec, curve):
    path = write_hdr(tmp_path / name, PATCHES, curve, codec)
    frame = read_video(path)[2]
    seen = frame[16, 16::32].astype(int)
    assert np.abs(seen - PATCHES).max() <= 4


@pytest.mark.parametrize("curve", [HLG, PQ])
def test_what_is_brighter_than_white_keeps_its_steps(tmp_path, curve):
    """White is near white; twice and four times as bright are still told apart."""
    bright = [(255, 255, 255)]
    levels = [
        int(read_video(write_hdr(tmp_path / f"{w}.mkv", bright, curve, "ffv1", w))[0, 16, 16, 1])
        for w in (203.0, 300.0, 450.0)
    ]
    assert 240 <= levels[0] < levels[1] < levels[2] <= 255


def test_ordinary_ten_bits_stay_as_they_are(tmp_path):
    stored = four_colours(64, 96)
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv444p10le"
        picture = av.VideoFrame.from_ndarray(stored, format="rgb24")
        picture.pts, picture.time_base = 0, Fraction(1, 25)
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    assert np.abs(read_video(tmp_path / "a.mkv")[0].astype(int) - stored).max() <= 2


def test_a_picture_that_stays_is_converted_once(tmp_path):
    """A minute of one picture takes the time of one, and one array."""
    path = tmp_path / "slow.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for start in (0, 50_000):
            picture = av.VideoFrame.from_ndarray(np.zeros((720, 1280, 3), np.uint8), "rgb24")
            picture.pts, picture.time_base = start, Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    began = time.process_time()
    frames = list(iter_video(path))
    assert time.process_time() - began < 2
    assert len(frames) >= 1250
    assert len({id(frame) for frame in frames}) == 2
