"""The fitted artefact: what every generator holds besides the model itself, in memory and in its folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from gtexgen.data.conditions import ConditionEncoder
from gtexgen.data.scaling import Scaling
from gtexgen.data.splits import Split
from gtexgen.data.tables.base import name_some
from gtexgen.errors import GeneratorError
from gtexgen.generator.files import pack, unpack
from gtexgen.generator.folder import GeneratorFolder, write_folder
from gtexgen.generator.model_card import CardDetails, model_card

__all__ = ["FittedModel", "chunk_rows"]

CHUNK_BYTES = 64 * 2**20


def chunk_rows(n_genes: int) -> int:
    """Give the most samples that are held at a time; they depend on the number of genes alone."""
    return min(1024, max(16, CHUNK_BYTES // (4 * n_genes)))


@dataclass(kw_only=True, eq=False, repr=False)
class FittedModel(ABC):
    """A trained model with all that it takes to use it; each kind of model adds its own.

    Parameters
    ----------
    encoder
        Encodes the condition columns.
    scaling
        Takes store units to the model's scale and back.
    genes
        Columns ``label``, ``gene_id``, ``version`` and ``symbol``; one row a gene, in the model's order.
    units
        Store units: TPM, RPKM or counts.
    fingerprint
        Of the expression store it was trained on.
    training_counts
        Number of training samples of each condition combination (`gtexgen.generator.counts.count_combinations`).
    split
        Which samples were trained on and which were held out.
    metrics
        Held-out metrics by name.
    settings
        The run's resolved configuration, for the record.
    """

    encoder: ConditionEncoder
    scaling: Scaling
    genes: pd.DataFrame
    units: str
    fingerprint: str
    training_counts: pd.DataFrame
    split: Split
    metrics: Mapping[str, float]
    settings: Mapping[str, Any] = field(default_factory=dict)

    kind: ClassVar[str]
    """What ``generator.json`` calls the model."""

    _kinds: ClassVar[dict[str, type[FittedModel]]] = {}

    def __init_subclass__(cls, *, kind: str | None = None) -> None:
        super().__init_subclass__()
        if kind is not None:
            cls.kind = kind
            FittedModel._kinds[kind] = cls

    def __post_init__(self) -> None:
        largest = self.scaling.largest
        self._largest = None if largest is None else largest.astype(np.float32)

    def __repr__(self) -> str:
        conditions = ", ".join(self.fields) or "none"
        return (
            f"Generator({len(self.genes)} genes in {self.units}, conditions: {conditions}, "
            f"{self.title}, {self.training_counts['n'].sum()} training samples)"
        )

    @property
    def fields(self) -> list[str]:
        """Names of the condition columns, in their order."""
        return list(self.encoder.fields)

    @property
    def labels(self) -> list[str]:
        """Gene labels, in the model's order."""
        return [str(label) for label in self.genes["label"]]

    # ---- what each kind of model adds

    @property
    @abstractmethod
    def title(self) -> str:
        """Say in a few words what the model is."""

    @abstractmethod
    def card_details(self) -> CardDetails:
        """Give what the model card says of this kind of model."""

    @abstractmethod
    def pack_model(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Give what ``config.yaml`` says of the model, and the contents of its own files by name."""

    @classmethod
    @abstractmethod
    def unpack_model(cls, folder: GeneratorFolder, shared: Mapping[str, Any]) -> dict[str, Any]:
        """Read the fields that this kind of model adds to the shared ones.

        Raises
        ------
        GeneratorError
            A file is missing or damaged, or does not fit the others; the message names it.
        """

    @abstractmethod
    def move_to(self, device: str) -> None:
        """Put the model where it is to run, as Torch names it; a `RuntimeError` says that it cannot be there."""

    # ---- files

    @classmethod
    def load(cls, path: str | Path, *, device: str = "cpu") -> Self:
        """Load a generator folder, or the folder of a training run that holds one.

        Parameters
        ----------
        path
            The folder.
        device
            Where networks run, as Torch names it; a baseline has none and runs on the CPU.

        Returns
        -------
        Generator
            Of the kind that the folder holds.

        Raises
        ------
        GeneratorError
            The folder or one of its files is missing, damaged or of a newer format, holds another kind of model than
            the class it is loaded by, or there is no such device.
        """
        folder = GeneratorFolder(path)
        found = cls._kinds.get(folder.about["kind"])
        if found is None or not issubclass(found, cls):
            known = ", ".join(name for name, each in cls._kinds.items() if issubclass(each, cls))
            raise GeneratorError(
                f"{folder.path} holds a generator of the kind {folder.about['kind']!r}; known here: {known}.\n"
                "  Remedy: Generator.load, with the version of gtexgen that made it or a newer one."
            )
        shared = unpack(folder)
        generator = found(**shared, **found.unpack_model(folder, shared))
        try:
            generator.move_to(device)
        except (RuntimeError, AssertionError) as error:
            raise GeneratorError(f"device={device!r} cannot be used: {error}\n  Remedy: device=cpu.") from error
        return generator

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the generator folder; it gets its name only once it is complete.

        Parameters
        ----------
        path
            The folder to make.
        overwrite
            Replace a generator that is already there.
        """
        about = {"kind": self.kind, "units": self.units, "fingerprint": self.fingerprint, "n_genes": len(self.genes)}
        write_folder(path, pack(self), about, model_card(self), overwrite=overwrite)

    def to_store_units(self, scaled: np.ndarray) -> np.ndarray:
        """Undo the scaling and keep each gene between 0 and the largest value that it had in training.

        A Gaussian has no end, and a few of its draws would be impossible values: negative, or many times over what
        any body was seen to express once the logarithm is undone.

        Parameters
        ----------
        scaled
            ``(samples, genes)`` on the model's scale.

        Returns
        -------
        numpy.ndarray
            ``(samples, genes)``, float32.

        Raises
        ------
        GeneratorError
            A value is not finite.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            expression = self.scaling.unscale(scaled)
        if not np.isfinite(expression).all():
            genes = np.flatnonzero(~np.isfinite(expression).all(axis=0))
            raise GeneratorError(
                f"The model gives values that are not finite for {len(genes)} of the {len(self.genes)} "
                f"genes: {name_some([self.labels[gene] for gene in genes])}.\n"
                "  Remedy: train again; networks with a lower learning rate or for fewer epochs."
            )
        clipped: np.ndarray = np.clip(expression, 0, self._largest)
        return clipped
