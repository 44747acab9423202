"""What speaks for a name: sizes, cuts and company as they can be counted by hand."""

import numpy as np
import pytest

from afunet.anatomy.bone_network import BoneNamerConfig
from afunet.anatomy.coarse_grid import LabelSampling
from afunet.anatomy.evidence import ALWAYS, FEATURES, Evidence, evidence_of
from afunet.anatomy.named_grid import named_grid, votes_of
from afunet.geometry import Volume


class Steady:
    """Surely a femur, whatever is seen."""

    def __init__(self) -> None:
        self.config = BoneNamerConfig(("femur", "other"), cells=(3,), seen_from=0)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.tile([20.0, -20.0, 0.0], (len(x), 1))


def heard(labels: Volume) -> Evidence:
    sampling = LabelSampling.of(labels, 4.0)
    assert sampling is not None
    network = Steady()
    votes = votes_of(sampling, named_grid(sampling, network))  # type: ignore[arg-type]
    return evidence_of(sampling, votes, network, 1)  # type: ignore[arg-type]


def value(found: Evidence, name: str, label: int = 0) -> float:
    return float(found.values[label, FEATURES.index(name)])


def block(*slices: slice) -> np.ndarray:
    voxels = np.zeros((30, 40, 50), np.uint8)
    voxels[slices] = 1
    return voxels


AFFINE = np.diag([1.0, 1.0, 2.0, 1.0])
INSIDE = (slice(5, 20), slice(10, 30), slice(15, 35))


def test_sizes_are_those_of_the_field_and_of_the_piece() -> None:
    found = heard(Volume(block(*INSIDE), AFFINE))
    assert value(found, "field length") == pytest.approx(np.log(60))
    assert value(found, "field width") == pytest.approx(np.log(50))
    assert value(found, "volume") == pytest.approx(np.log(20 * 20 * 30))
    assert value(found, "length") == pytest.approx(np.log(30), abs=0.1)
    assert value(found, "width") == pytest.approx(np.log(20), abs=0.1)
    assert value(found, "share of all") == pytest.approx(0)


def test_a_piece_within_the_field_is_not_cut_and_one_through_it_is_at_both_ends() -> None:
    whole = heard(Volume(block(*INSIDE), AFFINE))
    assert value(whole, "cut") == value(whole, "cut at ends") == 0
    through = heard(Volume(block(slice(None), *INSIDE[1:]), AFFINE))
    assert value(through, "cut at ends") == 2
    assert value(through, "cut") == pytest.approx(np.sqrt(10 / 60), abs=0.05)
    above = heard(Volume(block(slice(12, None), *INSIDE[1:]), AFFINE))
    assert value(above, "cut at ends") == 1


def test_views_of_a_network_that_nothing_moves_agree_with_its_vote() -> None:
    found = heard(Volume(block(*INSIDE), AFFINE))
    told = np.log(ALWAYS / (1 - ALWAYS))
    for name in ("vote", "views", "worst view", "agreed"):
        assert value(found, name) == pytest.approx(told)
    assert value(found, "entropy") == pytest.approx(0, abs=1e-4)


ODD = {
    "one voxel": block(slice(3, 4), slice(3, 4), slice(3, 4)),
    "everything": block(slice(None), slice(None), slice(None)),
    "one slice": block(slice(3, 4), *INSIDE[1:]),
    "a line": block(slice(None), slice(3, 4), slice(3, 4)),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 2.0), (0.3, 0.3, 0.3), (4.0, 4.0, 9.0)])
def test_evidence_is_finite_whatever_the_piece(
    odd: str, spacing: tuple[float, float, float]
) -> None:
    found = heard(Volume(ODD[odd], np.diag([*spacing, 1.0])))
    assert found.values.shape == (1, len(FEATURES))
    assert np.isfinite(found.values).all()
