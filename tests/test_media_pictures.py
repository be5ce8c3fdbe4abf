"""Still pictures of every kind come in whole, upright, opaque and in 8 bits."""

import io
import subprocess
import sys

import numpy as np
import pytest
from heif_files import four_colours, write_mosaic
from PIL import Image

from lipkit.errors import LipkitError
from lipkit.media import Limits, TooLargeError, is_picture, read_picture, read_video, write_video
from lipkit.media.given import require_file

ORIENTATION = 0x0112
UPRIGHT = {
    1: lambda p: p,
    2: np.fliplr,
    3: lambda p: np.rot90(p, 2),
    4: np.flipud,
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
    8: np.rot90,
}
"""Exif's orientations: what turns the stored picture upright."""
KINDS = ("png", "jpg", "webp", "avif", "heic", "tiff", "gif")


def far(one, other):
    """The mean distance of two pictures, grey levels."""
    assert one.shape == other.shape
    return np.abs(one.astype(float) - other).mean()


@pytest.mark.parametrize("kind", ["HEIC", "AVIF"])
@pytest.mark.parametrize(("turns", "mirror"), [(0, False), (1, False), (3, False), (1, True)])
def test_a_mosaic_of_tiles_is_whole_and_upright(tmp_path, kind, turns, mirror):
    stored = four_colours()
    path = write_mosaic(tmp_path / f"a.{kind.lower()}", stored, kind, 64, turns, mirror)
    turned = np.rot90(stored, turns)
    seen = np.fliplr(turned) if mirror else turned
    assert far(read_picture(path), seen) < 3
    assert is_picture(path)


@pytest.mark.parametrize("kind", ["HEIC", "AVIF"])
def test_a_mosaic_is_no_video_of_its_first_tile(tmp_path, kind):
    path = write_mosaic(tmp_path / "a.mp4", four_colours(), kind)
    with pytest.raises(LipkitError, match=rf"a\.mp4: is a still picture \({kind}\)"):
        read_video(path)


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tiff", "a.avif"])
def test_pictures_are_turned_as_the_camera_noted(tmp_path, name, orientation):
    stored = four_colours()
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    quality = {} if name in ("a.png", "a.tiff") else {"quality": 95}
    Image.fromarray(stored).save(tmp_path / name, exif=exif, **quality)
    assert far(read_picture(tmp_path / name), UPRIGHT[orientation](stored)) < 4


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB", "L"])
def test_what_is_transparent_is_white(tmp_path, mode):
    """The colour behind, which nobody sees, is black and red here."""
    values = np.zeros((40, 60, 4), np.uint8)
    values[:, :, 0] = 255
    values[:20, :, 3] = 255
    picture = Image.fromarray(values)
    more = {}
    if mode == "P":
        picture = Image.fromarray((np.arange(40) >= 20).astype(np.uint8)[:, None].repeat(60, 1))
        picture.putpalette([255, 0, 0, 0, 0, 0])
        more["transparency"] = 1
    elif mode in ("RGB", "L"):
        shades = np.where(np.arange(40) < 20, 100, 0).astype(np.uint8)[:, None].repeat(60, 1)
        picture = Image.fromarray(shades).convert(mode)
        more["transparency"] = (0, 0, 0) if mode == "RGB" else 0
    else:
        picture = picture.convert(mode)
    picture.save(tmp_path / "a.png", **more)
    seen = read_picture(tmp_path / "a.png")
    assert (seen[20:] == 255).all()
    assert seen[0, 0].tolist() == {"LA": [76] * 3, "L": [100] * 3, "RGB": [100] * 3}.get(
        mode, [255, 0, 0]
    )


def test_half_transparent_is_half_white(tmp_path):
    values = np.zeros((4, 4, 4), np.uint8)
    values[..., 3] = 128
    Image.fromarray(values).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png")[0, 0].tolist() == [127] * 3


def test_sixteen_bits_become_eight(tmp_path):
    grey = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, 0)
    Image.fromarray(grey).save(tmp_path / "a.png")
    assert np.array_equal(read_picture(tmp_path / "a.png")[0, :, 1], np.arange(256))


def test_cmyk_and_colour_of_palette(tmp_path):
    stored = four_colours()
    Image.fromarray(stored).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    Image.fromarray(stored).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "a.gif")
    for name in ("a.jpg", "a.gif"):
        assert far(read_picture(tmp_path / name), stored) < 4
        assert is_picture(tmp_path / name)


def test_what_moves_is_no_picture(tmp_path):
    frames = [Image.fromarray(np.full((32, 32, 3), level, np.uint8)) for level in (0, 90, 180)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=40)
    write_video(tmp_path / "b.mp4", [np.asarray(frame) for frame in frames])
    (tmp_path / "c.txt").write_text("a text")
    for name in ("a.gif", "b.mp4", "c.txt", "none.png"):
        assert not is_picture(tmp_path / name)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.avif", "a.gif", "a.tiff", "a.bmp"])
def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path, name):
    Image.new("RGB", (3000, 2000)).save(tmp_path / name)
    with pytest.raises(TooLargeError, match=r"its pictures are 3,000 x 2,000 where at most 5,000"):
        read_picture(tmp_path / name, Limits(pixels=5_000_000))
    assert read_picture(tmp_path / name, Limits(pixels=6_000_000)).shape == (2000, 3000, 3)


def test_a_bomb_of_pixels_takes_no_memory(tmp_path):
    """A PNG of 20 KB that would unfold into 19 GB, read where 1 GB is allowed."""
    resource = pytest.importorskip("resource")
    data = io.BytesIO()
    Image.new("1", (8, 8)).save(data, "PNG")
    head = bytearray(data.getvalue())
    head[16:24] = (80_000).to_bytes(4) * 2
    import zlib

    head[29:33] = zlib.crc32(bytes(head[12:29])).to_bytes(4)
    (tmp_path / "bomb.png").write_bytes(bytes(head))
    code = (
        "import resource, sys\n"
        "from lipkit.media import TooLargeError, read_picture\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    read_picture(sys.argv[1])\n"
        "except TooLargeError as error:\n    print(error)\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert after - before < 100_000, (before, after)\n"
    )
    assert resource
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "bomb.png")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "80,000 x 80,000 where at most 134,217,728 pixels are read" in done.stdout


@pytest.mark.parametrize(
    "name", ["a.png", "a.jpg", "a.webp", "a.avif", "a.heic", "a.tiff", "a.gif"]
)
def test_a_cut_off_picture_is_refused(tmp_path, name):
    from pillow_heif import register_heif_opener

    register_heif_opener()
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / name)
    data = (tmp_path / name).read_bytes()
    for part in (0.02, 0.3, 0.7):
        (tmp_path / name).write_bytes(data[: int(part * len(data))])
        with pytest.raises(LipkitError, match=rf"{name}: ") as caught:
            read_picture(tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["a.png", "a.jpg", "a.webp", "a.avif", "a.heic", "a.tiff", "a.gif"]
)
def test_broken_pictures_cost_one_line_at_most(tmp_path, name):
    from pillow_heif import register_heif_opener

    register_heif_opener()
    Image.fromarray(four_colours(64, 96)).save(tmp_path / name)
    data, rng = (tmp_path / name).read_bytes(), np.random.default_rng(0)
    messages = []
    for _ in range(60):
        broken = bytearray(data)
        for at in rng.integers(0, min(len(data), 600), rng.integers(1, 6)):
            broken[at] = rng.integers(256)
        (tmp_path / name).write_bytes(bytes(broken))
        is_picture(tmp_path / name)
        try:
            assert read_picture(tmp_path / name).shape[2] == 3
        except LipkitError as error:
            messages.append(str(error))
    assert messages
    assert all(name in message and "\n" not in message for message in messages)


@pytest.mark.parametrize(
    ("head", "kind"),
    [(b"\xff\x0a", "JPEG XL"), (b"8BPS", "Photoshop"), (b"%PDF-1.4", "PDF")],
)
def test_other_formats_are_refused_by_name(tmp_path, head, kind):
    (tmp_path / "a").write_bytes(head + bytes(100))
    with pytest.raises(LipkitError, match=f"is a {kind} file, which is not read; save it as JPEG"):
        read_picture(tmp_path / "a")


def test_without_its_library_heic_is_refused_by_name(tmp_path, monkeypatch):
    path = write_mosaic(tmp_path / "a.heic", four_colours(), "HEIC")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(LipkitError, match="is an HEIC picture; pip install pillow-heif"):
        read_picture(path)


@pytest.mark.parametrize(
    "address",
    ["https://example.org/a%20b/face.jpg", "http://example.org/f", "s3://bucket/face.png"],
)
def test_an_address_is_named_as_it_was_given(address):
    with pytest.raises(LipkitError, match=f"^{address}: is an address; download the file"):
        require_file(address)


def test_pipes_are_refused(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(LipkitError, match=r"pipe\.png: is a pipe or a device"):
        read_picture(tmp_path / "pipe.png")
