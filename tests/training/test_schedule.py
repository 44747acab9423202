import pytest

from afunet.training.schedule import poly


def test_the_rate_starts_at_the_base_and_ends_at_zero() -> None:
    assert poly(0.001, 0, 100) == 0.001
    assert poly(0.001, 100, 100) == 0


def test_half_way_the_paper_s_rate_is_a_little_more_than_half() -> None:
    assert poly(0.001, 50, 100) == pytest.approx(0.001 * 0.5**0.9)
    assert poly(0.001, 50, 100, power=1) == pytest.approx(0.0005)


def test_four_steps_of_warmup_rise_by_fifths() -> None:
    rates = [poly(1, done, 10**9, warmup=4) for done in range(6)]
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1])


def test_no_rate_is_zero_before_the_end() -> None:
    assert all(poly(1, done, 20, warmup=5) > 0 for done in range(20))
