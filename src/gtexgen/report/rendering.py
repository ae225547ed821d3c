"""From a template to a page that holds all it needs: style, script and the library that draws."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

__all__ = ["render_page"]


def render_page(template: str, content: Mapping[str, Any]) -> str:
    """Give the HTML of a page.

    Parameters
    ----------
    template
        Its file in ``templates/``.
    content
        What the template shows; ``style``, ``script`` and ``plotly`` are added.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    environment = Environment(
        loader=PackageLoader("gtexgen.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    own = {"plotly": get_plotlyjs(), "script": _shipped("page.js"), "style": _shipped("style.css")}
    shipped = {name: Markup(text) for name, text in own.items()}  # noqa: S704 - none of it comes from a user
    return environment.get_template(template).render(content, **shipped)


def _shipped(name: str) -> str:
    return files("gtexgen.report").joinpath("templates", name).read_text(encoding="utf-8")
