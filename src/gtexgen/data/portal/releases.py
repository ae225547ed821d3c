"""The GTEx portal's open-access releases."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gtexgen.data.portal.download import download
from gtexgen.errors import ConfigError

__all__ = ["PORTAL", "RELEASES", "Release", "ReleaseFiles", "download_release"]

PORTAL = "https://storage.googleapis.com/adult-gtex"


@dataclass(frozen=True)
class Release:
    """Paths of one release below the portal's address: gene TPM, sample attributes and subject phenotypes."""

    expression: str
    samples: str
    subjects: str


RELEASES = {
    "v8": Release(
        expression="bulk-gex/v8/rna-seq/GTEx_Analysis_2017-06-05_v8_RNASeQCv1.1.9_gene_tpm.gct.gz",
        samples="annotations/v8/metadata-files/GTEx_Analysis_v8_Annotations_SampleAttributesDS.txt",
        subjects="annotations/v8/metadata-files/GTEx_Analysis_v8_Annotations_SubjectPhenotypesDS.txt",
    ),
    "v10": Release(
        expression="bulk-gex/v10/rna-seq/GTEx_Analysis_v10_RNASeQCv2.4.2_gene_tpm.gct.gz",
        samples="annotations/v10/metadata-files/GTEx_Analysis_v10_Annotations_SampleAttributesDS.txt",
        subjects="annotations/v10/metadata-files/GTEx_Analysis_v10_Annotations_SubjectPhenotypesDS.txt",
    ),
}


@dataclass(frozen=True)
class ReleaseFiles:
    """Where the files of a release are on this machine."""

    expression: Path
    samples: Path
    subjects: Path


def download_release(
    release: str,
    folder: str | Path,
    *,
    base_url: str | None = None,
    retries: int = 8,
    pause: float = 1.0,
    progress: bool = True,
) -> ReleaseFiles:
    """Download a release's files into `folder`, the small ones first; what is there already is kept.

    Parameters
    ----------
    release
        ``"v8"`` or ``"v10"``.
    folder
        Where the files go, under the portal's names.
    base_url
        A server with the portal's files under the same paths; None is the portal.
    retries, pause, progress
        See `gtexgen.data.portal.download.download`.

    Raises
    ------
    ConfigError
        If the release is unknown.
    DataError
        If a file cannot be downloaded.
    """
    if release not in RELEASES:
        raise ConfigError(f"unknown GTEx release {release!r}; known: {', '.join(RELEASES)}")
    paths = RELEASES[release]
    server = (base_url or PORTAL).rstrip("/")

    def fetch(address: str) -> Path:
        path = Path(folder) / PurePosixPath(address).name
        download(f"{server}/{address}", path, retries=retries, pause=pause, progress=progress)
        return path

    subjects, samples, expression = fetch(paths.subjects), fetch(paths.samples), fetch(paths.expression)
    return ReleaseFiles(expression=expression, samples=samples, subjects=subjects)
