"""Bodies inside the field of view, and bodies that it cuts."""

import numpy as np
import pytest
from tests.refusals import holds

from afunet.formats.field import field_findings
from afunet.geometry import Volume


def scan(centre, radius, *, circular=False, table=False):
    """Three slices of 100 × 120 pixels of 1 mm with a disc of tissue; air round it."""
    row, column = np.mgrid[:100, :120]
    hu = np.full((100, 120), -1000)
    hu[np.hypot(row - centre[0], column - centre[1]) < radius] = 40
    if table:
        hu[90:94] = 100
    if circular:
        hu[np.hypot(row - 49.5, column - 59.5) > 50] = -1024
    return Volume(np.stack([np.full_like(hu, -1000), hu, hu]), np.diag([1.0, 1.0, 3.0, 1.0]))


@pytest.mark.parametrize("circular", [False, True])
def test_a_limb_inside_the_field_is_whole(circular):
    assert field_findings(scan((50, 60), 35, circular=circular)) == ()


@pytest.mark.parametrize(
    ("centre", "circular"),
    [((50, 5), False), ((4, 60), False), ((50, 115), False), ((50, 90), True)],
)
def test_a_limb_that_the_field_cuts_is_told_with_its_slices(centre, circular):
    (finding,) = field_findings(scan(centre, 30, circular=circular))
    assert finding.code == "BODY_CUT"
    assert holds(finding.message, 2, 3)


def test_clean_air_in_the_corners_is_no_circular_field():
    assert field_findings(scan((50, 85), 30)) == ()


def test_a_cut_across_a_corner_counts_as_one():
    assert field_findings(scan((0, 0), 26)) != ()


def test_a_table_that_crosses_the_edge_is_no_limb():
    assert field_findings(scan((50, 60), 30, table=True)) == ()


def test_a_plate_that_runs_along_the_edge_is_no_limb():
    hu = np.full((1, 100, 120), -1000)
    hu[:, 92:] = -100
    assert field_findings(Volume(hu, np.eye(4))) == ()


def test_a_scan_of_tissue_alone_is_cut_all_round():
    noise = np.random.default_rng(1).normal(30, 10, (1, 60, 60))
    for hu in (noise, np.rint(noise)):
        findings = field_findings(Volume(hu, np.eye(4)))
        assert [finding.code for finding in findings] == ["BODY_CUT"]


@pytest.mark.parametrize("around", [0, 30, -1024])
def test_what_lies_around_a_bone_that_was_cut_out_is_no_body(around):
    """The bone reaches the edge of its box, as the one at the box's side always does."""
    rows, columns = np.mgrid[:80, :90]
    hu = np.full((2, 80, 90), around)
    hu[:, np.hypot(rows - 40, columns - 24.5) < 25] = 300
    assert field_findings(Volume(hu, np.eye(4))) == ()
