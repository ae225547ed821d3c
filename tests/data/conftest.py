"""Fixtures of the data room."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gtexgen.data.genes import gene_table
from gtexgen.data.store import ExpressionStore
from gtexgen.data.store_writer import write_store


@pytest.fixture(scope="session")
def grouped_store_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 137 samples of 5 genes in row groups of 11; sample i has 1000 i + g for gene g."""
    path = tmp_path_factory.mktemp("grouped") / "store"
    n = 137
    rng = np.random.default_rng(0)
    donors = rng.integers(0, 40, n)
    samples = pd.DataFrame(
        {
            "sample_id": [f"D{donor}-S{i}" for i, donor in enumerate(donors)],
            "donor_id": [f"D{donor}" for donor in donors],
            "tissue": rng.choice(["Lung", "Liver", "Brain"], n),
            "subtissue": None,
            "sex": np.array(["male", "female"])[donors % 2],
            "age": np.array(["20-29", "50-59", "60-69"])[donors % 3],
        }
    )
    values = 1000 * np.arange(n)[:, None] + np.arange(5)
    write_store(
        path,
        [values.astype(np.float32)],
        major="samples",
        genes=gene_table([f"G{g}" for g in range(5)], [f"G{g}" for g in range(5)]),
        samples=samples,
        units="TPM",
        source={},
        row_group_rows=11,
    )
    return path


@pytest.fixture(scope="session")
def grouped_store(grouped_store_path: Path) -> ExpressionStore:
    """The same, opened."""
    return ExpressionStore.open(grouped_store_path)
