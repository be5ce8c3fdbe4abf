"""Still pictures as people have them: of any format, upright, opaque, in 8 bits."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from lipkit.errors import LipkitError
from lipkit.media.given import require_file
from lipkit.media.limits import DEFAULT, Limits

_FORMATS = set(
    "JPEG PNG WEBP GIF BMP DIB TIFF PPM JPEG2000 AVIF HEIF ICO".split()  # noqa: SIM905
)
"""Those that are known by their first bytes and need no other program."""
_MOVING = {"GIF", "PNG"}
"""Formats of several pictures that are read as video; of the others the first is meant."""
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
_NAMES = {
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"8BPS": "Photoshop",
    b"%PDF": "PDF",
    b"gimp": "GIMP",
    b"FUJI": "camera raw",
}
_WHITE = (255, 255, 255)


def read_picture(path: str | Path, limits: Limits = DEFAULT) -> np.ndarray:
    """A picture file as people see it, uint8 [H, W, 3], RGB.

    It is turned upright (and mirrored back) where the camera noted how it was held; where
    it is transparent it is shown over white; 16 bits become 8. Of several pictures in a
    file the first is meant. JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF, BMP, PPM and JPEG 2000.

    Raises
    ------
    TooLargeError
        When it has more pixels than ``limits`` allow; nothing has been decoded then.
    LipkitError
        When the file is missing, empty, not whole, or no picture.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "grey.png")
    ...     Image.new("L", (40, 30), 128).save(path)
    ...     read_picture(path).shape
    (30, 40, 3)
    """
    path = require_file(path)
    with open(path, "rb") as file:
        head = file.read(64)
    try:
        with _opened(path, head, limits) as picture:
            return _as_seen(picture)
    except LipkitError:
        raise
    except UnidentifiedImageError:
        raise LipkitError(f"{path}: {_what_it_is(head)}") from None
    except MemoryError:
        raise LipkitError(f"{path}: does not fit into the memory; make it smaller") from None
    except Exception as error:
        # Decoders of pictures raise nearly everything at bytes that are not as they should be.
        raise LipkitError(
            f"{path}: is not a whole picture ({_reason(error)}); get the file again"
        ) from None


def is_picture(path: str | Path) -> bool:
    """Whether a file is a still picture, whole or not, rather than a recording or else.

    An animated GIF or PNG is a recording. A file that cannot be read is not a picture.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            head = file.read(64)
        if heif_kind(head):
            return True
        with _our_own_limits(), Image.open(path, formats=_formats()) as picture:
            moving = picture.format in _MOVING and getattr(picture, "n_frames", 1) > 1
            return not moving
    except Exception:
        return False


def heif_kind(head: bytes) -> str:
    """``HEIC`` or ``AVIF`` where a file that begins with ``head`` is one, else nothing.

    Both lie in the container of MP4, as one picture or as a mosaic of tiles, of which a
    reader of video sees the first alone.
    """
    if head[4:8] != b"ftyp":
        return ""
    if head[8:12] in _AVIF_BRANDS:
        return "AVIF"
    return "HEIC" if head[8:12] in _HEIF_BRANDS else ""


@contextmanager
def _opened(path: Path, head: bytes, limits: Limits) -> Iterator[Image.Image]:
    """The picture, of which the header has been read and no pixel yet."""
    kind = heif_kind(head)
    if kind == "HEIC":
        _register_heif(path)
    elif kind == "AVIF" and "AVIF" not in _formats():
        raise LipkitError(f"{path}: is an AVIF picture; pip install 'pillow>=11.3', or give a JPEG")
    with _our_own_limits(), Image.open(path, formats=_formats()) as picture:
        limits.check_pixels(path, *picture.size)
        yield picture


@contextmanager
def _our_own_limits() -> Iterator[None]:
    """Without Pillow's limit of pixels and its warnings: what is wrong is said by us."""
    pillows, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = pillows


def _formats() -> list[str]:
    Image.init()
    return sorted(_FORMATS.intersection(Image.OPEN))


def _register_heif(path: Path) -> None:
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        raise LipkitError(
            f"{path}: is an HEIC picture; pip install pillow-heif, or give a JPEG"
        ) from None
    register_heif_opener()


def _as_seen(picture: Image.Image) -> np.ndarray:
    picture.load()
    # What the camera noted may be unreadable where the picture is not.
    with suppress(Exception):
        ImageOps.exif_transpose(picture, in_place=True)
    if picture.mode.startswith("I") or picture.mode == "F":
        return np.repeat(_grey(np.asarray(picture, np.float64))[..., None], 3, axis=2)
    if picture.mode in ("RGBa", "La"):
        picture = picture.convert("RGBA" if picture.mode == "RGBa" else "LA")
    if picture.has_transparency_data:
        seen = picture.convert("RGBA")
        white = Image.new("RGBA", seen.size, (*_WHITE, 255))
        picture = Image.alpha_composite(white, seen)
    return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _grey(values: np.ndarray) -> np.ndarray:
    """8 bits of grey values of 16, or of numbers from 0 to 1."""
    values = np.nan_to_num(values)
    largest = values.max(initial=0)
    scale = 255 / 65535 if largest > 255 else 255 if largest <= 1 else 1
    return np.clip(np.round(values * scale), 0, 255).astype(np.uint8)


def _what_it_is(head: bytes) -> str:
    for beginning, name in _NAMES.items():
        if head.startswith(beginning):
            return f"is a {name} file, which is not read; save it as JPEG or PNG"
    return "is not a whole picture; give a JPEG, PNG, WebP, HEIC or AVIF file"


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:80] or type(error).__name__
