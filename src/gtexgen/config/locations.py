"""Where the YAML files of ``conf/`` are, whichever way gtexgen was installed."""

from __future__ import annotations

from pathlib import Path

__all__ = ["conf_folder"]

_PACKAGE = Path(__file__).resolve().parents[1]


def conf_folder() -> Path:
    """Return the absolute path of ``conf/``: inside the package in a wheel, at the root of a checkout.

    Raises
    ------
    FileNotFoundError
        If neither is there, which means that the installation is damaged.
    """
    candidates = (_PACKAGE / "conf", _PACKAGE.parents[1] / "conf")
    for folder in candidates:
        if (folder / "train.yaml").is_file():
            return folder
    raise FileNotFoundError(f"no conf/ folder at {' or '.join(map(str, candidates))}; reinstall gtexgen")
