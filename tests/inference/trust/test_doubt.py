"""Every sign of doubt rises with the thing that it is for, and rests without it."""

from collections.abc import Callable

import numpy as np
import pytest

from afunet.inference.trust.doubt import LEAST, SliceDoubt, doubt_logs
from afunet.inference.trust.evidence import Evidence
from afunet.inference.trust.signs import measure_signs

Make = Callable[..., Evidence]


def doubt_of(evidence: Evidence, index: int = 4) -> SliceDoubt:
    return measure_signs(evidence).doubts[index]


def test_a_certain_bar_by_hand(hu: np.ndarray, evidence_of: Make) -> None:
    """A square of 16 x 16 px has an outline of 60; nothing else speaks against it."""
    one = doubt_of(evidence_of(hu))
    assert one.outline == 60 / 256
    assert (one.unsure, one.faint, one.change, one.dense) == pytest.approx((0,) * 4)
    assert one.noise == pytest.approx(0, abs=1)


def test_what_is_dense_beside_the_bone_counts_and_far_off_does_not(
    hu: np.ndarray, evidence_of: Make
) -> None:
    mask = hu > 500
    hu[4, 25:35, 40:44] = 600
    assert doubt_of(evidence_of(hu, mask=mask)).dense == pytest.approx(40 / 256, abs=0.05)
    assert doubt_of(evidence_of(hu, mask=mask), 3).dense == 0
    far = np.where(mask, 900, 50).astype(np.int16)
    far[4, 25:35, 50:54] = 600
    assert doubt_of(evidence_of(far, mask=mask)).dense == 0


def test_change_is_to_the_more_alike_neighbour(hu: np.ndarray, evidence_of: Make) -> None:
    mask = hu > 500
    mask[5:, 22:30] = False
    assert doubt_of(evidence_of(hu, mask=mask), 4).change == 0
    mask[3] = False
    mask[3, 30:38, 30:38] = True
    # 256 px beside 64 px within and 128 px within: 1 - 2 x 128 / 384 is the smaller change.
    assert doubt_of(evidence_of(hu, mask=mask), 4).change == pytest.approx(1 / 3)


def test_noise_is_of_the_whole_scan(hu: np.ndarray, evidence_of: Make) -> None:
    mask = hu > 500
    noisy = hu + np.random.default_rng(0).normal(0, 40, hu.shape)
    doubts = measure_signs(evidence_of(noisy, mask=mask)).doubts
    assert len({one.noise for one in doubts}) == 1
    assert doubts[0].noise == pytest.approx(40, rel=0.2)


def test_one_slice_alone_has_all_signs(hu: np.ndarray, evidence_of: Make) -> None:
    one = doubt_of(evidence_of(hu[:1]), 0)
    assert np.isfinite(doubt_logs([one], list(vars(one)))).all()


def test_logarithms_are_of_the_named_signs_and_end_at_the_least() -> None:
    one = SliceDoubt(0.1, 0.2, 0.0, 0.3, 0.4, 20.0)
    logs = doubt_logs([one], ("noise", "faint"))
    assert logs == pytest.approx(np.log([[20.0, LEAST]]))
    assert doubt_logs([], ("noise", "faint")).shape == (0, 2)
