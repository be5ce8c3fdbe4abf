"""Fetching large files over bad lines.

A file is received into ``NAME.part`` and renamed when it is whole and its checksum is right,
so a file that exists is good. Whatever was received is kept when the line breaks, the program
is stopped or the machine loses power; the next attempt asks the server for the rest.
"""

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from tqdm import tqdm

from lipkit.errors import LipkitError, UsageError

CHUNK = 1 << 14
"""Bytes written at a time; when the line breaks, a chunk begun is lost."""

WORTH_RETRYING = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, seconds."""

    connect: float = 15.0
    stall: float = 30.0
    """Without a byte for this long the line counts as broken."""
    retries: int = 6
    """Attempts in a row that bring nothing new before giving up."""
    backoff: float = 1.0
    """Pause before the first retry; it doubles with each."""
    longest_pause: float = 60.0


class _Broken(Exception):
    """This attempt failed; another may not."""

    def __init__(self, fault: str, pause: float = 0.0) -> None:
        super().__init__(fault)
        self.pause = pause


def fetch(
    url: str,
    target: str | os.PathLike,
    *,
    size: int | None = None,
    checksum: str | None = None,
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
    progress
        Whether to show a bar on standard error.

    Raises
    ------
    LipkitError
        When the server refuses, the line stays broken, the file that arrives is not the
        one expected, or the disk is full. What was received stays in ``target.part``,
        unless it is wrong.
    """
    target, patience = Path(target), patience or Patience()
    if target.is_file() and not wrong_with(target, size, checksum):
        return target
    part = target.with_name(f"{target.name}.part")
    with _disk_faults(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        resumed = _receive(url, part, size, patience, progress)
        fault = wrong_with(part, size, checksum)
        if fault and resumed:
            # The pieces may be of two versions of the file: once more, in one piece.
            part.unlink()
            _receive(url, part, size, patience, progress)
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
            with _passing_faults(), _get(url, patience) as response:
                return response.json()
        except requests.exceptions.JSONDecodeError as error:
            raise LipkitError(f"{url}: the answer is not JSON; check the address") from error
        except _Broken as error:
            _pause_or_give_up(url, error, failures + 1, patience)
    raise AssertionError("unreachable")


def wrong_with(path: Path, size: int | None, checksum: str | None) -> str:
    """What is wrong with a file, or nothing."""
    if size is not None and path.stat().st_size != size:
        return f"has {path.stat().st_size:,} bytes instead of {size:,}"
    if checksum:
        kind, _, expected = checksum.partition(":")
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, kind).hexdigest()
        if found != expected.lower():
            return f"has the {kind} checksum {found} instead of {expected}"
    return ""


def _receive(url: str, part: Path, size: int | None, patience: Patience, progress: bool) -> bool:
    """Fill ``part`` until the server says that it is whole; whether it was put together."""
    started_with = longest = _size(part)
    failures = attempts = 0
    while size is None or _size(part) < size:
        attempts += 1
        try:
            _attempt(url, part, size, patience, progress)
            break
        except _Broken as error:
            failures = 1 if _size(part) > longest else failures + 1
            longest = max(longest, _size(part))
            _pause_or_give_up(url, error, failures, patience)
    return attempts > 1 or started_with > 0


def _attempt(url: str, part: Path, size: int | None, patience: Patience, progress: bool) -> None:
    """One request for what is missing of ``part``."""
    have = _size(part)
    headers = {"Range": f"bytes={have}-"} if have else {}
    with _passing_faults(), _get(url, patience, headers, allowed=(416,)) as response:
        total = _total(response)
        if response.status_code == 416:
            if total == have:
                return
            part.unlink()
            raise _Broken("the server has a shorter file than was already received")
        starts = _start(response)
        if starts not in (0, have):
            raise _Broken("the server sent another piece than was asked for")
        # A server that does not know ranges sends everything: begin anew.
        with (
            open(part, "ab" if starts else "wb") as file,
            _bar(part, starts, size or total, progress) as bar,
        ):
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
    expected = size if total is None else total
    if expected is not None and _size(part) < expected:
        raise _Broken(f"the line was cut at {_size(part):,} of {expected:,} bytes")


@contextmanager
def _get(
    url: str, patience: Patience, headers: dict[str, str] | None = None, allowed: tuple = ()
) -> Iterator[requests.Response]:
    # Without compression Content-Length counts the bytes that are written.
    headers = {"Accept-Encoding": "identity", **(headers or {})}
    try:
        response = requests.get(
            url, headers=headers, stream=True, timeout=(patience.connect, patience.stall)
        )
    except (
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidSchema,
        requests.exceptions.MissingSchema,
    ) as error:
        raise UsageError(f"{url}: is not a web address; it begins with https://") from error
    with response:
        status = response.status_code
        if status in WORTH_RETRYING:
            wait = response.headers.get("Retry-After", "")
            raise _Broken(
                f"the server answers {status} {response.reason}",
                pause=float(wait) if wait.isdigit() else 0.0,
            )
        if not response.ok and status not in allowed:
            raise LipkitError(
                f"{url}: the server answers {status} {response.reason}; check the address"
            )
        yield response


@contextmanager
def _passing_faults() -> Iterator[None]:
    """Call what a network does on a bad day by its name."""
    try:
        yield
    except requests.exceptions.JSONDecodeError:
        raise
    except requests.exceptions.SSLError as error:
        raise LipkitError(
            f"{error.request.url}: its certificate is not trusted; check the address, "
            "the clock and the proxy"
        ) from error
    except requests.exceptions.ConnectTimeout as error:
        raise _Broken("the server cannot be reached in time") from error
    except requests.exceptions.Timeout as error:
        raise _Broken("the server went silent") from error
    except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
        if "timed out" in str(error).lower():
            raise _Broken("the server went silent") from error
        unreached = "Failed to establish" in str(error) or "Failed to resolve" in str(error)
        raise _Broken("the server cannot be reached" if unreached else "the line broke") from error


@contextmanager
def _disk_faults(target: Path) -> Iterator[None]:
    try:
        yield
    except requests.exceptions.RequestException:
        raise  # An OSError too, but not the disk's.
    except OSError as error:
        raise LipkitError(
            f"{target}: cannot be written: {error.strerror}; mend that and start again, "
            "what was received is kept"
        ) from error


def _pause_or_give_up(url: str, error: _Broken, failures: int, patience: Patience) -> None:
    if failures > patience.retries:
        raise LipkitError(
            f"{url}: gave up after {failures} attempts: {error}; start again to resume"
        ) from error
    pause = max(patience.backoff * 2 ** (failures - 1), error.pause)
    pause = min(pause, patience.longest_pause)
    tqdm.write(f"{url}: {error}; trying again in {pause:.0f} s", file=sys.stderr)
    time.sleep(pause)


def _start(response: requests.Response) -> int:
    """The offset of the first byte that the server sends."""
    if response.status_code != 206:
        return 0
    first = response.headers.get("Content-Range", "").removeprefix("bytes").strip().split("-")[0]
    return int(first) if first.isdigit() else -1


def _total(response: requests.Response) -> int | None:
    """The size of the whole file, as far as the server tells."""
    whole = response.headers.get("Content-Range", "").rpartition("/")[2]
    if response.status_code == 200:
        whole = response.headers.get("Content-Length", "")
    return int(whole) if whole.isdigit() else None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _bar(part: Path, start: int, total: int | None, progress: bool) -> tqdm:
    return tqdm(
        desc=part.name.removesuffix(".part"),
        initial=start,
        total=total,
        unit="B",
        unit_scale=True,
        disable=not progress,
    )
