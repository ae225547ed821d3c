from __future__ import annotations

from pathlib import Path

import pytest

from gtexgen.config.resolvers import run_folder
from gtexgen.errors import ConfigError


def test_a_new_run_is_named_after_its_time_model_and_condition() -> None:
    folder = run_folder("outputs", "2026-11-22_10-00-00", "cvae", {"sex": {}, "tissue": {}}, None)
    assert folder == "outputs/train/2026-11-22_10-00-00_cvae_sex_tissue"
    assert run_folder("o", "t", "cvae", {}, None) == "o/train/t_cvae_none"


def test_a_resumed_run_stays_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").touch()
    assert run_folder("outputs", "t", "cvae", {}, str(tmp_path)) == str(tmp_path)


def test_resuming_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no training run in that folder"):
        run_folder("outputs", "t", "cvae", {}, str(tmp_path / "elsewhere"))
