r"""The parameters that the demo cohort was drawn from.

The log2 abundance (TPM) of gene :math:`g` in sample :math:`s`, of subtissue :math:`t` and donor :math:`d`, is

.. math::
    \mu_{tg} + u_d^\top w_g + a_g (\mathrm{age}_d - 50)/10 + b_g (f_d - 1/2) + v_s^\top m_g
    + q_g (\mathrm{RIN}_s - 7) + e_{\mathrm{batch}(s) g} + l_s + \varepsilon_{sg}

with :math:`f_d` 1 for a woman and 0 for a man. Reads are Poisson draws of it (`gtexgen.data.demo.cohort`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from gtexgen.data.atomic import atomic_file
from gtexgen.data.formats.sources import FloatArray
from gtexgen.errors import StoreError

__all__ = ["REFERENCE_AGE", "REFERENCE_RIN", "RIN_SD", "SIZE_FACTOR_SD", "DemoTruth"]

REFERENCE_AGE = 50.0
REFERENCE_RIN = 7.0
RIN_SD = 0.8
SIZE_FACTOR_SD = 0.12


@dataclass(frozen=True)
class DemoTruth:
    """True parameters of a demo cohort, all float32 in log2 TPM unless said otherwise.

    Attributes
    ----------
    genes, subtissues, tissues, donors, samples
        Names: genes ``(G,)``; subtissues and the tissue of each ``(T,)``; donor ids ``(D,)``; sample ids
        ``(N,)``.
    donor_index, subtissue_index, batch_index
        Of each sample, integers ``(N,)``.
    programmes
        Mean of each subtissue at 50 years and RIN 7, half-way between the sexes, ``(T, G)``.
    donor_latent, donor_loadings
        What all samples of one donor share, ``(D, K)`` standard normal and ``(K, G)``.
    donor_years, donor_female
        Age in years and whether a woman (0 or 1), ``(D,)``.
    age_slopes
        Per decade, ``(G,)``.
    sex_effects
        Women minus men, ``(G,)``.
    module_scores, module_loadings
        Co-expression, ``(N, M)`` and ``(M, G)``; a score's variance differs from subtissue to subtissue.
    rin, rin_slopes
        RNA integrity number ``(N,)`` and its effect per unit ``(G,)``.
    batch_effects
        ``(B, G)``.
    size_factors
        Error of normalisation, one shift for all genes of a sample, ``(N,)``.
    library_sizes
        Reads per TPM and kilobase of transcript, ``(N,)``.
    transcript_kb
        Effective transcript length in kilobases, ``(G,)``.
    noise_sd
        Standard deviation of what is left (Student's t with 5 degrees of freedom), ``(G,)``.
    """

    genes: np.ndarray
    subtissues: np.ndarray
    tissues: np.ndarray
    donors: np.ndarray
    samples: np.ndarray
    donor_index: np.ndarray
    subtissue_index: np.ndarray
    batch_index: np.ndarray
    programmes: FloatArray
    donor_latent: FloatArray
    donor_loadings: FloatArray
    donor_years: FloatArray
    donor_female: FloatArray
    age_slopes: FloatArray
    sex_effects: FloatArray
    module_scores: FloatArray
    module_loadings: FloatArray
    rin: FloatArray
    rin_slopes: FloatArray
    batch_effects: FloatArray
    size_factors: FloatArray
    library_sizes: FloatArray
    transcript_kb: FloatArray
    noise_sd: FloatArray

    @property
    def donor_effects(self) -> FloatArray:
        """Shift that all samples of a donor share, apart from age and sex, ``(D, G)``."""
        effects: FloatArray = self.donor_latent @ self.donor_loadings
        return effects

    @property
    def within_donor_correlation(self) -> FloatArray:
        """Correlation ``(G,)`` of two samples of one donor in log2 abundance, given subtissue, sex and age.

        The share of the donor effect in the variance that is left; counting noise is not in it.
        """
        donor = np.square(self.donor_loadings).sum(axis=0)
        modules = np.square(self.module_scores).mean(axis=0) @ np.square(self.module_loadings)
        technical = np.square(self.rin_slopes * RIN_SD) + self.batch_effects.var(axis=0) + SIZE_FACTOR_SD**2
        correlation: FloatArray = donor / (donor + modules + technical + np.square(self.noise_sd))
        return correlation

    def log2_abundance(self) -> FloatArray:
        """Log2 abundance ``(N, G)`` in TPM of every sample before noise and counting."""
        years = (self.donor_years - REFERENCE_AGE) / 10
        by_donor = self.donor_effects + np.outer(years, self.age_slopes)
        by_donor += np.outer(self.donor_female - 0.5, self.sex_effects)
        abundance: FloatArray = self.programmes[self.subtissue_index] + by_donor[self.donor_index]
        abundance += self.module_scores @ self.module_loadings
        abundance += np.outer(self.rin - REFERENCE_RIN, self.rin_slopes)
        abundance += self.batch_effects[self.batch_index]
        abundance += self.size_factors[:, None]
        return abundance

    def save(self, store: str | Path) -> Path:
        """Write the parameters to ``truth/parameters.npz`` in the store's folder and return that path."""
        path = Path(store) / "truth" / "parameters.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as partial, partial.open("wb") as handle:
            np.savez(handle, **{field.name: getattr(self, field.name) for field in fields(self)})
        return path

    @classmethod
    def load(cls, store: str | Path) -> DemoTruth:
        """Read what `save` wrote.

        Raises
        ------
        StoreError
            If the store has no true parameters (it was not made by ``data=demo``) or they are damaged.
        """
        path = Path(store) / "truth" / "parameters.npz"
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls(**{field.name: arrays[field.name] for field in fields(cls)})
        except FileNotFoundError:
            raise StoreError(
                "no true parameters here", path=path, remedy="only a store made by data=demo has them"
            ) from None
        except (KeyError, ValueError, OSError, EOFError, BadZipFile) as error:
            raise StoreError(
                f"damaged: {error}", path=path, remedy="prepare the demo store again (overwrite=true)"
            ) from error
