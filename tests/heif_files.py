"""HEIC and AVIF pictures in tiles, as phones write them, put together by hand for tests."""

import io
import struct

import numpy as np
from PIL import Image


def write_mosaic(path, picture, kind, tile=64, quarter_turns=0, mirror=False):
    """Write ``picture`` u8 [H, W, 3] in square tiles; H and W are multiples of ``tile``.

    ``kind`` is ``HEIC`` or ``AVIF``. ``quarter_turns`` and ``mirror`` (left to right, after
    turning) are noted in the file for its reader to do, as cameras do.
    """
    height, width = picture.shape[:2]
    rows, columns = height // tile, width // tile
    coded = [
        _coded(picture[r * tile : (r + 1) * tile, c * tile : (c + 1) * tile], kind)
        for r in range(rows)
        for c in range(columns)
    ]
    config, (first, *_) = coded[0][0], zip(*coded, strict=True)
    assert set(first) == {config}, "all tiles share one configuration"
    payloads = [payload for _, payload in coded]
    mosaic = len(payloads) + 1
    grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)

    properties = [
        config,
        _extent(tile, tile),
        _extent(width, height),
        _full("pixi", b"\3\10\10\10"),
    ]
    of_tile, of_mosaic = [0x81, 2, 4], [3, 4]
    if quarter_turns:
        properties.append(_box("irot", bytes([quarter_turns])))
        of_mosaic.append(0x80 | len(properties))
    if mirror:
        properties.append(_box("imir", b"\1"))
        of_mosaic.append(0x80 | len(properties))
    codec = b"hvc1" if kind == "HEIC" else b"av01"
    infos = [_item(i + 1, codec, hidden=True) for i in range(mosaic - 1)] + [_item(mosaic, b"grid")]
    links = [_association(i + 1, of_tile) for i in range(mosaic - 1)]
    links.append(_association(mosaic, of_mosaic))
    tiles = struct.pack(f">HH{mosaic - 1}H", mosaic, mosaic - 1, *range(1, mosaic))
    boxes = [
        _full("hdlr", bytes(4) + b"pict" + bytes(13)),
        _full("pitm", struct.pack(">H", mosaic)),
        _full("iinf", struct.pack(">H", mosaic) + b"".join(infos), version=0),
        _full("iref", _box("dimg", tiles)),
        _box("iprp", _box("ipco", b"".join(properties)) + _links(links)),
        _box("idat", grid),
    ]
    brand = b"heic" if kind == "HEIC" else b"avif"
    head = _box("ftyp", brand + bytes(4) + brand + b"mif1miaf")
    # The places of the tiles are known once the size of the header is.
    empty = _locations([(0, 0)] * len(payloads), len(grid))
    start = len(head) + len(_full("meta", b"".join([*boxes, empty]))) + 8
    offsets = [start + sum(map(len, payloads[:i])) for i in range(len(payloads))]
    located = _locations(
        [(at, len(payload)) for at, payload in zip(offsets, payloads, strict=True)], len(grid)
    )
    meta = _full("meta", b"".join([*boxes, located]))
    path.write_bytes(head + meta + _box("mdat", b"".join(payloads)))
    return path


def _coded(tile, kind):
    """The codec's configuration box and the coded bytes of one picture."""
    file = io.BytesIO()
    if kind == "HEIC":
        from pillow_heif import register_heif_opener

        register_heif_opener()
        Image.fromarray(tile).save(file, "HEIF", quality=95)
    else:
        Image.fromarray(tile).save(file, "AVIF", quality=95, subsampling="4:2:0")
    data = file.getvalue()
    meta = _find(data, b"meta")[4:]
    config = b"hvcC" if kind == "HEIC" else b"av1C"
    found = _find(_find(_find(meta, b"iprp"), b"ipco"), config)
    return _box(config.decode(), found), _find(data, b"mdat")


def _find(data, kind):
    """The body of the first box of a kind among those of ``data``."""
    position = 0
    while position < len(data):
        size = struct.unpack_from(">I", data, position)[0] or len(data) - position
        if data[position + 4 : position + 8] == kind:
            return data[position + 8 : position + size]
        position += size
    raise KeyError(kind)


def _box(kind, body):
    return struct.pack(">I", 8 + len(body)) + kind.encode() + body


def _full(kind, body, version=0, flags=0):
    return _box(kind, struct.pack(">I", version << 24 | flags) + body)


def _extent(width, height):
    return _full("ispe", struct.pack(">II", width, height))


def _item(number, kind, hidden=False):
    return _full("infe", struct.pack(">HH", number, 0) + kind + b"\0", 2, int(hidden))


def _association(item, properties):
    return struct.pack(f">HB{len(properties)}B", item, len(properties), *properties)


def _links(links):
    return _full("ipma", struct.pack(">I", len(links)) + b"".join(links))


def _locations(tiles, grid):
    """Where the tiles lie in the file, and the grid in the header."""
    items = [struct.pack(">HHHHII", i + 1, 0, 0, 1, at, size) for i, (at, size) in enumerate(tiles)]
    items.append(struct.pack(">HHHHII", len(tiles) + 1, 1, 0, 1, 0, grid))
    return _full("iloc", struct.pack(">BBH", 0x44, 0, len(items)) + b"".join(items), version=1)


def four_colours(height=128, width=192):
    """A picture whose corners are red, green, blue and white: its way up can be told."""
    picture = np.zeros((height, width, 3), np.uint8)
    middle, half = height // 2, width // 2
    picture[:middle, :half] = (200, 30, 30)
    picture[:middle, half:] = (30, 200, 30)
    picture[middle:, :half] = (30, 30, 200)
    picture[middle:, half:] = (220, 220, 220)
    return picture
