"""An embedding as one page for a browser: nothing is fetched from anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.data.tables.base import SAMPLE_ID
from gtexgen.report.colouring import colourable
from gtexgen.report.interactive.embedding import embedding_figure
from gtexgen.report.palette import candidate_styles
from gtexgen.report.plots import Plot
from gtexgen.report.rendering import render_page

__all__ = ["embedding_page"]

FloatArray: TypeAlias = npt.NDArray[np.floating]


def embedding_page(
    coordinates: FloatArray,
    labels: pd.DataFrame,
    kinds: Sequence[str],
    colour: str,
    *,
    axes: Sequence[str],
    title: str,
    sentences: Sequence[str],
    provenance: Mapping[str, Any],
) -> str:
    """Give the page of an embedding, in which a list chooses the column that colours and buttons hide kinds.

    Parameters
    ----------
    coordinates, labels, kinds, axes
        As `gtexgen.report.interactive.embedding.embedding_figure` takes them.
    colour
        The column that colours at first.
    title
        Its heading.
    sentences
        What stands below the heading.
    provenance
        What made it: plain values.
    """
    columns = colourable(labels.drop(columns=SAMPLE_ID, errors="ignore"), colour)
    styles = candidate_styles(dict.fromkeys(kinds))
    plot = Plot(
        "embedding",
        "Samples",
        f"{title}: {len(labels)} samples in {coordinates.shape[1]} dimensions, coloured by {colour}",
        {column: embedding_figure(coordinates, labels, kinds, column, axes=axes) for column in columns},
        choice="Colour" if len(columns) > 1 else "",
        parts={kind: f"{style.sign} {kind}" for kind, style in styles.items()} if len(styles) > 1 else {},
    )
    known = {name: value for name, value in provenance.items() if value is not None}
    content = {"title": title, "sentences": sentences, "plot": plot, "provenance": known}
    return render_page("embedding.html.j2", content)
