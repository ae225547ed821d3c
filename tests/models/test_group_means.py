from __future__ import annotations

import pandas as pd
import torch

from gtexgen.models.group_means import less_group_means


def test_each_group_is_centred_by_itself_though_numbers_are_missing() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(30, 4, generator=generator, dtype=torch.float64)
    group = 3 * torch.randint(4, (30,), generator=generator)
    table = pd.DataFrame(values.numpy())
    expected = table - table.groupby(group.numpy()).transform("mean")
    torch.testing.assert_close(less_group_means(values, group), torch.from_numpy(expected.to_numpy()))


def test_what_is_constant_within_groups_vanishes() -> None:
    group = torch.arange(21) % 7
    assert not less_group_means(torch.eye(7)[group], group).any()
