"""When a scan is unlike those that the expected Dice was measured on."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import CheckpointError
from afunet.inference.trust.domain import BEYOND, LOWERS, outside, why_low
from afunet.inference.trust.doubt import doubt_logs
from afunet.inference.trust.evidence import Evidence
from afunet.inference.trust.signs import Signs, measure_signs
from afunet.models.expected_dice import DiceModel

Make = Callable[..., Evidence]
SIGNS = tuple(BEYOND)
MODEL = DiceModel(
    sha256="",
    coverage=0.8,
    best=0.99,
    signs=SIGNS,
    lines=((0.0, *[0.2] * len(SIGNS)),) * 3,
    factors=(1.0, 1.0, 1.0),
    usual=(0.0,) * len(SIGNS),
    most=(9.0,) * len(SIGNS),
)


def test_a_model_of_a_sign_that_is_not_measured_is_refused(
    hu: np.ndarray, evidence_of: Make
) -> None:
    other = replace(MODEL, signs=("flip", *SIGNS[1:]))
    with refused(CheckpointError, "WEIGHTS_BROKEN", "flip"):
        measure_signs(evidence_of(hu), other)


@pytest.fixture
def signs(hu: np.ndarray, evidence_of: Make) -> Signs:
    return measure_signs(evidence_of(hu), MODEL)


def level(signs: Signs, sign: str) -> float:
    """The logarithm of a sign in the scan, whose slices are all alike."""
    return float(doubt_logs(signs.doubts, (sign,))[0, 0])


def with_limits(signs: Signs, **changed: tuple[float, ...]) -> Signs:
    return replace(signs, model=replace(MODEL, **changed))


def test_a_leg_like_those_measured_is_inside(signs: Signs) -> None:
    for region in ("knee", "legs", "hip", "lower body", "unknown"):
        assert outside(signs, region, unnamed=0.1) == ""


@pytest.mark.parametrize("region", ["arm", "trunk", "head", "whole body"])
def test_another_part_of_the_body_is_outside(region: str, signs: Signs) -> None:
    assert region in outside(signs, region)


def test_bone_that_is_none_of_the_leg_is_outside(signs: Signs) -> None:
    assert "40%" in outside(signs, unnamed=0.4)


@pytest.mark.parametrize("sign", SIGNS)
def test_a_sign_beyond_all_that_was_seen_is_told(sign: str, signs: Signs) -> None:
    most = [9.0] * len(SIGNS)
    most[SIGNS.index(sign)] = level(signs, sign) - 0.3
    assert outside(with_limits(signs, most=tuple(most))).startswith(BEYOND[sign])
    most[SIGNS.index(sign)] = level(signs, sign)
    assert outside(with_limits(signs, most=tuple(most))) == ""


@pytest.mark.parametrize("sign", SIGNS)
def test_what_lowers_the_expected_dice_most_is_named(sign: str, signs: Signs) -> None:
    usual = [level(signs, one) for one in SIGNS]
    assert why_low(with_limits(signs, usual=tuple(usual))) == ""
    usual[SIGNS.index(sign)] -= 2.0
    assert why_low(with_limits(signs, usual=tuple(usual))) == LOWERS[sign]


def test_without_bone_or_a_model_nothing_is_said(hu: np.ndarray, evidence_of: Make) -> None:
    empty = measure_signs(evidence_of(np.minimum(hu, 50)), MODEL)
    assert (outside(empty), why_low(empty), empty.expected_dice) == ("", "", None)
    without = measure_signs(evidence_of(hu))
    assert (outside(without), why_low(without), without.expected_dice) == ("", "", None)
    assert without.expected == ()
