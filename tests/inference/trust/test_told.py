"""What the report tells of doubts: an interval where it was measured, else why there is none."""

from collections.abc import Callable

import numpy as np
import pytest

from afunet.inference.trust.evidence import Evidence
from afunet.inference.trust.flags import raise_flags
from afunet.inference.trust.signs import Signs, measure_signs
from afunet.models.expected_dice import DiceModel
from afunet.models.header import Header
from afunet.report.case.facts import ConfidenceFacts
from afunet.workflows.trust import Trust, confidence_facts, flag_facts

from .test_domain import MODEL

Make = Callable[..., Evidence]
HEADER = Header("afunet", {}, (-300.0, 1300.0), (0.3, 0.9), 256)


def told(signs: Signs, outside: str = "") -> ConfidenceFacts:
    return confidence_facts(Trust(signs, raise_flags(signs), outside), HEADER)


@pytest.fixture
def signs_of(hu: np.ndarray, evidence_of: Make) -> Callable[[DiceModel | None], Signs]:
    return lambda model: measure_signs(evidence_of(hu), model)


def test_an_interval_is_told_with_its_coverage_and_its_limit(
    signs_of: Callable[[DiceModel | None], Signs],
) -> None:
    facts = told(signs_of(MODEL))
    assert facts.expected_dice is not None
    assert facts.coverage == MODEL.coverage
    assert all(one.expected_dice is not None for one in facts.slices)
    assert str(facts.expected_dice) in facts.words
    assert "80%" in facts.words
    assert "0.99" in facts.words


@pytest.mark.parametrize(
    ("model", "outside"), [(None, ""), (MODEL, "its header says that it shows the arm")]
)
def test_no_number_is_told_where_none_was_measured(
    model: DiceModel | None,
    outside: str,
    signs_of: Callable[[DiceModel | None], Signs],
) -> None:
    facts = told(signs_of(model), outside)
    assert facts.expected_dice is facts.coverage is None
    assert all(one.expected_dice is None for one in facts.slices)
    assert facts.words
    assert outside in facts.words
    assert "0." not in facts.words


def test_without_bone_there_is_nothing_to_expect(hu: np.ndarray, evidence_of: Make) -> None:
    facts = told(measure_signs(evidence_of(np.minimum(hu, 50)), MODEL))
    assert (facts.expected_dice, facts.slices, facts.words) == (None, (), "")


def test_flags_tell_how_much_they_put_in_doubt(hu: np.ndarray, evidence_of: Make) -> None:
    mask = hu > 500
    hu[4, 28:31, 28] = 3071
    signs = measure_signs(evidence_of(hu, mask=mask))
    (metal, _) = flag_facts(Trust(signs, raise_flags(signs)))
    assert metal.code == "METAL"
    assert metal.doubtful_mm3 >= 100
