"""A small store of demo samples."""

from __future__ import annotations

import pytest

from gtexgen.data.store import ExpressionStore
from support.judged import fit_small


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> ExpressionStore:
    """Sixty donors of 400 samples and 60 genes."""
    return fit_small(tmp_path_factory.mktemp("store")).store
