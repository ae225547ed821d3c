"""One request for what is missing of a file, and what its answer means."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from gtexgen.errors import DataError

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["BrokenError", "ChangedError", "Part", "fetch_rest"]

CHUNK = 1 << 20
PASSING = {408, 425, 429, 500, 502, 503, 504}
"""Answers that may be different the next time."""


@dataclass(frozen=True)
class Part:
    """What the bytes so far are the beginning of; kept as JSON beside them for the next try or process."""

    url: str
    version: str | None = None
    total: int | None = None


class BrokenError(Exception):
    """The connection broke, or the server asked to be left alone for a while."""


class ChangedError(BrokenError):
    """The file on the server is no longer the one that the part began with."""


def fetch_rest(part: Part, handle: BinaryIO, timeout: float, bar: tqdm[Any], note: Callable[[Part], None]) -> Part:
    """Ask once for what is missing, append it, and return what the part is when nothing is missing.

    Parameters
    ----------
    part
        What is known of the beginning that `handle` holds.
    handle
        The part, open for reading and writing.
    timeout
        Seconds without a byte after which the connection counts as broken.
    bar
        The progress bar, in bytes.
    note
        Called with what the part will be before its first byte is written.

    Raises
    ------
    BrokenError
        If trying again may help; `ChangedError` if what is there is of no use.
    DataError
        If it will not.
    """
    have = handle.seek(0, 2)
    if part.total is not None and have == part.total:
        return part
    if have and (part.version is None or (part.total is not None and have > part.total)):
        have = handle.truncate(0)  # nothing tells whether the server still has the same file
    with _open(part, have, timeout) as response:
        have, part = _continue_or_restart(response, part, have)
        handle.truncate(have)  # first: what is left must be of the version that is noted next
        handle.seek(have)
        note(part)
        bar.total, bar.n = part.total, have
        bar.set_postfix_str("")
        for chunk in _chunks(response):
            handle.write(chunk)
            bar.update(len(chunk))
    handle.flush()
    os.fsync(handle.fileno())
    if part.total is None:
        part = replace(part, total=handle.tell())  # sent in chunks: its end was marked
    if handle.tell() != part.total:
        raise BrokenError(f"the connection closed at {handle.tell()} of {part.total} bytes")
    return part


def _open(part: Part, have: int, timeout: float) -> HTTPResponse:
    """Ask for the file from byte `have` on, if it is still the version that the part began with."""
    headers = {"User-Agent": "gtexgen", "Accept-Encoding": "identity"}
    if have and part.version is not None:
        headers |= {"Range": f"bytes={have}-", "If-Range": part.version}
    try:
        response: HTTPResponse = urlopen(Request(part.url, headers=headers), timeout=timeout)  # noqa: S310
    except HTTPError as error:
        error.close()
        if error.code == 416:
            raise ChangedError("the file on the server is shorter than before") from error
        if error.code in PASSING:
            raise BrokenError(f"the server answered {error.code} {error.reason}") from error
        raise DataError(
            f"the server answered {error.code} {error.reason} to {part.url}",
            remedy="check the address (base_url), or download it in a browser and use data=files",
        ) from error
    except URLError as error:
        raise BrokenError(f"no connection: {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise BrokenError(f"no connection: {error}") from error
    return response


def _continue_or_restart(response: HTTPResponse, part: Part, have: int) -> tuple[int, Part]:
    """Tell from the answer where its bytes begin and which version they are of."""
    version = _version(response)
    if response.status == 206:
        span, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        if span.partition("-")[0] == str(have) and total == str(part.total) and version == part.version:
            return have, part
        raise ChangedError("the server sent another part of the file than was asked for")
    length = response.headers.get("Content-Length")
    if length is None and response.headers.get("Transfer-Encoding") != "chunked":
        raise DataError(
            f"the server does not say how long {part.url} is: a broken download would look like a whole one",
            remedy="download it in a browser and use data=files",
        )
    return 0, Part(part.url, version, None if length is None else int(length))


def _version(response: HTTPResponse) -> str | None:
    """Return what If-Range may hold: a strong ETag, else the date of the last change."""
    etag = response.headers.get("ETag")
    return etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")


def _chunks(response: HTTPResponse) -> Iterator[bytes]:
    """Yield the body, a megabyte at most at a time."""
    while True:
        try:
            chunk = response.read1(CHUNK)
        except (OSError, HTTPException) as error:
            raise BrokenError(f"the connection broke: {error}") from error
        if not chunk:
            return
        yield chunk
