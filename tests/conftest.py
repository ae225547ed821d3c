"""Fixtures that several rooms share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real GTEx values, or a skip that says how to provide it."""
    folder = os.environ.get("GTEXGEN_REAL_DATA")
    if folder is None:
        pytest.skip("GTEXGEN_REAL_DATA is not set: it names a folder of real GTEx values")
    return Path(folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the README's commands, the longest tests: at the end one process would be left with them alone."""
    items.sort(key=lambda item: item.path.name != "test_readme.py")
