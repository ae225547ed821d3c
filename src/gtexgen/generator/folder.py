"""The files of a generator folder: their checksums, their version, and what is said when one is damaged.

No file is a pickle, so loading someone else's generator runs none of their code. None is believed before its
checksum has been compared with the one in ``generator.json``, so what was damaged on its way is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from gtexgen.data.atomic import atomic_folder
from gtexgen.errors import GeneratorError
from gtexgen.version import __version__

__all__ = ["FORMAT_VERSION", "GeneratorFolder", "write_folder"]

FORMAT_VERSION = 1
ABOUT = "generator.json"
CARD = "README.md"

T = TypeVar("T")


def write_folder(
    path: str | Path,
    files: Mapping[str, bytes],
    about: Mapping[str, Any],
    card: str,
    *,
    overwrite: bool = False,
) -> None:
    """Write a generator folder; it gets its name only once it is complete.

    Parameters
    ----------
    path
        The folder to make.
    files
        Contents by file name.
    about
        What ``generator.json`` says besides the format version and the checksums of `files`; holds ``kind``,
        ``units`` and ``fingerprint``.
    card
        The model card; it has no checksum, so that its reader may add to it.
    overwrite
        Replace a folder that is already there.
    """
    about = {
        "format_version": FORMAT_VERSION,
        "gtexgen": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **about,
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    with atomic_folder(Path(path), overwrite=overwrite) as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        (folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        (folder / CARD).write_text(card, encoding="utf-8")


class GeneratorFolder:
    """A generator folder opened for reading.

    Parameters
    ----------
    path
        The folder, or the folder of a training run that holds it as ``generator/``.

    Attributes
    ----------
    path
        The folder itself.
    about
        What ``generator.json`` says.

    Raises
    ------
    GeneratorError
        There is no generator, its ``generator.json`` is damaged, or a newer gtexgen wrote it.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        found = next((folder for folder in (path, path / "generator") if (folder / ABOUT).is_file()), None)
        if found is None:
            state = "does not exist" if not path.exists() else f"holds no {ABOUT}, nor does its folder generator/"
            raise GeneratorError(
                f"{path} {state}.\n"
                "  Remedy: give the generator folder of a finished training run, or the run's own folder."
            )
        self.path = found
        self.about: dict[str, Any] = {}
        self.about = self._parsed(ABOUT, self._content(ABOUT), _about)
        version = self.about["format_version"]
        if version > FORMAT_VERSION:
            raise GeneratorError(
                f"{self.path / ABOUT}: its format version {version} is newer than {FORMAT_VERSION}, the "
                f"newest that gtexgen {__version__} reads.\n"
                f"  Remedy: upgrade gtexgen; the generator is by version {self.about.get('gtexgen')}."
            )

    def read(self, name: str, parse: Callable[[bytes], T]) -> T:
        """Read a file, compare its checksum and parse it.

        Raises
        ------
        GeneratorError
            The file is missing, is not the one that was saved, or does not hold what it should; the message
            names it.
        """
        content = self._content(name)
        if hashlib.sha256(content).hexdigest() != self.about["sha256"].get(name):
            raise GeneratorError(
                f"{self.path / name}: its checksum is not the one in {ABOUT}, so it was damaged or changed."
                "\n  Remedy: copy the generator again from where it was trained, or train again."
            )
        return self._parsed(name, content, parse)

    def _content(self, name: str) -> bytes:
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise GeneratorError(
                f"{self.path / name} cannot be read: {error.strerror}."
                "\n  Remedy: copy the generator again from where it was trained, or train again."
            ) from error

    def _parsed(self, name: str, content: bytes, parse: Callable[[bytes], T]) -> T:
        try:
            return parse(content)
        except Exception as error:  # whatever a parser makes of a damaged file, the user is told which file it was
            raise GeneratorError(
                f"{self.path / name} does not hold what it should: {type(error).__name__}: {error}"
            ) from error


def _about(content: bytes) -> dict[str, Any]:
    about: dict[str, Any] = json.loads(content)
    about.setdefault("kind", "networks")  # of those who were written before there was another
    for key, kind in {"format_version": int, "kind": str, "sha256": dict, "units": str, "fingerprint": str}.items():
        if not isinstance(about.get(key), kind):
            raise TypeError(f"{key} must be of type {kind.__name__}, not {about.get(key)!r}")
    return about
