"""One small trained run that several tests look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.console import SMALL_COHORT, SMALL_MODEL, run_well


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder in which ``gtexgen-train condition=tissue_age_sex`` was run on a small cohort."""
    folder = tmp_path_factory.mktemp("trained")
    arguments = [*SMALL_COHORT, *SMALL_MODEL, "condition=tissue_age_sex", "seed=1", "trainer.max_epochs=120"]
    (folder / "stdout").write_text("\n".join(run_well("train", arguments, folder)))
    return folder
