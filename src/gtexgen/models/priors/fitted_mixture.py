"""Mixtures of Gaussians that are fitted, after training, to what the encoder made of the training samples."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.special import ndtr

from gtexgen.errors import ConfigError
from gtexgen.models.group_means import less_group_means
from gtexgen.models.noise import standard_normal
from gtexgen.models.posterior import Posterior
from gtexgen.models.priors.base import log_density_of_noise, with_constant
from gtexgen.models.priors.class_mixtures import MixtureOptions, common_covariance, fit_mixture
from gtexgen.models.priors.exclusive_classes import exclusive_classes
from gtexgen.models.priors.rosenblatt import RowMixtures, to_noise, to_values
from gtexgen.models.priors.standard_normal import StandardNormal
from gtexgen.models.ridge import ridge_weights

__all__ = ["FittedMixture"]

RIDGE = 1e-3
LEAST_WEIGHT = 1e-30


class FittedMixture(StandardNormal):
    r"""Trains as N(0, I), then draws from a Gaussian mixture fitted to the aggregate posterior of each class.

    A tissue is several clouds in the latent space (subtissues, states of a donor), which one Gaussian smooths away. The
    classes are the levels of the longest one-hot field of the condition, such as the tissue; other fields shift the
    latents linearly:

    .. math:: p(z \mid c) = \sum_k \pi_{tk}\, N(z;\; \mu_{tk} + W c',\; \Sigma_{tk})

    with :math:`t` the class and :math:`c'` the rest of the condition. Covariances are shrunk twice, towards their class
    and towards all classes (`gtexgen.models.priors.class_mixtures`).

    Noise is transported along the axes of the covariance within all classes, the largest first
    (`gtexgen.models.priors.rosenblatt`): it is one to one, and samples of one donor, whose noise is alike, are alike in
    every tissue.

    Parameters
    ----------
    n_latents
        Width of the latent vector.
    n_conditions
        Width of the encoded condition; with 0 one mixture is fitted to all samples.
    components, samples_per_component, shrinkage, class_shrinkage
        See `gtexgen.models.priors.class_mixtures.MixtureOptions`.

    Raises
    ------
    ConfigError
        Where a number of samples or components is below 1, or a shrinkage is not above 0.
    """

    first_class: Tensor
    n_classes: Tensor
    shift: Tensor
    axes: Tensor
    log_weight: Tensor
    mean: Tensor
    root: Tensor

    def __init__(
        self,
        n_latents: int,
        n_conditions: int,
        *,
        components: int = 12,
        samples_per_component: int = 8,
        shrinkage: float = 20.0,
        class_shrinkage: float = 20.0,
    ) -> None:
        super().__init__(n_latents)
        for name, value in (("components", components), ("samples_per_component", samples_per_component)):
            if value < 1:
                raise ConfigError(f"prior.{name} must be 1 or more, not {value}")
        for name, strength in (("shrinkage", shrinkage), ("class_shrinkage", class_shrinkage)):
            if strength <= 0:
                raise ConfigError(f"prior.{name} must be above 0, not {strength}")
        self.options = MixtureOptions(components, samples_per_component, shrinkage, class_shrinkage)
        most = max(1, n_conditions)
        log_weight = torch.full((most, components), math.log(LEAST_WEIGHT))
        log_weight[:, 0] = 0
        self.register_buffer("first_class", torch.tensor(0))
        self.register_buffer("n_classes", torch.tensor(0))
        self.register_buffer("shift", torch.zeros(n_conditions, n_latents))
        self.register_buffer("axes", torch.eye(n_latents))
        self.register_buffer("log_weight", log_weight)
        self.register_buffer("mean", torch.zeros(most, components, n_latents))
        self.register_buffer("root", torch.eye(n_latents).repeat(most, components, 1, 1))

    @torch.no_grad()
    def fit(self, posterior: Posterior, condition: Tensor) -> None:
        """Fit the mixtures to ``(samples, latents)`` posteriors and their ``(samples, conditions)``."""
        classes = exclusive_classes(condition)
        self.first_class.fill_(classes.start)
        self.n_classes.fill_(classes.stop - classes.start)
        label = self._label(condition)
        mean, variance = posterior.mean.double(), posterior.log_variance.double().exp()
        shift = _shift_of_the_rest(mean, condition.double(), label, classes)
        self.shift.copy_(shift)
        mean = mean - condition.double() @ shift
        common = common_covariance(mean, variance, label)
        axes = torch.linalg.eigh(common).eigenvectors.flip(1)
        self.axes.copy_(axes)
        for number in label.unique().tolist():
            rows = label == number
            weight, centre, covariance = fit_mixture(mean[rows], variance[rows], common, self.options)
            used = slice(0, len(weight))
            self.log_weight[number] = math.log(LEAST_WEIGHT)
            self.log_weight[number, used] = weight.log().float()
            self.mean[number, used] = centre.float()
            self.root[number, used] = torch.linalg.cholesky(axes.T @ covariance @ axes).float()

    def log_prob(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Give the log-density of each row's mixture, ``(batch,)``."""
        return self._log_joint(latent, condition).logsumexp(dim=1)

    def sample(self, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw a component for each row of ``(batch, conditions)``, then latents from it, ``(batch, latents)``."""
        noise = standard_normal((len(condition), 1 + self.n_latents), like=condition, generator=generator)
        label = self._label(condition)
        upper = self.log_weight[label].double().softmax(dim=1).cumsum(dim=1)
        chosen = torch.searchsorted(upper, ndtr(noise[:, :1].double())).clamp_max(upper.shape[1] - 1)[:, 0]
        rotated = torch.einsum("bkl,bl->bk", self.root[label, chosen], noise[:, 1:])
        return self._placed(self.mean[label, chosen] @ self.axes + rotated, condition)

    def push(self, noise: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Transport the noise along the axes, from the largest common variance to the smallest."""
        return self._placed(to_values(self._mixtures(condition), noise.double()).to(noise), condition)

    def pull(self, latent: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Transport back; each latent vector has one noise."""
        along_axes = (latent - condition @ self.shift).double() @ self.axes.double()
        return to_noise(self._mixtures(condition), along_axes).to(latent)

    def _placed(self, along_axes: Tensor, condition: Tensor) -> Tensor:
        return along_axes @ self.axes.T + condition @ self.shift

    def _mixtures(self, condition: Tensor) -> RowMixtures:
        used = int((self.log_weight > math.log(LEAST_WEIGHT)).any(dim=0).sum())
        log_weight, mean, root = (each[:, :used].double() for each in (self.log_weight, self.mean, self.root))
        return RowMixtures(self._label(condition), log_weight, mean @ self.axes.double(), root)

    def _label(self, condition: Tensor) -> Tensor:
        """Give the class number of each row, ``(batch,)``."""
        first, n = int(self.first_class), int(self.n_classes)
        if n == 0:
            return torch.zeros(len(condition), dtype=torch.int64, device=condition.device)
        return condition[:, first : first + n].argmax(dim=1)

    def _log_joint(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Give the log-density of each row with each component, ``(batch, components)``."""
        label, centred = self._label(condition), latent - condition @ self.shift
        noise = latent.new_empty(len(latent), self.options.components, self.n_latents)
        for number in label.unique():
            rows = label == number
            rotated = (centred[rows] - self.mean[number][:, None]) @ self.axes
            noise[rows] = torch.linalg.solve_triangular(self.root[number], rotated.mT, upper=False).permute(2, 0, 1)
        log_volume = self.root.diagonal(dim1=2, dim2=3).log().sum(dim=2)[label]
        return log_density_of_noise(noise) - log_volume + self.log_weight[label]


def _shift_of_the_rest(mean: Tensor, condition: Tensor, label: Tensor, classes: slice) -> Tensor:
    """Give how the features that are no classes shift the latents within classes, ``(conditions, latents)``."""
    shift = condition.new_zeros(condition.shape[1], mean.shape[1])
    rest = [number for number in range(condition.shape[1]) if not classes.start <= number < classes.stop]
    if not rest:
        return shift
    features = with_constant(less_group_means(condition[:, rest], label))
    shift[rest] = ridge_weights(features.T @ features, features.T @ less_group_means(mean, label), RIDGE)[1:]
    return shift
