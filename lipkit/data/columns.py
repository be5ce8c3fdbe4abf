"""Texts of many rows in a few arrays, without a Python object per row."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np


class Texts(Sequence):
    """One-line texts, each its own, in one run of bytes; ``texts[i]`` is made when asked for.

    A text must not hold a line feed.
    """

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._ends: list[np.ndarray] = []
        self._count = self._bytes = 0

    def extend(self, texts: Sequence[str]) -> None:
        """Append ``texts``."""
        if not texts:
            return
        block = "\n".join([*texts, ""]).encode()
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + 1
        self._blocks.append(block)
        self._ends.append(ends + self._bytes)
        self._count += len(texts)
        self._bytes += len(block)

    def _joined(self) -> tuple[bytes, np.ndarray]:
        if len(self._blocks) != 1:
            self._blocks = [b"".join(self._blocks)]
            self._ends = [np.concatenate([*self._ends, np.zeros(0, np.int64)])]
        return self._blocks[0], self._ends[0]

    def take(self, chosen: np.ndarray) -> "Texts":
        """The texts for which ``chosen``, bool ``[rows]``, is true."""
        block, ends = self._joined()
        lengths = np.diff(ends, prepend=0)
        taken = Texts()
        taken._blocks = [np.frombuffer(block, np.uint8)[np.repeat(chosen, lengths)].tobytes()]
        taken._ends = [np.cumsum(lengths[chosen])]
        taken._count, taken._bytes = int(chosen.sum()), len(taken._blocks[0])
        return taken

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> str:
        index = range(self._count)[index]
        block, ends = self._joined()
        start = int(ends[index - 1]) if index else 0
        return block[start : int(ends[index]) - 1].decode()

    def __iter__(self) -> Iterator[str]:
        for block in list(self._blocks):
            yield from block.decode().split("\n")[:-1]


class Coded:
    """Texts that repeat: ``names[codes[i]]`` is the i-th.

    Attributes
    ----------
    names : the different texts, in the order of their first appearance.
    codes : whole numbers ``[rows]``.
    """

    def __init__(self, names: Iterable[str] = (), codes: np.ndarray | None = None) -> None:
        self.names = list(names)
        self._known = {name: code for code, name in enumerate(self.names)}
        self._codes = [np.zeros(0, np.int32) if codes is None else codes]

    def extend(self, names: Sequence[str], codes: np.ndarray) -> None:
        """Append rows that are coded in another way: ``names[codes[i]]`` each."""
        for name in names:
            if name not in self._known:
                self._known[name] = len(self.names)
                self.names.append(name)
        ours = np.array([self._known[name] for name in names], np.int32)
        self._codes.append(ours[codes])

    @property
    def codes(self) -> np.ndarray:
        """``[rows]`` of the smallest type of number that all codes fit into."""
        if len(self._codes) > 1:
            small = np.min_scalar_type(-len(self.names) - 1)
            self._codes = [np.concatenate(self._codes).astype(small)]
        return self._codes[0]

    def equal(self, text: str) -> np.ndarray:
        """bool ``[rows]``: which rows hold ``text``."""
        return self.codes == self._known.get(text, -1)

    def take(self, chosen: np.ndarray) -> "Coded":
        """The texts for which ``chosen``, bool ``[rows]``, is true; the names stay the same."""
        return Coded(self.names, self.codes[chosen])

    def used(self) -> list[str]:
        """The different texts that some row holds, sorted."""
        return sorted(self.names[code] for code in np.unique(self.codes).tolist())

    def objects(self) -> np.ndarray:
        """``[rows]`` of Python texts; rows that hold the same share one object."""
        return np.array([*self.names, ""], object)[self.codes]

    def __len__(self) -> int:
        return len(self.codes)
