"""Simple generators that every model must beat: no network, fitted in seconds, arrays in and arrays out."""

from gtexgen.baselines.base import Baseline
from gtexgen.baselines.class_gaussian import ClassGaussian
from gtexgen.baselines.gaussian_copula import GaussianCopula
from gtexgen.baselines.noisy_bootstrap import NoisyBootstrap

__all__ = ["BASELINES", "Baseline", "ClassGaussian", "GaussianCopula", "NoisyBootstrap"]

BASELINES: dict[str, type[Baseline]] = {
    baseline.name: baseline for baseline in (ClassGaussian, GaussianCopula, NoisyBootstrap)
}
"""Every baseline by the name that configurations and generator folders give it."""
