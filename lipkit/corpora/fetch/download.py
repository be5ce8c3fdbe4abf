"""Fetching large files over bad lines.

A file is received into ``NAME.part`` and renamed when it is whole and its checksum is right,
so a file that exists is good. Whatever was received is kept when the line breaks, the program
is stopped or the machine loses power; the next attempt asks the server for the rest.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lipkit.corpora.fetch import server
from lipkit.corpora.fetch.bounds import Bound
from lipkit.corpora.fetch.checksums import parse_checksum, wrong_with
from lipkit.corpora.fetch.server import Broken, Patience
from lipkit.errors import LipkitError
from lipkit.jobs.progress import Bar, progress_bar, say


def fetch(
    url: str,
    target: str | os.PathLike,
    *,
    size: int | None = None,
    checksum: str | None = None,
    at_most: int | None = None,
    patience: Patience | None = None,
    progress: bool = True,
) -> Path:
    """Download ``url`` to ``target``, resuming what an earlier attempt left.

    Parameters
    ----------
    size
        Bytes expected, where known.
    checksum
        ``md5:...`` or ``sha256:...`` in hexadecimal, where known. A ``target`` that exists
        and agrees with what is known is not fetched again.
    at_most
        Bytes that the file may have, where its size is not known.
    progress
        Whether to show a bar on standard error.

    Raises
    ------
    LipkitError
        When the server refuses, the line stays broken, the file is larger than ``size`` or
        ``at_most``, what arrives is not what was expected, or the disk has not the room: that
        is known before anything is written where the size is. What was received stays in
        ``target.part``, unless it is wrong.
    UsageError
        When ``url`` is not an address or ``checksum`` not a checksum.
    """
    target, patience = Path(target), patience or Patience()
    if checksum is not None:
        parse_checksum(checksum)
    if target.is_file() and not wrong_with(target, size, checksum):
        return target
    part = target.with_name(f"{target.name}.part")
    with _disk_faults(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        bound = Bound(size, size if at_most is None else at_most)
        resumed = _receive(url, part, bound, patience, progress)
        fault = wrong_with(part, size, checksum)
        if fault and resumed:
            # The pieces may be of two versions of the file: once more, in one piece.
            part.unlink()
            _receive(url, part, bound, patience, progress)
            fault = wrong_with(part, size, checksum)
        if fault:
            part.unlink()
            raise LipkitError(f"{url}: {fault}; try again later or from another address")
        os.replace(part, target)
    return target


def fetch_json(url: str, patience: Patience | None = None) -> Any:
    """The JSON document at ``url``; retried like :func:`fetch`.

    Raises
    ------
    LipkitError
        When there is none, or it is not JSON.
    """
    patience = patience or Patience()
    for failures in range(patience.retries + 1):
        try:
            with server.passing_faults(url), server.get(url, patience) as response:
                text = server.document(url, response)
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise LipkitError(f"{url}: the answer is not JSON; check the address") from error
        except Broken as error:
            _pause_or_give_up(url, error, failures + 1, patience)
    raise AssertionError("unreachable")


def _receive(url: str, part: Path, bound: Bound, patience: Patience, progress: bool) -> bool:
    """Fill ``part`` until the server says that it is whole; whether it was put together."""
    started_with = longest = _size(part)
    failures = attempts = 0
    while bound.size is None or _size(part) < bound.size:
        attempts += 1
        try:
            _attempt(url, part, bound, patience, progress)
            break
        except Broken as error:
            failures = 1 if _size(part) > longest else failures + 1
            longest = max(longest, _size(part))
            _pause_or_give_up(url, error, failures, patience)
    return attempts > 1 or started_with > 0


def _attempt(url: str, part: Path, bound: Bound, patience: Patience, progress: bool) -> None:
    """One request for what is missing of ``part``."""
    have = _size(part)
    headers = {"Range": f"bytes={have}-"} if have else {}
    with (
        server.passing_faults(url),
        server.get(url, patience, headers, allowed=(416,)) as response,
    ):
        total = server.whole_size(response)
        if response.status_code == 416:
            if total == have:
                return
            part.unlink()
            raise Broken("the server has a shorter file than was already received")
        starts = server.first_byte(response)
        if starts not in (0, have):
            raise Broken("the server sent another piece than was asked for")
        bound.check_announced(url, total, part, have)
        received = starts
        # A server that does not know ranges sends everything: begin anew.
        with (
            open(part, "ab" if starts else "wb") as file,
            _bar(part, starts, bound.size or total, progress) as bar,
        ):
            for chunk in response.iter_content(server.CHUNK):
                received += len(chunk)
                if bound.is_exceeded(received):
                    break
                bound.check_space(received, len(chunk), part)
                file.write(chunk)
                bar.update(len(chunk))
    if bound.is_exceeded(received):
        part.unlink()
        bound.refuse(url)
    expected = bound.size if total is None else total
    if expected is not None and _size(part) < expected:
        raise Broken(f"the line was cut at {_size(part):,} of {expected:,} bytes")


@contextmanager
def _disk_faults(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LipkitError(
            f"{target}: cannot be written: {error.strerror}; mend that and start again, "
            "what was received is kept"
        ) from error


def _pause_or_give_up(url: str, error: Broken, failures: int, patience: Patience) -> None:
    if failures > patience.retries:
        raise LipkitError(
            f"{url}: gave up after {failures} attempts: {error}; start again to resume"
        ) from error
    pause = max(patience.backoff * 2 ** (failures - 1), error.pause)
    pause = min(pause, patience.longest_pause)
    say(f"{url}: {error}; trying again in {pause:.0f} s")
    time.sleep(pause)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _bar(part: Path, start: int, total: int | None, progress: bool) -> Bar:
    return progress_bar(
        desc=part.name.removesuffix(".part"),
        initial=start,
        total=total,
        unit="B",
        unit_scale=True,
        shown=progress,
    )
