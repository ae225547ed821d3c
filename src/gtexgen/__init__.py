"""gtexgen: realistic synthetic bulk RNA-seq, learnt from GTEx.

>>> from gtexgen import Generator
>>> generator = Generator.load("outputs/latest/generator")
>>> table = generator.sample({"Lung": 200, "Liver": 50}, seed=1)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gtexgen.version import __version__

if TYPE_CHECKING:
    from gtexgen.generator import Generator

__all__ = ["Generator", "__version__"]


def __getattr__(name: str) -> Any:
    """Import the generator, and torch with it, only when it is asked for."""
    if name == "Generator":
        from gtexgen.generator import Generator

        return Generator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
