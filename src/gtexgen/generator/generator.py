"""The generator: a fitted model that gives synthetic samples, one by one or body by body."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from gtexgen.errors import GeneratorError
from gtexgen.generator.bodies import Tissues
from gtexgen.generator.counts import Counts, resolve_counts
from gtexgen.generator.fitted import FittedModel
from gtexgen.generator.synthetic import Chunk, SyntheticSamples, synthetic_samples

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["Generator"]


class Generator(FittedModel):
    """A trained model that gives synthetic samples; see `gtexgen.generator.fitted.FittedModel` for what it holds.

    It is a `gtexgen.generator.networks.NetworkGenerator` or a `gtexgen.generator.baseline.BaselineGenerator`; a
    baseline gives single samples alone.

    Examples
    --------
    >>> generator = Generator.load("outputs/latest")
    >>> samples = generator.sample({"Lung": 200, "Liver": 50}, seed=1)
    >>> bodies = generator.sample_donors(100, ["Lung", "Liver"], seed=1)
    """

    extrapolates: ClassVar[bool]
    """Whether it gives samples of combinations of conditions that no training sample has."""

    # ---- single samples

    def iter_samples(
        self, counts: Counts = "training", *, seed: int = 0, noise: bool = True, allow_unseen: bool = False
    ) -> Iterator[Chunk]:
        """Draw synthetic samples chunk by chunk, in bounded memory.

        The size of a chunk depends on the number of genes alone, so one seed gives one table, whatever it is
        written to.

        Parameters
        ----------
        counts
            How many samples of what (`gtexgen.generator.counts.resolve_counts`).
        seed
            Seeds the latents, the noise and the conditions that `counts` leaves open.
        noise
            Draw from the likelihood; otherwise give its mean, so that only the latents vary. Without noise a baseline
            gives the mean of the class on log2(x + 1).
        allow_unseen
            Accept combinations of known conditions that no training sample has; a baseline refuses.

        Yields
        ------
        samples
            Columns ``sample_id`` and the condition columns.
        expression
            Shape ``(samples, genes)``, float32, in store units, from 0 to the gene's largest value in training.

        Raises
        ------
        GeneratorError
            `counts` cannot be met, or the model gives a value that is not finite.
        """
        return self._single_samples(counts, seed=seed, noise=noise, allow_unseen=allow_unseen).chunks

    def sample(
        self, counts: Counts = "training", *, seed: int = 0, noise: bool = True, allow_unseen: bool = False
    ) -> pd.DataFrame:
        """Draw synthetic samples as a table; see `iter_samples` for the parameters.

        Returns
        -------
        pandas.DataFrame
            Columns ``sample_id``, the condition columns, then one float32 column a gene, by label.
        """
        return self._single_samples(counts, seed=seed, noise=noise, allow_unseen=allow_unseen).table()

    def sample_anndata(
        self, counts: Counts = "training", *, seed: int = 0, noise: bool = True, allow_unseen: bool = False
    ) -> AnnData:
        """Draw synthetic samples as AnnData; see `iter_samples` for the parameters.

        Returns
        -------
        anndata.AnnData
            X in store units; obs with the condition columns; var by label with ``gene_id`` and ``symbol``;
            the units in ``uns["units"]``.
        """
        return self._single_samples(counts, seed=seed, noise=noise, allow_unseen=allow_unseen).anndata()

    def write(
        self,
        path: str | Path,
        counts: Counts = "training",
        *,
        seed: int = 0,
        noise: bool = True,
        allow_unseen: bool = False,
        progress: Callable[[int], object] | None = None,
    ) -> pd.DataFrame:
        """Draw synthetic samples straight into a file.

        See `iter_samples` for what is drawn, and `gtexgen.generator.synthetic.SyntheticSamples.write` for the file, the
        progress and the table of counts that comes back.
        """
        return self._single_samples(counts, seed=seed, noise=noise, allow_unseen=allow_unseen).write(path, progress)

    def _single_samples(self, counts: Counts, *, seed: int, noise: bool, allow_unseen: bool) -> SyntheticSamples:
        if allow_unseen and not self.extrapolates:
            raise GeneratorError(
                f"allow_unseen=true: this generator is a {self.title}, and has no mean to draw around for a "
                "combination of conditions that no training sample has.\n  Remedy: ask for the combinations in "
                "conditions.json, train with fewer conditions, or train networks (model=cvae), which extrapolate."
            )
        wanted = resolve_counts(counts, self.training_counts, self.fields, seed=seed, allow_unseen=allow_unseen)
        return synthetic_samples(self, self.fields, self._draw(wanted, seed=seed, noise=noise), seed=seed, noise=noise)

    # ---- whole bodies

    def sample_donors(self, n: int, tissues: Tissues = None, *, seed: int = 0, noise: bool = True) -> pd.DataFrame:
        """Draw synthetic donors who give several tissues each, as much alike as those of real donors.

        Parameters
        ----------
        n
            How many donors.
        tissues
            The tissues that each gives (`gtexgen.generator.bodies.synthetic_bodies`); None: those of a random training
            donor; ``"all"``: all that the donor's sex can have.
        seed
            Seeds the latents, the noise and the conditions.
        noise
            Draw from the likelihood; otherwise give its mean, so that only the latents vary.

        Returns
        -------
        pandas.DataFrame
            Columns ``sample_id``, ``donor_id``, the condition columns, then one float32 column a gene, by label.

        Raises
        ------
        GeneratorError
            The generator knows nothing of donors or of their tissues, or no donor can have the tissues asked for.
        """
        return self._donor_samples(n, tissues, seed=seed, noise=noise).table()

    def write_donors(
        self,
        path: str | Path,
        n: int,
        tissues: Tissues = None,
        *,
        seed: int = 0,
        noise: bool = True,
        progress: Callable[[int], object] | None = None,
    ) -> pd.DataFrame:
        """Draw synthetic donors straight into a file; see `sample_donors` and `write`."""
        return self._donor_samples(n, tissues, seed=seed, noise=noise).write(path, progress)

    def complete(
        self,
        given: pd.DataFrame | str | Path,
        tissues: Tissues = None,
        *,
        draws: int = 20,
        seed: int = 0,
        noise: bool = True,
    ) -> pd.DataFrame:
        """Draw the tissues that real donors lack, given those that they have.

        The spread over the draws is the uncertainty; the mean over them is the best guess.

        Parameters
        ----------
        given
            Samples in rows: ``donor_id`` (or GTEx's sample ids in ``sample_id``, which begin with it), the condition
            columns, ``sex`` where it is known (elsewhere genes that tell the sexes apart say it, where they can), and a
            column a gene by label, in store units. Or the path of such a table
            (`gtexgen.data.tables.reading.read_sample_table`).
        tissues
            The tissues to give, of those that a donor lacks and its sex can have; None: all of these.
        draws
            How often each is drawn.
        seed
            Seeds the latents and the noise.
        noise
            Draw from the likelihood; otherwise give its mean, which leaves out what single genes have in common.

        Returns
        -------
        pandas.DataFrame
            Columns ``sample_id``, ``donor_id``, the condition columns, ``draw``, then one float32 column a gene.

        Raises
        ------
        DataError
            The table lacks a column, or holds a value that is no expression, condition, sex or donor; or a donor
            contradicts itself.
        GeneratorError
            The generator knows nothing of donors or of their tissues, or nothing is missing.
        """
        return self._completed_samples(given, tissues, draws=draws, seed=seed, noise=noise).table()

    def write_completion(
        self,
        path: str | Path,
        given: pd.DataFrame | str | Path,
        tissues: Tissues = None,
        *,
        draws: int = 20,
        seed: int = 0,
        noise: bool = True,
        progress: Callable[[int], object] | None = None,
    ) -> pd.DataFrame:
        """Draw the tissues that real donors lack straight into a file; see `complete` and `write`."""
        return self._completed_samples(given, tissues, draws=draws, seed=seed, noise=noise).write(path, progress)

    # ---- latents

    @abstractmethod
    def encode(self, table: pd.DataFrame) -> np.ndarray:
        """Place samples in the latent space; see `gtexgen.generator.networks.NetworkGenerator.encode`."""

    @abstractmethod
    def decode(self, latent: np.ndarray, conditions: pd.DataFrame) -> pd.DataFrame:
        """Give the expected expression at points of the latent space; see `NetworkGenerator.decode`."""

    # ---- what each kind of model draws

    @property
    @abstractmethod
    def knows_donors(self) -> bool:
        """Whether it gives whole donors: `sample_donors`, `complete` and what writes them."""

    @abstractmethod
    def _draw(self, wanted: pd.DataFrame, *, seed: int, noise: bool) -> Iterator[Chunk]: ...

    @abstractmethod
    def _donor_samples(self, n: int, tissues: Tissues, *, seed: int, noise: bool) -> SyntheticSamples: ...

    @abstractmethod
    def _completed_samples(
        self, given: pd.DataFrame | str | Path, tissues: Tissues, *, draws: int, seed: int, noise: bool
    ) -> SyntheticSamples: ...
