from __future__ import annotations

import numpy as np
import pandas as pd

from gtexgen.report.colouring import MOST_CATEGORIES, Categories, Numbers, colourable, colouring
from gtexgen.report.palette import MISSING, category_colours


def test_categories_keep_their_colours_and_what_is_not_known_is_grey() -> None:
    labels = pd.DataFrame({"tissue": ["Lung", None, "Brain", "Lung"]})
    shown = colouring(labels, "tissue")
    assert isinstance(shown, Categories)
    assert shown.of_sample.tolist() == ["Lung", "unknown", "Brain", "Lung"]
    assert shown.colours == category_colours("tissue", ["Lung", "Brain"]) | {"unknown": MISSING}


def test_many_different_numbers_are_a_scale_even_as_text() -> None:
    numbers = [*map(str, range(20)), None]
    shown = colouring(pd.DataFrame({"rin": numbers}), "rin")
    assert isinstance(shown, Numbers)
    assert (shown.low, shown.high) == (0, 19)
    assert np.isnan(shown.of_sample[-1])


def test_few_different_numbers_are_categories() -> None:
    shown = colouring(pd.DataFrame({"hardy": ["4", "10", "2", "2"]}), "hardy")
    assert isinstance(shown, Categories)
    assert list(shown.colours) == ["2", "4", "10"]


def test_of_too_many_categories_the_rare_ones_are_shown_as_one() -> None:
    donors = [f"donor {number}" for number in range(MOST_CATEGORIES + 5)] + ["donor 64"] * 3
    shown = colouring(pd.DataFrame({"donor_id": donors}), "donor_id")
    assert isinstance(shown, Categories)
    assert len(shown.colours) == MOST_CATEGORIES + 1
    assert shown.colours["others"] == MISSING
    assert (shown.of_sample[-3:] == "donor 64").all()
    assert (shown.of_sample == "others").sum() == 5


def test_columns_that_say_nothing_or_name_single_samples_are_not_offered() -> None:
    n = 100
    labels = pd.DataFrame(
        {
            "donor_id": [f"donor {number}" for number in range(n)],
            "batch": "one",
            "tissue": ["Lung", "Liver"] * (n // 2),
            "rin": np.linspace(5, 9, n),
        }
    )
    assert colourable(labels, "tissue") == ["tissue", "rin"]
    assert colourable(labels, "donor_id") == ["donor_id", "tissue", "rin"]
