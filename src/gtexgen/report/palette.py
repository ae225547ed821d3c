"""The colour of every category and the look of every kind of samples, the same in all figures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import cycle

from gtexgen.report.gtex_colours import SUBTISSUES, TISSUES

__all__ = ["MISSING", "OUTLINE", "Style", "candidate_styles", "category_colours", "ordered_categories", "outline"]

OUTLINE = "#404040"
"""The thin line around markers, without which GTEx's yellow Brain could not be seen on white."""
MISSING = "#BBBBBB"
"""The colour of samples whose category is not known."""

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
"""Okabe and Ito 2008, *Color Universal Design*, without black, which a dark page would hide."""
TOL_MUTED = ("#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255", "#AA4499")
"""Paul Tol's *Colour schemes* (SRON/EPS/TN/09-002), muted."""
VIRIDIS = ("#440154", "#482677", "#3F4A8A", "#31678E", "#26838F", "#1F9D8A", "#6CCE5A", "#B6DE2B", "#FEE825")
"""Steps of viridis, which rise in lightness for every kind of colour vision."""

LUMA = (0.2126, 0.7152, 0.0722)
DARK = 80
"""The luma, of 255, below which a colour is dark."""

SEXES = {"female": "#E69F00", "male": "#0072B2"}
BRACKET = re.compile(r"\d+\s*(?:-\s*\d+|\+)")


@dataclass(frozen=True)
class Style:
    """How samples of one kind are drawn.

    Attributes
    ----------
    colour
        Where colour does not stand for a category, ``#RRGGBB``.
    marker
        Its name in Matplotlib.
    symbol
        Its name in Plotly, one that two and three dimensions both have.
    """

    colour: str
    marker: str
    symbol: str

    @property
    def sign(self) -> str:
        """The symbol as a character, for the text of a page."""
        return SIGNS[self.symbol]


SIGNS = {
    "circle": "\N{BLACK CIRCLE}",
    "circle-open": "\N{WHITE CIRCLE}",
    "cross": "\N{HEAVY GREEK CROSS}",
    "diamond": "\N{BLACK DIAMOND}",
    "diamond-open": "\N{WHITE DIAMOND}",
    "square": "\N{BLACK SQUARE}",
    "square-open": "\N{WHITE SQUARE}",
    "x": "\N{HEAVY MULTIPLICATION X}",
}

STYLES: dict[str, Style] = {
    "real": Style("#0072B2", "o", "circle"),
    "synthetic": Style("#D55E00", "D", "diamond"),
    "generated": Style("#CC79A7", "P", "cross"),
    "reconstructed": Style("#56B4E9", "s", "square"),
    "class_gaussian": Style("#E69F00", "s", "square"),
    "gaussian_copula": Style("#009E73", "P", "cross"),
    "noisy_bootstrap": Style("#882255", "X", "x"),
}
"""Kinds and candidates by name."""
SPARE = (
    Style("#009E73", "^", "diamond-open"),
    Style("#882255", "v", "square-open"),
    Style("#999933", "<", "circle-open"),
    Style("#332288", ">", "x"),
)
"""For candidates of other names, in turn."""


KNOWN: Mapping[str, Mapping[str, str]] = {
    "tissue": TISSUES,
    "subtissue": SUBTISSUES,
    "sex": SEXES,
    "kind": {kind: style.colour for kind, style in STYLES.items()},
}
"""The colours of categories by label."""


def candidate_styles(names: Iterable[str]) -> dict[str, Style]:
    """Give how each kind or candidate is drawn: by colour and by marker, so that neither is needed alone."""
    names = list(names)
    spare = cycle(SPARE)
    others = {name: next(spare) for name in sorted(set(names) - STYLES.keys())}
    return {name: STYLES.get(name) or others[name] for name in names}


def outline(colour: str) -> str:
    """Give the line around a marker: darker than a light colour, lighter than a dark one, on any page seen.

    It has the hue of the marker, so that many small ones that overlap still show their colour.
    """
    channels = [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
    light = sum(weight * channel for weight, channel in zip(LUMA, channels, strict=True)) > DARK
    mixed = [round(0.72 * channel) if light else round(channel + 0.28 * (255 - channel)) for channel in channels]
    return "#" + "".join(f"{channel:02X}" for channel in mixed)


def category_colours(column: str, categories: Iterable[str]) -> dict[str, str]:
    """Give each category of a label its colour, in the order of a legend.

    GTEx's tissues and subtissues have the colours of its portal, whatever else is there; brackets of age, or of any
    other number, are steps of viridis from young to old; all else takes the colours that are safe for colour-blind
    readers in turn, in the order of the names.

    Parameters
    ----------
    column
        Which label: ``tissue``, ``subtissue``, ``sex``, ``age``, ``kind`` or a column of the user's own.
    categories
        Its values, repeated or not.

    Returns
    -------
    dict
        ``#RRGGBB`` by category.
    """
    ordered = ordered_categories(categories)
    if ordered and all(map(BRACKET.fullmatch, ordered)):
        return dict(zip(ordered, _steps(len(ordered)), strict=True))
    known = KNOWN.get(column, {})
    spare = cycle(dict.fromkeys(OKABE_ITO + TOL_MUTED))
    return {category: known.get(category) or next(spare) for category in ordered}


def ordered_categories(categories: Iterable[str]) -> list[str]:
    """Sort categories by the number they begin with, where all of them do, otherwise by name."""
    distinct = set(categories)
    numbers = {category: re.match(r"-?\d+(?:\.\d+)?", category) for category in distinct}
    if all(numbers.values()):
        return sorted(distinct, key=lambda category: (float(numbers[category][0]), category))  # type: ignore[index]
    return sorted(distinct)


def _steps(n: int) -> list[str]:
    """Spread `n` colours over viridis."""
    last = len(VIRIDIS) - 1
    return [VIRIDIS[round(step * last / max(n - 1, 1))] for step in range(n)]
