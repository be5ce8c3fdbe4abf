"""One request to a server, and its faults by their names."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests

from lipkit.errors import LipkitError, UsageError

WORTH_RETRYING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which the same request may succeed."""

LARGEST_DOCUMENT = 1 << 24
"""Bytes of the largest JSON document that is read; Zenodo's listing of GRID has 40 KB."""

CHUNK = 1 << 14
"""Bytes that are taken at a time; when the line breaks, a chunk begun is lost."""


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


class Broken(Exception):
    """This attempt failed; another may not."""

    def __init__(self, fault: str, pause: float = 0.0) -> None:
        super().__init__(fault)
        self.pause = pause


@contextmanager
def get(
    url: str, patience: Patience, headers: dict[str, str] | None = None, allowed: tuple = ()
) -> Iterator[requests.Response]:
    """The answer to one request, its body not yet read.

    Parameters
    ----------
    headers : sent along.
    allowed : error codes that the caller deals with.

    Raises
    ------
    Broken
        When another attempt may succeed.
    LipkitError
        When the server refuses.
    UsageError
        When ``url`` is not an address.
    """
    # Without compression Content-Length counts the bytes that are written.
    headers = {"Accept-Encoding": "identity", **(headers or {})}
    try:
        response = requests.get(
            url, headers=headers, stream=True, timeout=(patience.connect, patience.stall)
        )
    except ValueError as error:  # of requests or urllib3: no scheme, no host, no possible name
        raise UsageError(f"{url}: is not a web address; it begins with https://") from error
    with response:
        status = response.status_code
        if status in WORTH_RETRYING:
            wait = response.headers.get("Retry-After", "")
            raise Broken(
                f"the server answers {status} {response.reason}",
                pause=float(_number(wait) or 0),
            )
        if not response.ok and status not in allowed:
            raise LipkitError(
                f"{url}: the server answers {status} {response.reason}; check the address"
            )
        yield response


@contextmanager
def passing_faults(url: str) -> Iterator[None]:
    """Turn what a network does on a bad day into :class:`Broken`, and what stays into one line."""
    try:
        yield
    except requests.exceptions.SSLError as error:
        # Only a certificate that was looked at and refused stays refused; everything else
        # that befalls a secure line is a line that broke.
        if "CERTIFICATE" in str(error).upper():
            raise LipkitError(
                f"{url}: its certificate is not trusted; check the address, the clock and the proxy"
            ) from error
        raise Broken("the secure line broke") from error
    except requests.exceptions.ConnectTimeout as error:
        raise Broken("the server cannot be reached in time") from error
    except requests.exceptions.Timeout as error:
        raise Broken("the server went silent") from error
    except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
        if "timed out" in str(error).lower():
            raise Broken("the server went silent") from error
        unreached = "Failed to establish" in str(error) or "Failed to resolve" in str(error)
        raise Broken("the server cannot be reached" if unreached else "the line broke") from error
    except requests.exceptions.ContentDecodingError as error:
        raise Broken("the server sends what cannot be decoded") from error
    except requests.exceptions.RequestException as error:
        fault = " ".join(str(error).split()) or type(error).__name__
        raise LipkitError(f"{url}: cannot be fetched ({fault}); check the address") from error


def document(url: str, response: requests.Response) -> bytes:
    """The body of an answer that is read whole.

    Raises
    ------
    LipkitError
        When it has more than :data:`LARGEST_DOCUMENT` bytes.
    """
    body = b""
    for chunk in response.iter_content(CHUNK):
        body += chunk
        if len(body) > LARGEST_DOCUMENT:
            raise LipkitError(
                f"{url}: the answer has more than {LARGEST_DOCUMENT:,} bytes; check the address"
            )
    return body


def first_byte(response: requests.Response) -> int:
    """The offset of the first byte that the server sends; -1 when it does not make sense."""
    if response.status_code != 206:
        return 0
    first = response.headers.get("Content-Range", "").removeprefix("bytes").strip().split("-")[0]
    start = _number(first)
    return -1 if start is None else start


def whole_size(response: requests.Response) -> int | None:
    """Bytes of the whole file; None when the server does not say."""
    whole = response.headers.get("Content-Range", "").rpartition("/")[2]
    if response.status_code == 200:
        whole = response.headers.get("Content-Length", "")
    return _number(whole)


def _number(text: str) -> int | None:
    """A header's number of bytes or seconds; None for anything else."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None
