"""Labels that follow from others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

__all__ = ["add_tissue", "implied_labels", "tissue_of_subtissue"]


def tissue_of_subtissue(samples: pd.DataFrame) -> dict[str, str]:
    """Give the tissue of each subtissue that is of one tissue only, by the samples table of a store."""
    pairs = samples[["subtissue", "tissue"]].dropna().drop_duplicates()
    single = pairs[~pairs["subtissue"].duplicated(keep=False)]
    return dict(zip(single["subtissue"], single["tissue"], strict=True))


def implied_labels(fields: Sequence[str], samples: pd.DataFrame) -> list[str]:
    """Name the labels that `fields` imply: the tissue, where each subtissue is of one."""
    if "tissue" in fields or "subtissue" not in fields:
        return []
    return ["tissue"] if samples["subtissue"].dropna().isin(tissue_of_subtissue(samples)).all() else []


def add_tissue(labels: pd.DataFrame, tissue_of: Mapping[str, str]) -> pd.DataFrame:
    """Add the tissue where only the subtissue is told; a subtissue of an unknown tissue leaves all without."""
    if "tissue" in labels or "subtissue" not in labels:
        return labels
    tissue = labels["subtissue"].map(tissue_of)
    return labels if tissue.isna().any() else labels.assign(tissue=tissue.astype("str"))
