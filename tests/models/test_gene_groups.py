"""Groups of tightly correlated genes, and what they do to noise."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gtexgen.models.gene_groups import LARGEST_GROUP, GeneGroups


def standard(values: Tensor) -> Tensor:
    centred = values - values.mean(dim=0)
    return centred / centred.square().mean(dim=0).sqrt()


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def found(values: Tensor, rows: int = 100) -> tuple[GeneGroups, Tensor]:
    """Give the groups and the axes behind the values."""
    groups = GeneGroups(values.shape[1])
    inverse = groups.fit(lambda: iter(values.split(rows)), torch.arange(len(values)) % 5, len(values))
    return groups, groups.combine(values, inverse)


def with_a_signal(n: int, shared: list[int], n_genes: int = 40, strength: float = 3.0) -> Tensor:
    values = normal(n, n_genes)
    values[:, shared] += strength * normal(n, 1, seed=1) * torch.tensor([1.0, -1.0]).repeat(len(shared))[: len(shared)]
    return standard(values)


def test_genes_that_correlate_tightly_of_either_sign_are_a_group_and_others_are_alone() -> None:
    groups, axes = found(with_a_signal(300, [3, 8, 30]))
    assert groups.grouped.tolist() == [3, 8, 30]
    assert sorted(groups.members[8].unique().tolist()) == [3, 8, 30]
    inside = torch.corrcoef(axes[:, [3, 8, 30]].T)
    torch.testing.assert_close(inside, torch.eye(3), atol=1e-4, rtol=0)


def test_mixing_takes_the_axes_back_to_the_genes_and_leaves_a_gene_alone_as_it_is() -> None:
    values = with_a_signal(300, [3, 8, 30])
    groups, axes = found(values)
    torch.testing.assert_close(groups.mix(axes), values, atol=1e-4, rtol=0)
    alone = [gene for gene in range(40) if gene not in (3, 8, 30)]
    assert torch.equal(axes[:, alone], values[:, alone])


@given(n=st.integers(2, 200), seed=st.integers(0, 2**31))
def test_chance_makes_no_groups_however_few_the_samples(n: int, seed: int) -> None:
    values = standard(normal(n, 30, seed=seed))
    groups, axes = found(values)
    assert not len(groups.grouped)
    assert torch.equal(axes, values)


def test_a_correlation_of_which_few_donors_are_not_sure_makes_no_group() -> None:
    """Some .7: sure among a thousand donors, not among forty, nor where these gave a thousand samples."""
    few, many = (with_a_signal(n, [0, 1], strength=1.6) for n in (40, 1_000))
    assert 0.6 < -torch.corrcoef(few.T)[0, 1] < 0.8
    assert not len(found(few)[0].grouped)
    assert found(many)[0].grouped.tolist() == [0, 1]
    groups = GeneGroups(40)
    groups.fit(lambda: iter([few.repeat(25, 1)]), torch.arange(1_000) % 5, 40)
    assert not len(groups.grouped)


def test_one_sample_far_out_makes_no_group() -> None:
    values = normal(1_000, 10)
    values[17, :2] += 60
    assert torch.corrcoef(values.T)[0, 1] > 0.75
    assert not len(found(standard(values))[0].grouped)


def test_few_donors_make_small_groups() -> None:
    groups, _ = found(with_a_signal(40, list(range(30)), strength=30.0))
    assert max(len(row.unique()) for row in groups.members) == 10


def test_a_group_has_sixteen_genes_at_most_the_tightest_together() -> None:
    values = with_a_signal(2_000, list(range(30)))
    values[:, 20] = values[:, 19]
    groups, _ = found(standard(values))
    sizes = [len(row.unique()) for row in groups.members]
    assert max(sizes) == LARGEST_GROUP
    assert 20 in groups.members[19]


def test_genes_that_coincide_have_one_axis_and_stay_the_same() -> None:
    values = normal(500, 10)
    values[:, 4] = values[:, 7]
    groups, axes = found(standard(values))
    silent = [gene for gene in (4, 7) if not axes[:, gene].any()]
    assert len(silent) == 1
    mixed = groups.mix(normal(50, 10, seed=5))
    torch.testing.assert_close(mixed[:, 4], mixed[:, 7])


def test_a_gene_without_noise_joins_no_group() -> None:
    values = with_a_signal(300, [0, 1, 2])
    values[:, 2] = 0.0
    assert found(values)[0].grouped.tolist() == [0, 1]


@pytest.mark.parametrize("width", [1, 7, 40])
def test_reading_some_genes_at_a_time_makes_no_difference(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    values = with_a_signal(300, [3, 8, 30])
    whole = found(values)[0]
    monkeypatch.setattr("gtexgen.models.gene_groups.LARGEST_PRODUCTS", width * 40 * 9)
    parts = found(values, rows=17)[0]
    assert torch.equal(parts.members, whole.members)
    torch.testing.assert_close(parts.weights, whole.weights, atol=1e-4, rtol=0)


def test_standardised_genes_have_variance_1_whatever_their_axes_share() -> None:
    groups, _ = found(with_a_signal(300, [3, 8, 30]))
    loadings = 0.4 * normal(40, 3, seed=2)
    loadings *= (0.9 / loadings.square().sum(dim=1, keepdim=True).clamp_min(0.9)).sqrt()
    groups.standardise(loadings)
    own = (1 - loadings.square().sum(dim=1)).sqrt()
    drawn = groups.mix(normal(60_000, 3, seed=3) @ loadings.T + own * normal(60_000, 40, seed=4))
    torch.testing.assert_close(drawn.std(dim=0), torch.ones(40), atol=0.02, rtol=0)


def test_weights_of_a_generator_without_groups_load_and_leave_each_gene_alone() -> None:
    groups, _ = found(with_a_signal(300, [3, 8, 30]))
    groups.load_state_dict({})
    with pytest.raises(RuntimeError, match="members"):
        groups.load_state_dict({"weights": groups.weights})
    values = normal(5, 40, seed=6)
    assert torch.equal(groups.mix(values), values)
