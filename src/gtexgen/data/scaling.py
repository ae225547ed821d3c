"""From store units to the model's scale and back, gene by gene.

``scaled = (t(x) - shift) / factor`` with ``t`` the transform, or the normal scores of ``t(x)``; ``unscale`` is its
inverse. Both are fitted to training samples alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Literal, Self, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from gtexgen.data.normal_scores import NormalScores, thinned
from gtexgen.errors import ConfigError, DataError

__all__ = ["Method", "Scaling", "Transform"]

Transform = Literal["log2", "none"]
Method = Literal["standard", "min_max", "normal_scores", "none"]
FloatArray = npt.NDArray[np.float64]
Value = TypeVar("Value", np.float32, np.float64)

LN2 = np.log(2)
CONSTANT = 1e-12  # no gene varies by so little, and dividing by less is not safe in float32


class Scaling:
    r"""An invertible scaling of expression.

    Parameters
    ----------
    transform
        ``"log2"``: :math:`t(x) = \log_2(x + 1)`; ``"none"``: :math:`t(x) = x`.
    method
        ``"standard"``: shift is a gene's mean and factor its standard deviation (of the population);
        ``"min_max"``: shift is its minimum and factor its range, so that training samples lie in 0-1;
        ``"normal_scores"``: the standard normal scores of its ranks, see `gtexgen.data.normal_scores.NormalScores`;
        ``"none"``: 0 and 1. A gene that is constant in training has factor 1.

    Attributes
    ----------
    shift, factor
        Shape ``(genes,)`` float64; None before `fit`, and with the methods ``"none"`` and ``"normal_scores"``.
    scores
        The map to normal scores; None before `fit`, and with any other method.
    largest
        The largest value of each gene in training, in store units, shape ``(genes,)``; None before `fit`.
    """

    def __init__(self, transform: Transform = "log2", method: Method = "standard") -> None:
        for name, value, known in (
            ("transform", transform, get_args(Transform)),
            ("method", method, get_args(Method)),
        ):
            if value not in known:
                raise ConfigError(f"scaling.{name} is {value!r}; known: {', '.join(known)}")
        self.transform: Transform = transform
        self.method: Method = method
        self.shift: FloatArray | None = None
        self.factor: FloatArray | None = None
        self.scores: NormalScores | None = None
        self.largest: FloatArray | None = None

    def __repr__(self) -> str:
        return f"Scaling(transform={self.transform!r}, method={self.method!r})"

    @property
    def is_fitted(self) -> bool:
        """Whether `fit` was called."""
        return self.largest is not None

    def fit(self, blocks: Iterable[npt.NDArray[np.float32]]) -> Self:
        """Fit to training samples that come in blocks, in one pass.

        Parameters
        ----------
        blocks
            Arrays ``(samples, genes)`` in store units, of any numbers of samples.

        Raises
        ------
        DataError
            There is no sample, or a value that is not finite.
        """
        moments = _Moments()
        transformed = moments.pass_on(self._transformed(block.astype(np.float64)) for block in blocks if len(block))
        values = thinned(transformed if self.method == "normal_scores" else ())
        deque(transformed, maxlen=0)
        if moments.n == 0:
            raise DataError("there are no training samples to fit the scaling to")
        if bad := int((~np.isfinite(moments.low + moments.high + moments.mean)).sum()):
            raise DataError(f"{bad} genes hold values in training that are not finite expression")
        self.largest = np.expm1(moments.high * LN2) if self.transform == "log2" else moments.high
        if self.method == "none":
            return self
        if self.method == "normal_scores":
            self.scores = NormalScores.fit(values)
            return self
        if self.method == "standard":
            self.shift, width = moments.mean, np.sqrt(moments.squares / moments.n)
        else:
            self.shift, width = moments.low, moments.high - moments.low
        self.factor = np.where(width > CONSTANT, width, 1.0)
        return self

    def scale(self, expression: npt.NDArray[Value]) -> npt.NDArray[Value]:
        """Bring ``(samples, genes)`` in store units to the model's scale, in the precision given."""
        values = self._transformed(expression)
        if self.method == "none":
            return values
        if self.method == "normal_scores":
            return self._fitted_scores().to_scores(values.astype(np.float64)).astype(expression.dtype)
        shift, factor = self._fitted(values.dtype)
        values -= shift
        values /= factor
        return values

    def unscale(self, scaled: npt.NDArray[Value]) -> npt.NDArray[Value]:
        """Bring ``(samples, genes)`` on the model's scale back to store units, where nothing is clipped.

        Values are right to within rounding, and what `scale` makes of 0 is 0 again exactly.
        """
        values = scaled.copy()
        if self.method == "normal_scores":
            values = self._fitted_scores().from_scores(scaled.astype(np.float64)).astype(scaled.dtype)
        elif self.method != "none":
            shift, factor = self._fitted(values.dtype)
            values *= factor
            values += shift
            values[scaled == self.scale(np.zeros_like(shift))] = 0
        if self.transform == "log2":
            values *= LN2
            np.expm1(values, out=values)
        return values

    def to_json(self) -> dict[str, Any]:
        """Give all of it as plain values for a JSON file; floats survive exactly."""
        arrays = {"shift": self.shift, "factor": self.factor, "largest": self.largest}
        values = {name: None if array is None else array.tolist() for name, array in arrays.items()}
        scores = None if self.scores is None else self.scores.to_json()
        return {"transform": self.transform, "method": self.method, **values, "scores": scores}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Scaling:
        """Restore what `to_json` gave."""
        scaling = cls(content["transform"], content["method"])
        for name in ("shift", "factor", "largest"):
            if content[name] is not None:
                setattr(scaling, name, np.array(content[name], dtype=np.float64))
        if content.get("scores") is not None:
            scaling.scores = NormalScores.from_json(content["scores"])
        return scaling

    def _transformed(self, expression: npt.NDArray[Value]) -> npt.NDArray[Value]:
        """Apply the transform to a copy."""
        if self.transform == "none":
            return expression.copy()
        values = np.log1p(expression)
        values /= LN2
        return values

    def _fitted_scores(self) -> NormalScores:
        if self.scores is None:
            raise RuntimeError(f"{self!r} is used before it is fitted")
        return self.scores

    def _fitted(self, dtype: np.dtype[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        if self.shift is None or self.factor is None:
            raise RuntimeError(f"{self!r} is used before it is fitted")
        return self.shift.astype(dtype), self.factor.astype(dtype)


class _Moments:
    r"""Count, mean, sum of squared deviations, minimum and maximum of each gene, merged block by block.

    Chan, Golub and LeVeque 1979: with :math:`\delta` the difference of two means,
    :math:`M = M_a + M_b + \delta^2 n_a n_b / n`.
    """

    def __init__(self) -> None:
        self.n = 0
        self.mean: FloatArray = np.zeros(0)
        self.squares: FloatArray = np.zeros(0)
        self.low: FloatArray = np.zeros(0)
        self.high: FloatArray = np.zeros(0)

    def pass_on(self, blocks: Iterable[FloatArray]) -> Iterator[FloatArray]:
        """Merge blocks as they go by."""
        for block in blocks:
            self.add(block)
            yield block

    def add(self, block: FloatArray) -> None:
        """Merge samples ``(samples, genes)``, at least one."""
        m, mean = len(block), block.mean(axis=0)
        squares = np.square(block - mean).sum(axis=0)
        low, high = block.min(axis=0), block.max(axis=0)
        if self.n == 0:
            self.n, self.mean, self.squares, self.low, self.high = m, mean, squares, low, high
            return
        n = self.n + m
        delta = mean - self.mean
        self.mean = self.mean + delta * (m / n)
        self.squares = self.squares + squares + delta**2 * (self.n * m / n)
        self.low, self.high = np.minimum(self.low, low), np.maximum(self.high, high)
        self.n = n
