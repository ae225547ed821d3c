"""What the model card says of networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gtexgen.generator.model_card import CardDetails

if TYPE_CHECKING:
    from gtexgen.generator.networks import NetworkGenerator

__all__ = ["network_details"]

MOST_NAMED = 12

LIMITS = """\
- **Privacy is not promised.** A generator can give back what it saw in training, most of all for rare
  conditions. Handle it and its samples as the licence of the training data asks; `split.json` names donors.
- The calibration, where there is one, holds quantiles of each gene among the training samples of a tissue, and of some
  genes among those of each sex, the smallest and the largest value among them.
- A condition is as good as its number of training samples in the table above. `allow_unseen` extrapolates
  to combinations that were never seen, and no metric here says how well.
- Values that the model puts below 0, or above the gene's largest in training, are written as 0 or that largest.
- With `noise=False` the spread is narrower than in real samples.
- Synthetic samples are no evidence: take a finding back to real data before it is believed.
"""


def network_details(generator: NetworkGenerator) -> CardDetails:
    """Give what the card says of networks, beside what it says of every generator."""
    return CardDetails(_donors(generator), _spread(generator), _settings(generator), LIMITS)


def _spread(generator: NetworkGenerator) -> dict[str, str]:
    metrics = generator.metrics
    if "active_latents" not in metrics:
        return {}
    return {
        "active latents": f"{metrics['active_latents']:.0f} of {generator.spec.latent}",
        "KL": f"{metrics['val/kl']:.4g} nats",
    }


def _donors(generator: NetworkGenerator) -> str:
    if generator.donors is None:
        return "Samples are drawn one by one: no two of them belong to one donor, unlike in real tables."
    model, tally = generator.donors
    return f"""\
`sample` draws single samples, no two of one donor. `sample_donors` draws whole synthetic donors, and `complete` the
tissues that a real donor lacks. Noise that the samples of one donor share: up to {model.latent_correlation.max():.0%}
along a direction of the latents, {model.gene_correlation.mean():.0%} of a gene's own on average. For this,
`donors.json` lists the sex and the conditions of each of the {len(tally.donors)} training donors and of its samples,
without names: who knows these of a donor may find it there."""


def _calibration(generator: NetworkGenerator) -> str:
    if (calibration := generator.calibration) is None:
        return "none"
    where = f"{len(calibration.classes)} values of {calibration.column}" if calibration.column else "all samples"
    quantiles = f"{calibration.drawn.shape[1]} quantiles of each gene, for {where}"
    if (sexes := calibration.sexes) is None:
        return quantiles
    telling = ", ".join(str(generator.labels[gene]) for gene in sexes.telling.genes[:MOST_NAMED])
    more = ", ..." if len(sexes.telling.genes) > MOST_NAMED else ""
    return f"{quantiles}; of each sex for {telling}{more}, so that these agree on the sex of a sample"


def _shared_noise(generator: NetworkGenerator) -> str:
    if (factors := generator.networks.residual_factors) is None:
        return "the likelihood's own"
    shared = f"{factors.n_factors} factors, found in what training left unexplained"
    if not len(grouped := factors.groups.grouped):
        return shared
    return f"{shared}; {len(grouped)} genes, in small groups that are tightly correlated, keep their own correlation"


def _settings(generator: NetworkGenerator) -> dict[str, str]:
    spec = generator.spec
    return {
        "head": str(spec.head["_target_"]).rpartition(".")[2],
        "likelihood": str(spec.likelihood["_target_"]).rpartition(".")[2],
        "prior": str(spec.prior["_target_"]).rpartition(".")[2],
        "noise that genes share": _shared_noise(generator),
        "calibration": _calibration(generator),
        "latents": str(spec.latent),
        "hidden layers": ", ".join(map(str, spec.hidden)),
    }
