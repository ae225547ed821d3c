from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gtexgen.data.portal.releases import PORTAL, RELEASES, download_release
from gtexgen.errors import ConfigError, DataError


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """A server with the portal's paths, each file holding its own name."""
    monkeypatch.setenv("no_proxy", "*")
    root = tmp_path / "mirror"
    for release in RELEASES.values():
        for address in (release.expression, release.samples, release.subjects):
            file = root / address
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(file.name)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", root
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("release", ["v8", "v10"])
def test_release_is_downloaded_under_the_portals_names(mirror: tuple[str, Path], tmp_path: Path, release: str) -> None:
    files = download_release(release, tmp_path / "gtex", base_url=mirror[0], progress=False)
    assert files.expression.name.endswith("_gene_tpm.gct.gz")
    assert files.samples.name == f"GTEx_Analysis_{release}_Annotations_SampleAttributesDS.txt"
    assert files.subjects.name == f"GTEx_Analysis_{release}_Annotations_SubjectPhenotypesDS.txt"
    for path in (files.expression, files.samples, files.subjects):
        assert path.parent == tmp_path / "gtex"
        assert path.read_text() == path.name
        assert path.with_name(path.name + ".json").exists()


def test_second_time_needs_no_server(mirror: tuple[str, Path], tmp_path: Path) -> None:
    first = download_release("v8", tmp_path / "gtex", base_url=mirror[0], progress=False)
    again = download_release("v8", tmp_path / "gtex", base_url="http://127.0.0.1:9", progress=False)
    assert again == first


def test_file_that_the_server_lacks(mirror: tuple[str, Path], tmp_path: Path) -> None:
    (mirror[1] / RELEASES["v8"].expression).unlink()
    with pytest.raises(DataError, match=r"404.*gene_tpm\.gct\.gz\n  Remedy: .*base_url"):
        download_release("v8", tmp_path / "gtex", base_url=mirror[0], progress=False)


def test_unknown_release_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'v9'; known: v8, v10"):
        download_release("v9", tmp_path)


def test_addresses_are_the_portals() -> None:
    assert PORTAL == "https://storage.googleapis.com/adult-gtex"
    for name, release in RELEASES.items():
        assert release.expression.startswith(f"bulk-gex/{name}/rna-seq/GTEx_Analysis_")
        assert release.samples.startswith(f"annotations/{name}/metadata-files/")
