from __future__ import annotations

import hashlib
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from gtexgen.data.portal.download import download
from gtexgen.errors import DataError

CONTENT = np.random.default_rng(0).bytes(300_000)
OTHER_CONTENT = np.random.default_rng(1).bytes(300_000)


@dataclass
class Site:
    """What the server does: each answer takes the next of `plans`; the last one stays."""

    content: bytes = CONTENT
    etag: str | None = '"one"'
    ranges: bool = True
    chunked: bool = False
    state_length: bool = True
    cuts: list[int | None] = field(default_factory=list)  # bytes of body after which each answer breaks off
    failures: list[int] = field(default_factory=list)  # statuses of the first answers
    requests: list[dict[str, str]] = field(default_factory=list)
    swap_after_first: tuple[bytes, str] | None = None
    ignore_if_range: bool = False
    pause_after: int | None = None  # hang there, to be killed
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    site: Site

    def __init__(self, site: Site, *args: object) -> None:
        self.site = site
        super().__init__(*args)  # type: ignore[arg-type]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        site = self.site
        site.requests.append(dict(self.headers.items()))
        if site.failures:
            self.send_error(site.failures.pop(0))
            return
        start = self._start()
        if start > len(site.content):
            self.send_error(416)
            return
        self._answer(start, site.cuts.pop(0) if site.cuts else None)
        if site.swap_after_first and len(site.requests) == 1:
            site.content, site.etag = site.swap_after_first

    def _start(self) -> int:
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.site.ignore_if_range or self.headers.get("If-Range") == self.site.etag
        return int(wanted[1]) if wanted and self.site.ranges and same else 0

    def _answer(self, start: int, cut: int | None) -> None:
        site, body = self.site, self.site.content[start:]
        self.send_response(206 if start else 200)
        if site.etag:
            self.send_header("ETag", site.etag)
        if start:
            total = len(site.content)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        if site.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        elif site.state_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(body[: site.pause_after if cut is None else cut])
            if site.pause_after is not None:
                time.sleep(30)
        self.close_connection = True


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "*")
    served = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, served))
    server.daemon_threads = True
    server.block_on_close = False
    served.url = f"http://127.0.0.1:{server.server_port}/file.gct.gz"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield served
    server.shutdown()
    server.server_close()


def fetch(site: Site, path: Path, *, retries: int = 3) -> None:
    download(site.url, path, retries=retries, pause=0.001, timeout=5, progress=False)


def start_process(site: Site, path: Path, before: str = "") -> subprocess.Popen[str]:
    code = f"""
from gtexgen.data.portal.download import download
{before}
download({site.url!r}, {str(path)!r}, retries=0, timeout=20, progress=False)
"""
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_whole_file_with_its_record(site: Site, tmp_path: Path) -> None:
    record = download(site.url, tmp_path / "new" / "f.gz", progress=False)
    assert (tmp_path / "new" / "f.gz").read_bytes() == CONTENT
    assert record.size == len(CONTENT)
    assert record.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert names(tmp_path / "new") == {"f.gz", "f.gz.json"}
    kept = json.loads((tmp_path / "new" / "f.gz.json").read_text())
    assert kept == record.__dict__
    assert kept["url"] == site.url
    assert kept["version"] == '"one"'


def test_complete_file_is_not_asked_for_again(site: Site, tmp_path: Path) -> None:
    first = download(site.url, tmp_path / "f", progress=False)
    assert download(site.url, tmp_path / "f", progress=False) == first
    assert len(site.requests) == 1


def test_cut_connections_go_on_where_they_broke(site: Site, tmp_path: Path) -> None:
    site.cuts = [100_000, 50_000, 1]
    fetch(site, tmp_path / "f", retries=0)  # each try got further, so none counts as failed
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert [request.get("Range") for request in site.requests] == [
        None,
        "bytes=100000-",
        "bytes=150000-",
        "bytes=150001-",
    ]


def test_next_process_goes_on(site: Site, tmp_path: Path) -> None:
    site.cuts = [100_000, 0]
    with pytest.raises(DataError, match=r"broke off after 100000 of 300000 bytes.*\n.*goes on from there"):
        fetch(site, tmp_path / "f", retries=0)
    assert not (tmp_path / "f").exists()
    fetch(site, tmp_path / "f")
    assert site.requests[-1]["Range"] == "bytes=100000-"
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert names(tmp_path) == {"f", "f.json"}


def test_killed_process_leaves_no_half_file_and_the_next_goes_on(site: Site, tmp_path: Path) -> None:
    site.pause_after = 200_000
    part = tmp_path / ".f.part"
    with start_process(site, tmp_path / "f") as child:
        wait_until(lambda: part.exists() and part.stat().st_size > 100_000)
        child.kill()
    reached = part.stat().st_size
    assert reached > 100_000
    assert not (tmp_path / "f").exists()
    site.pause_after = None
    fetch(site, tmp_path / "f")
    assert site.requests[-1]["Range"] == f"bytes={reached}-"
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_part_that_was_complete_only_gets_its_name(site: Site, tmp_path: Path) -> None:
    (tmp_path / ".f.part").write_bytes(CONTENT)
    state = {"url": site.url, "version": '"one"', "total": len(CONTENT)}
    (tmp_path / ".f.part.json").write_text(json.dumps(state))
    fetch(site, tmp_path / "f")
    assert site.requests == []
    assert (tmp_path / "f").read_bytes() == CONTENT


@pytest.mark.parametrize("state", ["", '{"url": "http://elsewhere/", "version": "v", "total": 5}'])
def test_part_of_something_else_is_not_used(site: Site, tmp_path: Path, state: str) -> None:
    (tmp_path / ".f.part").write_bytes(b"other")
    (tmp_path / ".f.part.json").write_text(state)
    fetch(site, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_server_without_ranges_starts_anew(site: Site, tmp_path: Path) -> None:
    site.ranges = False
    site.cuts = [100_000, 200_000]
    fetch(site, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_server_that_never_gets_further_is_given_up(site: Site, tmp_path: Path) -> None:
    site.ranges = False
    site.cuts = [100_000] * 20
    with pytest.raises(DataError, match="100000 of 300000"):
        fetch(site, tmp_path / "f", retries=3)
    assert len(site.requests) == 5  # the first, which got somewhere, one after it, and three retries
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize("size", [300_000, 150_000, 50_000])
@pytest.mark.parametrize("ignore_if_range", [False, True])
def test_file_that_changes_between_tries_is_never_mixed(
    site: Site, tmp_path: Path, size: int, ignore_if_range: bool
) -> None:
    site.cuts = [100_000]
    site.swap_after_first = (OTHER_CONTENT[:size], '"two"')
    site.ignore_if_range = ignore_if_range
    fetch(site, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == OTHER_CONTENT[:size]
    assert json.loads((tmp_path / "f.json").read_text())["version"] == '"two"'


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_without_a_strong_version_nothing_is_resumed(site: Site, tmp_path: Path, etag: str | None) -> None:
    site.etag = etag
    site.cuts = [100_000]
    fetch(site, tmp_path / "f")
    assert "Range" not in site.requests[-1]
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_chunked_answers(site: Site, tmp_path: Path) -> None:
    site.chunked = True
    site.cuts = [100_000]
    fetch(site, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_unknown_length_is_refused(site: Site, tmp_path: Path) -> None:
    site.state_length = False
    with pytest.raises(DataError, match="does not say how long"):
        fetch(site, tmp_path / "f")
    assert names(tmp_path) == set()


def test_missing_file_fails_at_once(site: Site, tmp_path: Path) -> None:
    site.failures = [404]
    with pytest.raises(DataError, match=r"404 Not Found to http://127.*\n  Remedy: check the address"):
        fetch(site, tmp_path / "f")
    assert len(site.requests) == 1
    assert names(tmp_path) == set()


def test_busy_server_is_tried_again(site: Site, tmp_path: Path) -> None:
    site.failures = [503, 429]
    fetch(site, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_stated_length_that_never_comes(site: Site, tmp_path: Path) -> None:
    site.cuts = [250_000, 0, 0, 0]
    with pytest.raises(DataError, match="closed at 250000 of 300000"):
        fetch(site, tmp_path / "f", retries=2)
    assert "f" not in names(tmp_path)


def test_no_server(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/f"
        with pytest.raises(DataError, match=r"no connection.*refused"):
            download(url, tmp_path / "f", retries=1, pause=0.001, progress=False)


def test_silent_server_counts_as_broken(site: Site, tmp_path: Path) -> None:
    site.pause_after = 200_000
    download(site.url, tmp_path / "f", retries=0, pause=0.001, timeout=0.2, progress=False)
    assert (tmp_path / "f").read_bytes() == CONTENT
    site.pause_after = 0
    with pytest.raises(DataError, match="timed out"):
        download(site.url, tmp_path / "g", retries=0, pause=0.001, timeout=0.2, progress=False)


def test_file_that_was_put_there_is_taken_and_recorded(site: Site, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"mine")
    record = download(site.url, tmp_path / "f", progress=False)
    assert (record.url, record.size) == (None, 4)
    assert site.requests == []


def test_file_changed_since_its_download(site: Site, tmp_path: Path) -> None:
    fetch(site, tmp_path / "f")
    (tmp_path / "f").write_bytes(CONTENT[:-1])
    with pytest.raises(DataError, match=r"299999 bytes, but 300000.*\n.*delete it"):
        fetch(site, tmp_path / "f")


def test_full_disk(site: Site, tmp_path: Path) -> None:
    limit = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
"""
    with start_process(site, tmp_path / "f", limit) as child:
        message = child.communicate()[1]
    assert "DataError" in message
    assert "cannot write the download: File too large" in message
    assert "make room" in message
    assert not (tmp_path / "f").exists()


def test_two_processes_do_not_mix(site: Site, tmp_path: Path) -> None:
    site.pause_after = 100_000
    with start_process(site, tmp_path / "f") as child:
        wait_until(lambda: bool(site.requests))
        with pytest.raises(DataError, match="another process"):
            fetch(site, tmp_path / "f")
        child.kill()


def test_progress_bar_counts_bytes(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.cuts = [100_000]
    download(site.url, tmp_path / "f", pause=0.001)
    assert "293k/293k" in capsys.readouterr().err
