"""Each flag rises on the one thing it is for, and none on a clean bone."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.refusals import holds

from afunet.findings import Flag, Severity
from afunet.fragments.cut import Cut, Suspicion
from afunet.inference.trust.evidence import Evidence
from afunet.inference.trust.flags import FLAGS, raise_flags
from afunet.inference.trust.flips import Flip
from afunet.inference.trust.limits import LIMITS
from afunet.inference.trust.neighbours import Changes
from afunet.inference.trust.signs import measure_signs

from .conftest import NOTHING_DONE

Make = Callable[..., Evidence]
USUAL = {"BONE_ENDS_AT_SCAN"}


def flags_of(evidence: Evidence, flips: tuple[Flip, ...] = ()) -> dict[str, Flag]:
    """The first flag of every code."""
    found: dict[str, Flag] = {}
    for flag in raise_flags(replace(measure_signs(evidence), flips=flips)):
        assert flag.code in FLAGS
        found.setdefault(flag.code, flag)
    return found


def bar(shifts: list[float], width: int = 16) -> np.ndarray:
    """A bone that moves sideways by `shifts` px from slice to slice, in flesh that moves along."""
    row, column = np.mgrid[:80, :80]
    planes, place = [], 20.0
    for shift in shifts:
        place += shift
        flesh = np.abs(column - place - width / 2) < 16
        bone = (np.abs(row - 40) < 8) & (np.abs(column - place - width / 2) < width / 2)
        planes.append(np.where(bone, 900, np.where(flesh, 50, -1000)))
    return np.asarray(planes, dtype=np.int16)


def test_a_clean_bone_raises_nothing_but_where_it_ends(hu: np.ndarray, evidence_of: Make) -> None:
    (flag,) = flags_of(evidence_of(hu)).values()
    assert (flag.code, flag.severity) == ("BONE_ENDS_AT_SCAN", Severity.INFO)
    assert flag.message.count("256 mm²") == 2


def test_a_scan_without_bone_raises_nothing(hu: np.ndarray, evidence_of: Make) -> None:
    assert flags_of(evidence_of(np.minimum(hu, 50))) == {}


def test_one_slice_alone_raises_nothing(hu: np.ndarray, evidence_of: Make) -> None:
    assert flags_of(evidence_of(hu[:1])) == {}


@pytest.mark.parametrize(
    ("place", "severity"),
    [
        ((4, 28, 28), Severity.WARNING),  # in or against the bone
        ((4, 28, 42), Severity.WARNING),  # beside it
        ((4, 28, 59), Severity.INFO),  # outside the body
    ],
)
def test_metal_is_told_from_where_it_lies(
    place: tuple[int, int, int], severity: Severity, hu: np.ndarray, evidence_of: Make
) -> None:
    mask = hu > 500
    k, row, column = place
    hu[k, row : row + 3, column] = 3071
    flag = flags_of(evidence_of(hu, mask=mask))["METAL"]
    assert flag.severity is severity
    assert "5 (6 mm³)" in flag.message
    assert (flag.index, flag.box) == (k, (row, column, row + 3, column + 1))


def test_one_bright_voxel_is_no_metal(hu: np.ndarray, evidence_of: Make) -> None:
    hu[4, 28, 28] = 3071
    assert "METAL" not in flags_of(evidence_of(hu))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda hu: hu + 150, ("200 HU", -60, 110)),
        (lambda hu: np.where(hu < -500, hu + 200, hu), ("-800 HU",)),
        (lambda hu: np.where(hu > 500, 2200, hu), ("2200 HU",)),
    ],
)
def test_values_that_ct_does_not_have_are_flagged(
    change: Callable[[np.ndarray], np.ndarray],
    named: tuple[object, ...],
    hu: np.ndarray,
    evidence_of: Make,
) -> None:
    mask = hu > 500
    changed = evidence_of(change(hu).astype(np.int16), mask=mask)
    assert holds(flags_of(changed)["HU_IMPLAUSIBLE"].message, *named)


def test_a_cast_does_not_make_the_whole_scale_wrong(hu: np.ndarray, evidence_of: Make) -> None:
    mask = hu > 500
    flesh = hu == 50
    flesh[:, :, 30:] = False
    hu[flesh] = 250  # the half of what is soft
    hu[(hu == 50) & ~flesh] = -80
    assert "HU_IMPLAUSIBLE" not in flags_of(evidence_of(hu, mask=mask))


def test_noise_is_flagged_from_its_limit_on(hu: np.ndarray, evidence_of: Make) -> None:
    mask = hu > 500
    grain = np.random.default_rng(0).normal(0, 1, hu.shape)
    for sigma, flagged in ((40, False), (90, True)):
        noisy = np.rint(hu + sigma * grain).astype(np.int16)
        assert ("NOISE" in flags_of(evidence_of(noisy, mask=mask))) is flagged


def test_a_jump_between_slices_is_flagged_where_it_is(evidence_of: Make) -> None:
    steady = flags_of(evidence_of(bar([0.0] + [1.0] * 11)))
    jump = flags_of(evidence_of(bar([0.0] + [1.0] * 5 + [3.0] + [1.0] * 6)))
    assert "SLICE_DROPPED" not in steady
    assert jump["SLICE_DROPPED"].index == 5
    assert holds(jump["SLICE_DROPPED"].message, 6, 7)


def test_a_jump_to_a_slice_without_bone_is_flagged_too(evidence_of: Make) -> None:
    hu = bar([0.0] + [1.0] * 5 + [12.0] + [1.0] * 6)
    mask = hu > 500
    mask[6] = False
    flag = flags_of(evidence_of(hu, mask=mask))["SLICE_DROPPED"]
    assert flag.index == 5
    assert flag.doubtful_mm3 > 0


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_step_is_told_in_slices(missing: int, evidence_of: Make) -> None:
    evidence = evidence_of(bar([0.0] + [1.0] * 5 + [1.0 + missing] + [1.0] * 6))
    leads = measure_signs(evidence).steps.in_slices()
    assert leads[5] == pytest.approx(1 + missing, abs=0.5)
    assert np.isnan(leads[[0, 1, -2, -1]]).all()
    assert leads[[3, 7]] == pytest.approx(1.0, abs=0.35)


def test_where_two_slices_change_no_more_than_one_a_larger_step_is_not_two() -> None:
    """Noise changes every slice alike; the steps over two tell nothing there."""
    one = np.full(9, 10.0)
    one[4] = 11.0
    assert Changes(one, np.full(8, 10.0)).in_slices[4] == pytest.approx(1.5)
    assert Changes(one, np.full(8, 20.0)).in_slices[4] == pytest.approx(1.1)


def test_slices_are_numbered_as_they_are_stored(evidence_of: Make) -> None:
    stored = bar([0.0] + [1.0] * 5 + [3.0] + [1.0] * 6)[::-1]
    evidence = evidence_of(np.ascontiguousarray(stored), affine=np.diag([1.0, 1.0, -2.0, 1.0]))
    flag = flags_of(evidence)["SLICE_DROPPED"]
    assert flag.index == 5  # counted from the feet
    assert holds(flag.message, 7, 8)  # of 13, counted as stored


def test_bone_at_the_side_is_cut_and_bone_at_an_end_is_not(
    hu: np.ndarray, evidence_of: Make
) -> None:
    cut = flags_of(evidence_of(np.ascontiguousarray(hu[:, :, :30])))["BONE_CUT"]
    assert cut.severity is Severity.WARNING
    assert "288 mm²" in cut.message  # 16 px of 1 mm, 9 slices of 2 mm
    assert cut.box == (22, 29, 38, 30)


def test_bone_at_the_rim_of_a_round_field_is_cut(hu: np.ndarray, evidence_of: Make) -> None:
    row, column = np.mgrid[:60, :60] - 29.5
    hu[:, 22:38, 22:] = 900
    round_field = np.where(np.hypot(row, column) > 30, -2000, hu).astype(np.int16)
    assert "BONE_CUT" in flags_of(evidence_of(round_field, mask=round_field > 500))


def test_bare_bone_in_even_air_is_not_cut(hu: np.ndarray, evidence_of: Make) -> None:
    bare = np.where(hu > 500, hu, -1024).astype(np.int16)
    assert "BONE_CUT" not in flags_of(evidence_of(bare))


def test_a_slice_that_lost_its_bone_disagrees_with_its_neighbours(
    hu: np.ndarray, evidence_of: Make
) -> None:
    mask = hu > 500
    mask[4, 22:34] = False
    flag = flags_of(evidence_of(hu, mask=mask))["SLICES_DISAGREE"]
    assert (flag.index, flag.box) == (4, (22, 22, 34, 38))


def test_bone_as_dense_as_its_surroundings_is_flagged(hu: np.ndarray, evidence_of: Make) -> None:
    mask = hu > 500
    hu[3:6, 22:38, 22:38] = 100
    flag = flags_of(evidence_of(hu, mask=mask))["LOW_DENSITY"]
    assert holds(flag.message, 4, 6, "100%")
    assert "LOW_DENSITY" not in flags_of(evidence_of(np.where(mask, 300, hu), mask=mask))


def test_a_doubted_piece_is_called_by_its_name(hu: np.ndarray, evidence_of: Make) -> None:
    probability = np.where(hu > 500, 150, 0).astype(np.uint8)
    evidence = replace(evidence_of(hu, probability=probability), names={1: "left tibia"})
    messages = [flag.message for flag in raise_flags(measure_signs(evidence))]
    assert any("left tibia (" in message for message in messages)


def test_slices_and_pieces_the_network_doubts_are_flagged(
    hu: np.ndarray, evidence_of: Make
) -> None:
    probability = np.where(hu > 500, 255, 0).astype(np.uint8)
    probability[2, 22:38, 22:38] = 150
    slices = flags_of(evidence_of(hu, probability=probability))["LOW_CONFIDENCE"]
    assert (slices.index, slices.piece) == (2, None)
    assert "3" in slices.message
    probability[:] = np.where(hu > 500, 180, 0)
    found = raise_flags(measure_signs(evidence_of(hu, probability=probability)))
    (piece,) = (flag for flag in found if flag.piece is not None)
    assert piece.piece == 1
    assert holds(piece.message, "1 (4.6 cm³)", "71%")


def test_mirrored_slices_that_differ_are_flagged(hu: np.ndarray, evidence_of: Make) -> None:
    flips = (Flip(2, 0.99), Flip(6, 0.8))
    flag = flags_of(evidence_of(hu), flips)["FLIPS_DISAGREE"]
    assert flag.index == 6
    assert holds(flag.message, 7, "0.80", 1, 2)


def test_what_the_clean_up_did_is_shown_where_it_did_most(
    hu: np.ndarray, evidence_of: Make
) -> None:
    predicted = hu > 500
    predicted[4, 28:30, 28:31] = False
    predicted[1, 10:12, 30] = True
    predicted[6:, 2:6, 2:6] = True
    cleaned = replace(
        NOTHING_DONE,
        specks_removed=1,
        specks_mm3=4.0,
        outside_removed=1,
        outside_mm3=96.0,
        filled_mm3=12.0,
    )
    flags = flags_of(evidence_of(hu, predicted=predicted, cleaned=cleaned))
    assert holds(flags["SPECKS_REMOVED"].message, 1, "4 mm³")
    assert (flags["SPECKS_REMOVED"].index, flags["SPECKS_REMOVED"].box) == (1, (10, 30, 12, 31))
    assert (flags["OUTSIDE_REMOVED"].index, flags["OUTSIDE_REMOVED"].box) == (6, (2, 2, 6, 6))
    assert (flags["HOLES_FILLED"].index, flags["HOLES_FILLED"].box) == (4, (28, 28, 30, 31))
    assert flags["HOLES_FILLED"].severity is Severity.INFO
    large = evidence_of(hu, predicted=predicted, cleaned=replace(cleaned, filled_mm3=1200.0))
    assert flags_of(large)["HOLES_FILLED"].severity is Severity.WARNING


def test_warnings_come_first_and_among_them_what_puts_most_in_doubt(
    hu: np.ndarray, evidence_of: Make
) -> None:
    mask = hu > 500
    hu[4, 28:31, 28] = 3071
    for filled, codes in (
        (1200.0, ["HOLES_FILLED", "METAL", "BONE_ENDS_AT_SCAN"]),
        (400.0, ["METAL", "HOLES_FILLED", "BONE_ENDS_AT_SCAN"]),
    ):
        cleaned = replace(NOTHING_DONE, filled_mm3=filled)
        found = raise_flags(measure_signs(evidence_of(hu, mask=mask, cleaned=cleaned)))
        assert [flag.code for flag in found] == codes


def test_a_speck_is_no_first_card(hu: np.ndarray, evidence_of: Make) -> None:
    cleaned = replace(NOTHING_DONE, specks_removed=1, specks_mm3=2.0, filled_mm3=77.0)
    found = raise_flags(measure_signs(evidence_of(hu, mask=hu > 500, cleaned=cleaned)))
    assert [flag.code for flag in found][-3:] == [
        "BONE_ENDS_AT_SCAN",
        "HOLES_FILLED",
        "SPECKS_REMOVED",
    ]


def much_wrong(hu: np.ndarray, evidence_of: Make) -> Evidence:
    """Doubtful slices apart from each other, many doubtful pieces, metal, a cut field, a hole."""
    probability = np.where(hu > 500, 140, 0).astype(np.uint8)
    probability[[3, 4]] = np.where(hu[[3, 4]] > 500, 255, 0)
    labels = (hu > 500).astype(np.uint8)
    for label, row in enumerate((2, 5, 8, 11, 14), start=2):
        hu[0, row : row + 2, 3:5] = 600
        labels[0, row : row + 2, 3:5] = label
        probability[0, row : row + 2, 3:5] = 120
    mask = labels != 0
    hu[7, 28:31, 28] = 3071
    cleaned = replace(NOTHING_DONE, specks_removed=2, specks_mm3=4.0, filled_mm3=12.0)
    return evidence_of(
        np.ascontiguousarray(hu[:, :, :34]),
        mask=mask[:, :, :34],
        probability=probability[:, :, :34],
        labels=labels[:, :, :34],
        cleaned=cleaned,
    )


def test_each_kind_of_doubt_is_told_once_and_in_plain_words(
    hu: np.ndarray, evidence_of: Make
) -> None:
    found = raise_flags(
        replace(measure_signs(much_wrong(hu, evidence_of)), flips=(Flip(6, 0.5), Flip(1, 0.6)))
    )
    kinds = [(flag.code, flag.piece is None) for flag in found]
    assert len(kinds) == len(set(kinds))
    assert len(kinds) >= 6
    for flag in found:
        assert not re.search(r"[A-Z]{3}|_", flag.message)
        assert flag.doubtful_mm3 >= LIMITS.small_mm3 or flag.severity is Severity.INFO


def test_small_doubtful_pieces_are_counted_and_never_first(
    hu: np.ndarray, evidence_of: Make
) -> None:
    """Five pieces of 8 mm³ each beside a bone that is sure."""
    probability = np.where(hu > 500, 255, 0).astype(np.uint8)
    labels = (hu > 500).astype(np.uint8)
    for label, row in enumerate((2, 5, 8, 11, 14), start=2):
        labels[0, row : row + 2, 3:5] = label
        probability[0, row : row + 2, 3:5] = 120
    evidence = evidence_of(hu, mask=labels != 0, labels=labels, probability=probability)
    (flag,) = (one for one in raise_flags(measure_signs(evidence)) if one.piece is not None)
    assert flag.severity is Severity.INFO
    assert holds(flag.message, 5, "40 mm³")


def test_positions_that_are_known_leave_no_slice_missing(evidence_of: Make) -> None:
    evidence = evidence_of(bar([0.0] + [1.0] * 5 + [3.0] + [1.0] * 6))
    assert "SLICE_DROPPED" in flags_of(evidence)
    assert "SLICE_DROPPED" not in flags_of(replace(evidence, positions_known=True))


def test_a_bone_that_begins_within_steady_flesh_is_no_missing_slice(evidence_of: Make) -> None:
    """A second bone appears beside the first, as at a joint; the leg moves on by 1 px a slice."""
    hu = bar([0.0] + [1.0] * 12)
    for k in range(7, len(hu)):
        place = 20 + k + 8
        hu[k, 34:46, place - 16 : place - 9] = 900
    evidence = evidence_of(hu)
    steps = measure_signs(evidence).steps
    assert steps.mask.in_slices[6] > LIMITS.step_slices
    assert "SLICE_DROPPED" not in flags_of(evidence)


def test_without_a_spacing_nothing_is_called_a_millimetre(
    hu: np.ndarray, evidence_of: Make
) -> None:
    mask = hu > 500
    hu[4, 28:31, 28] = 3071
    cut = np.ascontiguousarray(hu[:, :, :30])
    evidence = evidence_of(cut, mask=mask[:, :, :30], affine=np.eye(4), spacing_known=False)
    messages = " ".join(flag.message for flag in flags_of(evidence).values())
    assert "mm" not in messages
    assert holds(messages, 3, 128)


def suspicion(heights_mm: list[float], probability: float = 0.45) -> Suspicion:
    """A suspicion across the bone: a line along its columns 24 to 35 at each of these heights."""
    places = [(column, 30.0, z) for z in heights_mm for column in range(24, 36)]
    centre = (29.5, 30.0, float(np.mean(heights_mm)))
    return Suspicion(Cut(1, 1, 320.0, probability, centre), 4000.0, np.array(places))


def test_a_suspected_fracture_is_flagged_with_bone_slice_box_and_place(
    hu: np.ndarray, evidence_of: Make
) -> None:
    evidence = evidence_of(hu, suspected=[suspicion([6.0, 8.0, 8.4])])
    flag = flags_of(evidence)["FRACTURE_SUSPECTED"]
    assert flag.severity is Severity.WARNING
    assert (flag.index, flag.piece, flag.box) == (4, 1, (30, 24, 31, 36))
    assert flag.doubtful_mm3 == pytest.approx(0.45 * 4000)
    assert flag.centre_mm == suspicion([6.0, 8.0, 8.4]).cut.centre_mm
    assert holds(flag.message, "piece 1", "slice 5", 0.45, "3.2 cm²")
    assert len(evidence.line_of(flag)) == 24
    assert (evidence.line_of(flag)[:, 0] == 30).all()


def test_each_suspected_border_is_a_flag_of_its_own_the_most_bone_first(
    hu: np.ndarray, evidence_of: Make
) -> None:
    several = [suspicion([4.0], 0.41), suspicion([10.0], 0.49)]
    flags = [
        flag
        for flag in raise_flags(measure_signs(evidence_of(hu, suspected=several)))
        if flag.code == "FRACTURE_SUSPECTED"
    ]
    assert [flag.index for flag in flags] == [5, 2]


def test_a_line_between_thick_slices_is_shown_in_one_of_them(
    hu: np.ndarray, evidence_of: Make
) -> None:
    thick = np.diag([1.0, 1.0, 5.0, 1.0])
    evidence = evidence_of(hu, affine=thick, suspected=[suspicion([12.4])])
    flag = flags_of(evidence)["FRACTURE_SUSPECTED"]
    assert (flag.index, len(evidence.line_of(flag))) == (2, 12)


def test_the_slice_is_counted_as_in_a_viewer_if_the_head_comes_first(
    hu: np.ndarray, evidence_of: Make
) -> None:
    down = np.diag([1.0, 1.0, -2.0, 1.0])
    flag = flags_of(evidence_of(hu, affine=down, suspected=[suspicion([-2.0])]))
    assert holds(flag["FRACTURE_SUSPECTED"].message, "slice 2")
