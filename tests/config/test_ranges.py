from __future__ import annotations

import pytest

from gtexgen.config.ranges import Allowed, above, at_least, between, one_of


@pytest.mark.parametrize(
    ("allowed", "good", "bad"),
    [
        (at_least(1), 1, 0),
        (above(0), 1e-9, 0),
        (between(0, 1), 0, 1),
        (one_of("a", "b"), "b", "c"),
        (at_least(1), [1, 2], [1, 0]),
    ],
)
def test_limits_are_where_the_words_say(allowed: Allowed, good: object, bad: object) -> None:
    assert allowed.admits(good)
    assert not allowed.admits(bad)


@pytest.mark.parametrize("allowed", [at_least(1), above(0), between(0, 1), one_of("a")])
def test_null_is_admitted_everywhere(allowed: Allowed) -> None:
    assert allowed.admits(None)


def test_words_name_the_choices() -> None:
    assert one_of("a", "b").words == "must be one of: a, b"
