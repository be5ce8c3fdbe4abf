"""Ways to break a file: bytes, words of a text, values in JSON, and what lies in an archive."""

import io
import json
import zipfile

import numpy as np

INTERESTING = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF)
STRANGE = (
    *(None, True, False, 0, -1, 1, 7, 0.5, -1e9, 1e308, 10**30, float("inf"), float("nan")),
    *("", "0", "nan", "../x", "/etc/passwd", "a" * 5000, "\ud800", "\0", "é", "None"),
    *([], [0], ["../x"], [None], [[]], {}, {"a": 1}, {"": None}),
)
WORDS = ("", "0", "-1", "nan", "inf", "1e999", "9" * 40, "../x", "/", "None", "true", "[]", '"')


def broken_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """A broken copy: bytes and whole fields changed, parts cut, doubled or moved.

    Half of the changes fall into the first kilobyte or the last, where headers are.
    """
    broken = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        kind, at = rng.integers(8), _place(len(broken), rng)
        if kind < 3:
            broken[at] = rng.choice(INTERESTING) if kind else rng.integers(256)
        elif kind < 5:
            width = int(rng.choice([2, 4, 8]))
            value = int(rng.choice([0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1]))
            order = "big" if rng.integers(2) else "little"
            broken[at : at + width] = (value % 2 ** (8 * width)).to_bytes(width, order)
        elif kind == 5:
            del broken[at : at + int(rng.integers(1, 200))]
        elif kind == 6:
            part = broken[at : at + int(rng.integers(1, 200))]
            place = _place(len(broken), rng)
            broken[place:place] = part
        else:
            size = int(rng.integers(1, 60))
            broken[at : at + size] = rng.bytes(size)
        if len(broken) < 16:
            break
    return bytes(broken)


def _place(size: int, rng: np.random.Generator) -> int:
    where, near = rng.integers(4), min(size, 1024)
    if where == 0:
        return int(rng.integers(near))
    if where == 1:
        return int(size - 1 - rng.integers(near))
    return int(rng.integers(size))


def broken_value(value, rng: np.random.Generator):
    """The same JSON with a value in it replaced, removed or doubled."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = str(rng.choice(list(value)))
        kind = rng.random()
        if kind < 0.2:
            return {k: v for k, v in value.items() if k != key}
        if kind < 0.3:
            return value | {str(rng.choice(WORDS)): value[key]}
        return value | {key: broken_value(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.7:
        at = int(rng.integers(len(value)))
        kind = rng.random()
        if kind < 0.15:
            return value[:at] + value[at + 1 :]
        if kind < 0.3:
            return [*value[:at], value[at], *value[at:]]
        return [*value[:at], broken_value(value[at], rng), *value[at + 1 :]]
    return STRANGE[int(rng.integers(len(STRANGE)))]


def broken_text(data: bytes, rng: np.random.Generator) -> bytes:
    """Values of JSON, words of lines, or plain bytes."""
    kind = int(rng.integers(4))
    if kind == 0:
        return broken_bytes(data, rng)
    try:
        value = json.loads(data)
    except ValueError:
        return _broken_words(data, rng)
    if not isinstance(value, (dict, list)):
        return _broken_words(data, rng)
    for _ in range(kind):
        value = broken_value(value, rng)
    return json.dumps(value).encode()


def _broken_words(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.split(b"\n")
    for _ in range(int(rng.integers(1, 4))):
        at, kind = int(rng.integers(len(lines))), int(rng.integers(6))
        if kind == 0:
            lines.insert(at, lines[int(rng.integers(len(lines)))])
        elif kind == 1 and len(lines) > 1:
            del lines[at]
        elif kind == 2:
            lines[at] = broken_bytes(lines[at] or b" " * 20, rng)
        else:
            mark = b"," if b"," in lines[at] else b"\t" if b"\t" in lines[at] else b" "
            mark = b"=" if b"=" in lines[at] else mark
            words = lines[at].split(mark)
            words[int(rng.integers(len(words)))] = str(rng.choice(WORDS)).encode()
            lines[at] = mark.join(words)
    return b"\n".join(lines)


def broken_header(data: bytes, rng: np.random.Generator) -> bytes:
    """A safetensors file: its header's JSON, the JSON inside that, its numbers, or bytes."""
    kind = int(rng.integers(5))
    size = int.from_bytes(data[:8], "little")
    header, numbers = json.loads(data[8 : 8 + size]), data[8 + size :]
    if kind == 0:
        return broken_bytes(data, rng)
    if kind == 1:
        return data[: 8 + size] + broken_bytes(numbers, rng)
    about = header.get("__metadata__", {})
    if kind == 2 or "card" not in about:
        header = broken_value(header, rng)
    else:
        for _ in range(kind - 2):
            card = broken_value(json.loads(about["card"]), rng)
        header = header | {"__metadata__": about | {"card": json.dumps(card)}}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + numbers


def broken_zip(data: bytes, rng: np.random.Generator) -> bytes:
    """An archive's bytes, or those of one member under a checksum that is right again."""
    if rng.integers(3) == 0:
        return broken_bytes(data, rng)
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w") as new:
        names = old.namelist()
        pickles = [name for name in names if name.endswith(".pkl")]
        chosen = pickles[0] if pickles and rng.integers(3) else str(rng.choice(names))
        for name in names:
            content = old.read(name)
            new.writestr(
                name, broken_bytes(content or b" " * 20, rng) if name == chosen else content
            )
    return made.getvalue()
