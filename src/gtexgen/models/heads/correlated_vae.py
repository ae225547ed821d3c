"""The correlated variational autoencoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from gtexgen.data.pairs import BatchPairs, PairDraws
from gtexgen.errors import ConfigError
from gtexgen.models.components import build_component
from gtexgen.models.graph.base import GraphBuilder
from gtexgen.models.graph.sample_graph import Cliques
from gtexgen.models.heads.base import Head, LossTerms, Stage, weigh_evidence
from gtexgen.models.networks import Networks
from gtexgen.models.pair_term import CorrelationNetwork, mutual_information, pair_term
from gtexgen.models.posterior import Posterior
from gtexgen.models.priors.standard_normal import StandardNormal

if TYPE_CHECKING:
    from gtexgen.data.batches import ExpressionBatch, SamplePairs
    from gtexgen.data.splits import Part
    from gtexgen.data.training_part import SamplePart

__all__ = ["CorrelatedVAE"]

POSTERIORS = ("independent", "correlated")


class CorrelatedVAE(Head):
    r"""The evidence lower bound under a prior that correlates the samples which a graph joins.

    .. math:: \sum_i \left( \mathbb{E}_q[-\log p(x_i \mid z_i, c_i)] + \mathrm{KL}_i \right) + \sum_e w_e R_e
        + \gamma \sum_i \left( \mathrm{KL}_i + \frac{N - 1}{N} \mathbb{E}_{j \ne i} I(z_i; z_j) \right)

    over N samples, divided by N. Two neighbours' latents have the correlation :math:`\tau` under the prior, and
    :math:`R_e` (`gtexgen.models.pair_term.pair_term`) is what a pair adds to its KL. The prior of a graph with cycles
    is the average over its maximal spanning forests, :math:`w_e` the share of them that hold the edge. The negative
    pairs of the last sum are any two samples of the part: a pair that need not be joined is to know nothing of each
    other, I being the mutual information of its posterior. Each batch estimates the sums over edges and over pairs from
    a few, drawn so that their expectations are the whole sums.

    Tang, Liang, Jebara and Ruozzi 2019, *Correlated variational auto-encoders*, arXiv 1905.05335.

    Parameters
    ----------
    n_latents
        Width of the latent vector.
    graph
        Which samples are joined: the ``_target_`` and the options of a `gtexgen.models.graph.base.GraphBuilder`.
    tau
        :math:`\tau`, between 0 and 1.
    posterior
        ``"independent"``; or ``"correlated"``: a network gives the correlation of each pair's posteriors.
    pairs
        Edges a batch.
    negative_weight
        :math:`\gamma`, 0 or more. With independent posteriors I is 0, and what is left is a heavier KL.
    negatives
        Negative pairs a batch.

    Raises
    ------
    ConfigError
        Where an option is out of range, or the graph cannot be built.
    """

    def __init__(
        self,
        n_latents: int,
        graph: Mapping[str, Any],
        *,
        tau: float = 0.9,
        posterior: str = "independent",
        pairs: int = 32,
        negative_weight: float = 0.0,
        negatives: int = 32,
    ) -> None:
        super().__init__()
        _check_options(tau, posterior, pairs, negative_weight, negatives)
        self.graph = build_component(graph, GraphBuilder)  # type: ignore[type-abstract]
        self.tau = tau
        self.pairs = pairs
        self.negative_weight = negative_weight
        self.negatives = negatives
        self.correlation = CorrelationNetwork(n_latents) if posterior == "correlated" else None

    def check(self, networks: Networks) -> None:
        """Refuse a prior that is not N(0, I) in training: the pair prior's margins are."""
        if not isinstance(networks.prior, StandardNormal):
            raise ConfigError(
                f"the correlated VAE compares pairs of latents with a prior whose margins are N(0, I), which "
                f"{type(networks.prior).__name__} is not while it trains.\n"
                "  Remedy: prior=standard_normal, or a prior that is fitted after training, such as fitted_gaussian."
            )

    def batch_pairs(self, parts: Mapping[Part, SamplePart]) -> dict[Part, BatchPairs]:
        """Give edges of the graph of each part, and negative pairs where they weigh anything."""
        graphs = self.graph.build(parts)
        if graphs["train"].total_weight == 0:
            raise ConfigError(
                f"{type(self.graph).__name__} joins no two training samples.\n"
                "  Remedy: another model/graph, or model=cvae, which needs none."
            )
        wanted = self.negative_weight > 0 and self.correlation is not None
        return {
            name: BatchPairs(
                PairDraws(graph, self.pairs),
                PairDraws(Cliques(np.zeros(graph.n_samples, dtype=np.int64)), self.negatives) if wanted else None,
            )
            for name, graph in graphs.items()
        }

    def forward(
        self,
        batch: ExpressionBatch,
        networks: Networks,
        *,
        stage: Stage = Stage(),  # noqa: B008 (immutable)
        generator: torch.Generator | None = None,
    ) -> LossTerms:
        """Weigh a batch and its pairs; see `Head.forward`.

        Raises
        ------
        ValueError
            Where the batch has no pairs: its loader was not told of `batch_pairs`.
        """
        if batch.pairs is None:
            raise ValueError("the correlated VAE needs batches with pairs; set data.pairs = head.batch_pairs(parts)")
        evidence = weigh_evidence(batch, networks, generator)
        first, second, fisher_z = self._infer_pairs(batch.pairs, networks)
        pair_cost = batch.pairs.weight @ pair_term(first, second, fisher_z, self.tau).sum(dim=-1)
        extras = {"pair_term": pair_cost.expand_as(evidence.reconstruction)}
        objective = evidence.reconstruction + stage.weigh(evidence.kl) + stage.kl_weight * pair_cost
        if self.negative_weight > 0:
            extras["negative_term"] = evidence.kl.sum(dim=-1) + self._dependence(batch.negatives, networks)
            objective = objective + stage.kl_weight * self.negative_weight * extras["negative_term"]
        return evidence.terms(objective, extras)

    def _infer_pairs(self, pairs: SamplePairs, networks: Networks) -> tuple[Posterior, Posterior, Tensor]:
        """Give the posteriors of both ends and Fisher's z of their correlation, each ``(pairs, latents)``."""
        mean, log_variance = networks.infer(pairs.expression.flatten(end_dim=1), pairs.condition.flatten(end_dim=1))
        first, second = (Posterior(mean[end::2], log_variance[end::2]) for end in (0, 1))
        fisher_z = torch.zeros_like(first.mean) if self.correlation is None else self.correlation(first, second)
        return first, second, fisher_z

    def _dependence(self, negatives: SamplePairs | None, networks: Networks) -> Tensor | float:
        """Give the mutual information of negative pairs, as a mean over samples."""
        if negatives is None:
            return 0.0
        *_, fisher_z = self._infer_pairs(negatives, networks)
        return negatives.weight @ mutual_information(fisher_z).sum(dim=-1)


def _check_options(tau: float, posterior: str, pairs: int, negative_weight: float, negatives: int) -> None:
    if not 0 < tau < 1:
        raise ConfigError(f"model.head.tau must lie between 0 and 1, not {tau}")
    if posterior not in POSTERIORS:
        raise ConfigError(
            f"model.head.posterior: unknown choice {posterior!r}; the choices are: {', '.join(POSTERIORS)}"
        )
    if min(pairs, negatives) < 1:
        raise ConfigError(f"model.head: pairs={pairs} and negatives={negatives} must be 1 or more")
    if negative_weight < 0:
        raise ConfigError(f"model.head.negative_weight must be 0 or more, not {negative_weight}")
