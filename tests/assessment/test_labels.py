"""The tissue follows from the subtissue where that is of one tissue only."""

from __future__ import annotations

import pandas as pd

from gtexgen.assessment.labels import add_tissue, implied_labels, tissue_of_subtissue

SAMPLES = pd.DataFrame(
    {
        "tissue": ["Brain", "Brain", "Skin", "Blood", "Lung", None],
        "subtissue": ["Cortex", "Cortex", "Cells", "Cells", None, "Nowhere"],
    },
    dtype="str",
)


def test_a_subtissue_of_two_tissues_tells_neither() -> None:
    assert tissue_of_subtissue(SAMPLES) == {"Cortex": "Brain"}


def test_the_tissue_is_added_where_every_subtissue_tells_it() -> None:
    labels = pd.DataFrame({"subtissue": ["Cortex", "Cortex"]}, dtype="str")
    assert add_tissue(labels, {"Cortex": "Brain"})["tissue"].tolist() == ["Brain", "Brain"]
    assert "tissue" not in labels


def test_labels_stay_as_they_are_where_a_tissue_is_unknown_or_told() -> None:
    unknown = pd.DataFrame({"subtissue": ["Cortex", "Cells"]}, dtype="str")
    told = pd.DataFrame({"subtissue": ["Cortex"], "tissue": ["Nerve"]}, dtype="str")
    none = pd.DataFrame({"sex": ["male"]}, dtype="str")
    for labels in (unknown, told, none):
        assert add_tissue(labels, {"Cortex": "Brain"}).equals(labels)


def test_a_subtissue_implies_its_tissue_where_it_has_one() -> None:
    samples = pd.DataFrame({"subtissue": ["Cortex", "Blood", None], "tissue": ["Brain", "Blood", "Lung"]})
    assert implied_labels(["subtissue", "sex"], samples) == ["tissue"]
    assert implied_labels(["tissue", "subtissue"], samples) == []
    assert implied_labels(["sex"], samples) == []
    shared = pd.DataFrame({"subtissue": ["Left", "Left"], "tissue": ["Heart", "Lung"]})
    assert implied_labels(["subtissue"], shared) == []
