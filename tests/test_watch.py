"""The time limit of long work."""

import pytest

from afunet.errors import Cancelled
from afunet.watch import CancelToken, TimeLimit


def test_a_time_limit_is_set_when_the_time_is_up_or_another_token_is_set() -> None:
    now, other = [10.0], CancelToken()
    limit = TimeLimit(other, 5.0, clock=lambda: now[0])
    limit.check()
    now[0] = 14.9
    assert not limit.cancelled
    now[0] = 15.0
    assert limit.cancelled
    with pytest.raises(Cancelled):
        limit.check()
    assert not other.cancelled
    wished = TimeLimit(other, 5.0, clock=lambda: now[0])
    assert not wished.cancelled
    other.cancel()
    assert wished.cancelled


def test_without_an_end_only_a_wish_sets_it() -> None:
    limit = TimeLimit(CancelToken(), float("inf"))
    assert not limit.cancelled
    limit.cancel()
    assert limit.cancelled
