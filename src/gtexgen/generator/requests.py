"""From what a user asks for to the bodies whose samples networks will draw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gtexgen.data.scaling import Scaling
from gtexgen.data.tables.reading import read_sample_table
from gtexgen.errors import GeneratorError
from gtexgen.generator.bodies import DONOR_ID, Tissues, missing_bodies, synthetic_bodies
from gtexgen.generator.calibration import Calibration
from gtexgen.generator.donors import Donors
from gtexgen.generator.given import GivenDonors, expression_of
from gtexgen.generator.sampling import draw_bodies
from gtexgen.generator.synthetic import SyntheticSamples, synthetic_samples
from gtexgen.generator.tally import SEX, tissue_column

if TYPE_CHECKING:
    from gtexgen.generator.networks import NetworkGenerator

__all__ = ["completed_samples", "donor_samples"]


def donor_samples(model: NetworkGenerator, n: int, tissues: Tissues, *, seed: int, noise: bool) -> SyntheticSamples:
    """Prepare what `gtexgen.generator.Generator.sample_donors` gives."""
    donors = _known_donors(model)
    bodies = synthetic_bodies(donors.tally, n, tissues, seed=seed)
    chunks = draw_bodies(model, donors.model, bodies, seed=seed, noise=noise)
    return synthetic_samples(model, bodies.columns, chunks, seed=seed, noise=noise)


def completed_samples(
    model: NetworkGenerator, given: pd.DataFrame | str | Path, tissues: Tissues, *, draws: int, seed: int, noise: bool
) -> SyntheticSamples:
    """Prepare what `gtexgen.generator.Generator.complete` gives."""
    donors = _known_donors(model)
    known = _given(model, donors, given)
    bodies = missing_bodies(donors.tally, known.donors, known.samples, tissues, draws=draws, seed=seed)
    chunks = draw_bodies(model, donors.model, bodies, known, seed=seed, noise=noise)
    return synthetic_samples(model, bodies.columns, chunks, seed=seed, noise=noise)


def _given(model: NetworkGenerator, donors: Donors, given: pd.DataFrame | str | Path) -> GivenDonors:
    if isinstance(given, pd.DataFrame):
        path, table = None, given
    else:
        path = Path(given)
        table = read_sample_table(path, list(dict.fromkeys([DONOR_ID, SEX, *model.fields])), model.genes)
    expression = expression_of(table, model.labels, model.units, path)
    donor_fields = donors.tally.donor_fields
    known = GivenDonors.of(table, expression, encoder=model.encoder, donor_fields=donor_fields, path=path)
    if model.calibration is None or model.calibration.sexes is None:
        return known
    return _with_sexes(known, model.calibration, model.scaling)


def _with_sexes(known: GivenDonors, calibration: Calibration, scaling: Scaling) -> GivenDonors:
    """Give donors whose sex nobody says the one that their genes say, where these tell it."""
    if known.donors[SEX].notna().all():
        return known
    columns = {str(name): values.to_numpy(object) for name, values in known.samples.items()}
    likeness = pd.Series(calibration.likeness_to_men(scaling.scale(known.expression), columns))
    of_donor = likeness.groupby(known.samples["donor"]).mean()
    said = pd.Series(np.where(of_donor > 0, "male", "female"), dtype="str").mask(of_donor.isna())
    return replace(known, donors=known.donors.assign(**{SEX: known.donors[SEX].fillna(said)}))


def _known_donors(model: NetworkGenerator) -> Donors:
    if tissue_column(model.fields) is None:
        raise GeneratorError(
            "This generator cannot tell the tissues of a body apart: "
            f"its condition columns are {', '.join(model.fields) or 'none'}.\n"
            "  Remedy: train with condition=tissue, subtissue, tissue_age_sex or the like."
        )
    if model.donors is None:
        raise GeneratorError(
            "This generator does not know what the samples of one donor share: an older gtexgen made it, or fewer "
            "than two of its training donors gave two tissues.\n"
            "  Remedy: train again, on donors who gave several tissues."
        )
    return model.donors
