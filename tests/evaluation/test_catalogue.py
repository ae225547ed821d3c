"""The catalogue lists what is measured, no more and no less."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from gtexgen.evaluation.catalogue import METRICS, QUESTIONS, metrics_of
from gtexgen.evaluation.evaluate import CandidateScores, count_steps, score_candidate
from gtexgen.evaluation.feature_space import FeatureSpace
from gtexgen.evaluation.reference import Candidate, Latents, Reference
from gtexgen.evaluation.samples import Samples

TISSUES = np.array(["Lung", "Skin", "Colon"], object)


def cohort(seed: int, n: int = 150) -> Samples:
    """Donors who give each of three tissues, of two halves each; sex and age tell nothing."""
    rng = np.random.default_rng(seed)
    donor, tissue = np.repeat(np.arange(n // 3), 3), np.tile(np.arange(3), n // 3)
    own = rng.normal(size=(n // 3, 12))[donor]
    expression = 6 + 2 * np.eye(3, 12)[tissue] + own + rng.normal(size=(n, 12))
    labels = pd.DataFrame(
        {
            "donor_id": [f"{seed}-{number}" for number in donor],
            "tissue": TISSUES[tissue],
            "subtissue": TISSUES[tissue] + np.array([" left", " right"], object)[rng.integers(0, 2, n)],
            "sex": np.array(["female", "male"], object)[donor % 2],
            "age": np.array(["20-29", "60-69"], object)[donor // 2 % 2],
        }
    )
    return Samples(expression.astype(np.float32), labels)


TRAINING, HELD_OUT, TABLE = cohort(0), cohort(1), cohort(3)
REFERENCE = Reference(TRAINING, HELD_OUT, cohort(2), FeatureSpace.fit(TRAINING.expression, 5), "tissue")


@pytest.fixture(scope="module")
def steps() -> list[str]:
    return []


@pytest.fixture(scope="module")
def complete(steps: list[str]) -> CandidateScores:
    """All of a candidate that has tables, donors and latents."""
    latents = Latents(HELD_OUT.expression[:, :3].astype(np.float64), HELD_OUT.labels)
    candidate = Candidate("it", [lambda: TABLE], bodies=lambda: TABLE, latents=latents)
    found = score_candidate(candidate, REFERENCE, resamples=6, seed=0, step=steps.append)
    assert len(steps) == count_steps(candidate)
    return found


def test_all_that_is_in_the_catalogue_is_measured_and_all_that_is_measured_is_in_it(complete: CandidateScores) -> None:
    assert list(complete.scores) == list(METRICS)
    undefined = {key: score.why for key, score in complete.scores.items() if score.value is None}
    assert not undefined


def test_every_figure_has_an_interval_or_is_of_the_one_latent_space(complete: CandidateScores) -> None:
    without = {key for key, score in complete.scores.items() if score.low is None}
    assert not without - {metric.key for metric in metrics_of("latents")}


def test_what_a_candidate_lacks_is_undefined_with_the_reason() -> None:
    bare = Samples(TABLE.expression, TABLE.labels[["tissue"]])
    found = score_candidate(
        Candidate("it", [lambda: bare], private_draws=()), REFERENCE, resamples=0, seed=0, step=lambda _: None
    )
    why = {key: score.why for key, score in found.scores.items() if score.value is None}
    lacking: Sequence[str] = [
        metric.key for question in ("privacy", "donors", "latents") for metric in metrics_of(question)
    ]
    assert why.keys() == {*lacking, "subtissue_transfer", "sex_transfer", "age_transfer"}
    assert all(sentence and len(sentence) > 10 for sentence in why.values())
    assert not any(score.low for score in found.scores.values())


def test_a_table_that_shares_no_condition_is_not_compared() -> None:
    strange = Samples(TABLE.expression, TABLE.labels[["tissue"]].replace(dict.fromkeys(TISSUES, "Brain")))
    found = score_candidate(Candidate("it", [lambda: strange]), REFERENCE, resamples=4, seed=0, step=lambda _: None)
    for question in ("genes", "samples"):
        for metric in metrics_of(question):
            assert "only 0 of its samples" in str(found.scores[metric.key].why)
    assert found.scores["domias_auc"].value is None
    assert found.scores["nearest_ratio"].value is None


def test_several_tables_count_alike() -> None:
    single = [
        score_candidate(Candidate("it", [draw]), REFERENCE, resamples=0, seed=seed, step=lambda _: None)
        for seed, draw in enumerate((lambda: TABLE, lambda: HELD_OUT))
    ]
    both = score_candidate(
        Candidate("it", [lambda: TABLE, lambda: HELD_OUT]), REFERENCE, resamples=0, seed=0, step=lambda _: None
    )
    assert both.scores["coverage"].tables == 2
    for key in ("mean_error", "coverage", "detection_auc", "tissue_transfer", "copies"):
        values = [of.scores[key].value or 0 for of in single]
        assert both.scores[key].value == pytest.approx(np.mean(values))


def test_every_metric_answers_a_question_and_has_a_place_on_its_scale() -> None:
    assert {metric.question for metric in METRICS.values()} == set(QUESTIONS)
    for key, metric in METRICS.items():
        assert metric.key == key
        assert metric.better in {"high", "low", "near"}
        assert metric.meaning
    titles = [metric.title for metric in METRICS.values()]
    assert len({*titles}) == len(titles)
