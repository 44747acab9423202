import csv
import json
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.refusals import refused

from afunet.errors import Cancelled, ConfigError, GeometryError, InputError
from afunet.formats.nifti import write_nifti
from afunet.geometry import Volume
from afunet.geometry.tolerances import SAME_PLACE_MM
from afunet.inference.device_choice import DeviceChoice
from afunet.preprocessing.orientation import AxialView
from afunet.watch import CancelToken, Watch
from afunet.workflows.evaluate import Evaluation, evaluate_network
from afunet.workflows.evaluate import evaluate_masks as evaluate_pairs
from afunet.workflows.evaluated_pairs import Pair, pair_up
from afunet.workflows.evaluation_files import write_evaluation


def write_mask(path: Path, *rows_of_bone: int, label: int = 1, shift_mm: float = 0.0) -> Path:
    """Slices of 4 × 4 pixels, the first so many rows of each being bone."""
    voxels = np.zeros((len(rows_of_bone), 4, 4), np.uint8)
    for plane, rows in zip(voxels, rows_of_bone, strict=True):
        plane[:rows] = label
    affine = np.eye(4)
    affine[0, 3] = shift_mm
    write_nifti(Volume(voxels, affine), path)
    return path


def evaluate_masks(found: list[Path], truth: list[Path], names: list[str]) -> Evaluation:
    return evaluate_pairs([Pair(*files) for files in zip(names, found, truth, strict=True)])


def test_masks_are_compared_slice_by_slice_case_by_case_and_pooled(tmp_path: Path) -> None:
    """Case a: slices of 4 of 8 and 16 of 16 pixels found; case b: 4 of 4 and 4 too many.

    Dice of the slices: 8/12, 1, 8/12; of the cases: 2·20/(20 + 24) and 2·4/(8 + 4); pooled
    2·24/(28 + 28).
    """
    found = [write_mask(tmp_path / "pa.nii", 1, 4), write_mask(tmp_path / "pb.nii", 2)]
    truth = [write_mask(tmp_path / "ta.nii", 2, 4), write_mask(tmp_path / "tb.nii", 1)]
    result = evaluate_masks(found, truth, ["a", "b"])
    means = result.agreement
    assert means.per_slice["dice"] == pytest.approx((2 / 3 + 1 + 2 / 3) / 3)
    assert means.per_case["dice"] == pytest.approx((40 / 44 + 8 / 12) / 2)
    assert means.pooled["dice"] == pytest.approx(48 / 56)
    assert means.pooled["iou"] == pytest.approx(24 / 32)
    assert (means.slices, means.cases, means.empty_slices) == (3, 2, 0)
    assert result.cases["a"] == pytest.approx(
        {"dice": 40 / 44, "iou": 20 / 24, "recall": 20 / 24, "precision": 1.0}
    )
    assert result.cases["b"] == pytest.approx(
        {"dice": 8 / 12, "iou": 4 / 8, "recall": 1.0, "precision": 4 / 8}
    )


def test_surfaces_are_measured_in_millimetres_case_by_case(tmp_path: Path) -> None:
    found, truth = write_mask(tmp_path / "p.nii", 1, 4), write_mask(tmp_path / "t.nii", 1, 4)
    same = evaluate_masks([found, found], [truth, truth], ["a", "b"]).distances
    assert same["b"] == {"nsd_1mm": 1.0, "nsd_2mm": 1.0, "hd95_mm": 0.0, "assd_mm": 0.0}
    wider = evaluate_masks([found], [write_mask(tmp_path / "w.nii", 2, 4)], ["a"]).distances["a"]
    assert 0 < wider["assd_mm"] < wider["hd95_mm"]


def test_any_label_but_zero_is_bone(tmp_path: Path) -> None:
    found = write_mask(tmp_path / "p.nii", 2, label=1)
    truth = write_mask(tmp_path / "t.nii", 2, label=75)
    assert evaluate_masks([found], [truth], ["a"]).agreement.pooled["dice"] == 1


def test_slices_without_bone_are_counted_apart(tmp_path: Path) -> None:
    found, truth = write_mask(tmp_path / "p.nii", 0, 2), write_mask(tmp_path / "t.nii", 0, 1)
    means = evaluate_masks([found], [truth], ["a"]).agreement
    assert (means.slices, means.empty_slices) == (1, 1)
    assert means.per_slice["dice"] == pytest.approx(2 / 3)


def test_masks_on_other_grids_are_refused(tmp_path: Path) -> None:
    truth = write_mask(tmp_path / "t.nii", 1, 2)
    moved = write_mask(tmp_path / "moved.nii", 1, 2, shift_mm=0.5)
    longer = write_mask(tmp_path / "longer.nii", 1, 2, 3)
    for other in (moved, longer):
        with refused(GeometryError, "OTHER_GRID", "a"):
            evaluate_masks([other], [truth], ["a"])


def lesion() -> Volume:
    """An L of three voxels, unlike all its mirror images, on a turned grid."""
    voxels = np.zeros((4, 5, 6), np.uint8)
    voxels[0, 1, 2], voxels[1, 1, 2], voxels[1, 3, 2] = 1, 1, 2
    cosine, sine = np.cos(0.3), np.sin(0.3)
    affine = np.array(
        [[0.5 * cosine, -0.8 * sine, 0, 7], [0.5 * sine, 0.8 * cosine, 0, -3], [0, 0, 2, 9]]
    )
    return Volume(voxels, np.vstack([affine, [0, 0, 0, 1]]))


def stored(volume: Volume, order: tuple[int, ...], flips: tuple[bool, ...]) -> Volume:
    """The same volume with its axes (column, row, slice) in another order, some backwards."""
    view = AxialView((order[0], order[1], order[2]), (flips[0], flips[1], flips[2]))
    turned = view.apply(volume)
    return Volume(np.ascontiguousarray(turned.voxels), turned.affine)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("flips", list(product([False, True], repeat=3)))
def test_one_grid_stored_along_other_axes_is_turned_and_told(
    tmp_path: Path, order: tuple[int, ...], flips: tuple[bool, ...]
) -> None:
    write_nifti(lesion(), tmp_path / "t.nii")
    write_nifti(stored(lesion(), order, flips), tmp_path / "p.nii")
    result = evaluate_masks([tmp_path / "p.nii"], [tmp_path / "t.nii"], ["a"])
    assert result.cases["a"]["dice"] == 1
    assert [score.values["dice"] for score in result.structures["a"]] == [1, 1]
    is_same = order == (0, 1, 2) and not any(flips)
    codes = [finding.code for finding in result.findings.get("a", ())]
    assert codes == ([] if is_same else ["TURNED"])


@pytest.mark.parametrize(("apart", "agrees"), [(0.9, True), (1.2, False)])
def test_two_grids_are_one_within_the_tolerance(tmp_path: Path, apart: float, agrees: bool) -> None:
    truth = write_mask(tmp_path / "t.nii", 1, 2)
    moved = write_mask(tmp_path / "m.nii", 1, 2, shift_mm=apart * SAME_PLACE_MM)
    if agrees:
        assert evaluate_masks([moved], [truth], ["a"]).cases["a"]["dice"] == 1
    else:
        with refused(GeometryError, "OTHER_GRID"):
            evaluate_masks([moved], [truth], ["a"])


def unplace(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(252)  # qform_code and sform_code (nifti1.h)
        file.write(bytes(4))


def test_what_is_noticed_about_either_file_is_told_and_written(tmp_path: Path) -> None:
    truth = write_mask(tmp_path / "t.nii", 1, 2)
    found = write_mask(tmp_path / "p.nii", 1, 2)
    almost = np.zeros((2, 4, 4), np.float32)
    almost[0, :1], almost[1, :2] = 0.99999, 0.99999
    write_nifti(Volume(almost, np.eye(4)), found)
    unplace(truth)
    with refused(GeometryError, "OTHER_GRID"):
        evaluate_masks([found], [truth], ["a"])
    unplace(found)
    result = evaluate_masks([found], [truth], ["a"])
    assert result.cases["a"]["dice"] == 1
    told = [(item.code, item.message.split(":")[0]) for item in result.findings["a"]]
    assert told == [
        ("ORIENTATION_UNKNOWN", "prediction"),
        ("LABELS_ROUNDED", "prediction"),
        ("ORIENTATION_UNKNOWN", "truth"),
    ]
    write_evaluation(result, tmp_path / "e.json")
    written = json.loads((tmp_path / "e.json").read_text())["cases"]["a"]["findings"]
    assert [finding["code"] for finding in written] == [code for code, _ in told]


def test_every_mask_needs_its_truth(tmp_path: Path) -> None:
    truth = write_mask(tmp_path / "t.nii", 1)
    with refused(InputError, "PAIRS_UNEVEN", 1, 2):
        pair_up([truth], [truth, truth])


def write_labels(path: Path, *labels: int) -> Path:
    """One row of voxels, 1 mm each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_nifti(Volume(np.array([[labels]], np.uint8), np.eye(4)), path)
    return path


def test_label_maps_are_also_compared_label_by_label(tmp_path: Path) -> None:
    """Label 1: 2 of 3 voxels found, Dice 4/5; label 2: 2 voxels for 1, Dice 2/3."""
    found = write_labels(tmp_path / "p.nii", 1, 1, 0, 2, 2)
    truth = write_labels(tmp_path / "t.nii", 1, 1, 1, 0, 2)
    result = evaluate_masks([found], [truth], ["a"])
    dice = {score.structure: score.values["dice"] for score in result.structures["a"]}
    assert dice == pytest.approx({"label 1": 4 / 5, "label 2": 2 / 3})
    assert result.cases["a"]["dice"] == pytest.approx(6 / 8)  # as bone: 3 voxels of 4 and 4


def test_names_are_taken_from_beside_the_truth_or_from_a_file(tmp_path: Path) -> None:
    found = write_labels(tmp_path / "p.nii", 1, 2)
    truth = write_labels(tmp_path / "bones.nii", 1, 2)
    tables = {"bones": {"1": "femur", "2": "tibia"}, "fragments": {"1": "other"}}
    (tmp_path / "labels.json").write_text(json.dumps(tables))
    beside = evaluate_masks([found], [truth], ["a"]).structures["a"]
    assert [score.structure for score in beside] == ["femur", "tibia"]
    (tmp_path / "mine.json").write_text('{"1": "F", "2": "T"}')
    named = evaluate_pairs([Pair("a", found, truth)], names=tmp_path / "mine.json")
    assert [score.structure for score in named.structures["a"]] == ["F", "T"]


def test_a_mask_is_compared_with_labels_as_bone(tmp_path: Path) -> None:
    mask, truth = write_labels(tmp_path / "p.nii", 1, 1), write_labels(tmp_path / "t.nii", 1, 2)
    other = write_labels(tmp_path / "q.nii", 5, 5)
    for found in (mask, other):
        result = evaluate_masks([found], [truth], ["a"])
        assert result.cases["a"]["dice"] == 1
        assert (result.structures, result.failed) == ({}, ())


def test_beside_predictions_of_several_labels_one_label_is_a_bone(tmp_path: Path) -> None:
    truth = write_labels(tmp_path / "t.nii", 1, 2)
    found = [
        write_labels(tmp_path / "a.nii", 1, 2),
        write_labels(tmp_path / "b.nii", 1, 0),
        write_labels(tmp_path / "c.nii", 7, 0),
    ]
    result = evaluate_masks(found, [truth] * 3, ["a", "b", "c"])
    tibia = result.structure_means[1]
    assert (tibia.structure, tibia.cases, tibia.one_sided) == ("label 2", 2, 1)
    (failed,) = result.failed
    assert failed.name == "c"
    assert "7" in failed.reason


def test_other_labels_than_the_truth_knows_are_refused(tmp_path: Path) -> None:
    found = write_labels(tmp_path / "p.nii", 1, 7)
    truth = write_labels(tmp_path / "t.nii", 1, 2)
    with refused(InputError, "LABEL_UNKNOWN", 7):
        evaluate_masks([found], [truth], ["a"])


def test_an_empty_truth_is_refused(tmp_path: Path) -> None:
    found, truth = write_labels(tmp_path / "p.nii", 1), write_labels(tmp_path / "t.nii", 0)
    with refused(InputError, "EMPTY_MASK"):
        evaluate_masks([found], [truth], ["a"])


def test_negative_labels_are_refused(tmp_path: Path) -> None:
    found, truth = write_labels(tmp_path / "p.nii", 1), tmp_path / "t.nii"
    write_nifti(Volume(np.array([[[-3]]], np.int16), np.eye(4)), truth)
    with refused(InputError, "NEGATIVE_LABELS", -3):
        evaluate_masks([found], [truth], ["a"])


def test_one_bad_pair_does_not_stop_the_rest(tmp_path: Path) -> None:
    good, empty = write_labels(tmp_path / "g.nii", 1, 0), write_labels(tmp_path / "e.nii", 0, 0)
    result = evaluate_masks([good, good], [good, empty], ["a", "b"])
    assert list(result.cases) == ["a"]
    assert [(case.name, case.code) for case in result.failed] == [("b", "EMPTY_MASK")]
    with refused(InputError, "EMPTY_MASK"):
        evaluate_masks([good, good], [empty, empty], ["a", "b"])


def test_means_have_intervals_over_cases(tmp_path: Path) -> None:
    """Dice 1 and 2/3: with two cases the interval spans both."""
    truth = write_labels(tmp_path / "t.nii", 1, 0, 0)
    found = [truth, write_labels(tmp_path / "p.nii", 1, 1, 0)]
    dice = evaluate_masks(found, [truth, truth], ["a", "b"]).means["dice"]
    assert dice is not None
    assert (dice.low, dice.value, dice.high) == pytest.approx((2 / 3, 5 / 6, 1))
    alone = evaluate_masks([truth], [truth], ["a"]).means["dice"]
    assert alone is not None
    assert alone.low is None


def test_pieces_are_matched_whatever_their_numbers(tmp_path: Path) -> None:
    found = write_labels(tmp_path / "p.nii", 8, 8, 0, 3)
    truth = write_labels(tmp_path / "t.nii", 1, 1, 0, 2)
    pair = Pair("a", found, truth)
    score = evaluate_pairs([pair], fragments=True, smallest_mm3=1).fragments["a"]
    assert [(match.found, match.iou) for match in score.matches] == [(8, 1.0), (3, 1.0)]
    large = evaluate_pairs([pair], fragments=True, smallest_mm3=2).fragments["a"]
    assert len(large.matches) == 1


def test_folders_are_paired_by_name_and_what_is_alone_is_named(tmp_path: Path) -> None:
    for name in ("found/a", "found/b", "true/b", "true/c"):
        write_labels(tmp_path / f"{name}.nii", 1)
    pairs, alone = pair_up([tmp_path / "found"], [tmp_path / "true"])
    assert pairs == (Pair("b", tmp_path / "found/b.nii", tmp_path / "true/b.nii"),)
    assert [case.name for case in alone] == ["a", "c"]
    assert len({case.reason for case in alone}) == 2


CALLED = {
    "its own name": ("found/leg-1.nii.gz", "true/x.nii.gz", "leg-1"),
    "the truth's where the prediction tells its role only": ("mask.nii.gz", "leg 7.nrrd", "leg 7"),
    "the folder's where both do": ("knee-2/mask.nii.gz", "true/label.nii.gz", "knee-2"),
    "none that may be a patient's": ("Quillfeather.nii.gz", "19600102.nii.gz", "case-002"),
    "none that holds a long number": ("leg 1960-01-02.nii", "1234567.nii", "case-002"),
}


@pytest.mark.parametrize("way", CALLED)
def test_a_case_of_a_list_is_called_as_its_file_where_that_names_nobody(
    way: str, tmp_path: Path
) -> None:
    prediction, truth, name = CALLED[way]
    files = [tmp_path / prediction] * 2, [tmp_path / truth] * 2
    pairs, _ = pair_up([tmp_path / "ct.nii", *files[0]], [tmp_path / "ct.nii", *files[1]])
    again = "case-003" if name == "case-002" else f"{name}-2"
    assert [pair.case for pair in pairs] == ["ct", name, again]


def test_a_patients_name_is_in_no_case_of_a_folder(tmp_path: Path) -> None:
    for name in ("found/Quillfeather", "found/leg", "found/Vole", "true/Quillfeather", "true/leg"):
        write_labels(tmp_path / f"{name}.nii", 1)
    pairs, alone = pair_up([tmp_path / "found"], [tmp_path / "true"])
    assert [(pair.case, pair.truth.stem) for pair in pairs] == [
        ("case-001", "Quillfeather"),
        ("leg", "leg"),
    ]
    assert [case.name for case in alone] == ["case-002"]


def test_what_segment_writes_for_several_scans_is_paired(tmp_path: Path) -> None:
    for name in ("mask", "instances"):
        write_labels(tmp_path / f"out/k1/{name}.nii.gz", 1)
    write_labels(tmp_path / "true/k1.nii.gz", 1)
    folders = [tmp_path / "out"], [tmp_path / "true"]
    assert pair_up(*folders)[0][0].prediction.name == "mask.nii.gz"
    assert pair_up(*folders, fragments=True)[0][0].prediction.name == "instances.nii.gz"


def test_folders_that_share_no_name_are_refused(tmp_path: Path) -> None:
    write_labels(tmp_path / "found/a.nii", 1)
    write_labels(tmp_path / "true/b.nii", 1)
    with refused(InputError, "NO_PARTNER"):
        pair_up([tmp_path / "found"], [tmp_path / "true"])


def test_an_evaluation_is_written_as_json(tmp_path: Path) -> None:
    found = write_labels(tmp_path / "p.nii", 1, 1, 0, 0)
    truth = write_labels(tmp_path / "t.nii", 1, 0, 2, 0)
    other = write_labels(tmp_path / "q.nii", 1, 0, 2, 0)
    result = evaluate_masks([found, other], [truth, truth], ["a", "b"])
    write_evaluation(result, tmp_path / "scores.json")
    content = json.loads((tmp_path / "scores.json").read_text())
    assert content["cases"]["a"]["structures"]["label 1"]["dice"] == pytest.approx(2 / 3)
    assert content["cases"]["a"]["structures"]["label 2"]["hd95_mm"] is None  # infinite
    assert content["structures"][1]["one_sided"] == 1
    assert content["means"]["values"]["dice"]["mean"] == pytest.approx((1 + 1 / 2) / 2)
    assert content["failed"] == {}


def read_rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_an_evaluation_is_written_as_csv(tmp_path: Path) -> None:
    labels = write_labels(tmp_path / "p.nii", 1, 0, 2)
    write_evaluation(evaluate_masks([labels], [labels], ["a"]), tmp_path / "scores.csv")
    rows = read_rows(tmp_path / "scores.csv")
    assert [(row["case"], row["structure"]) for row in rows] == [
        ("a", "all bone"),
        ("a", "label 1"),
        ("a", "label 2"),
    ]
    assert {row["dice"] for row in rows} == {"1.0"}
    pieces = evaluate_pairs([Pair("a", labels, labels)], fragments=True, smallest_mm3=1)
    write_evaluation(pieces, tmp_path / "pieces.csv")
    rows = read_rows(tmp_path / "pieces.csv")
    assert [(row["true"], row["found"], row["iou"]) for row in rows] == [
        ("1", "1", "1.0"),
        ("2", "2", "1.0"),
    ]
    with refused(ConfigError, "CONFIG_ERROR", ".json", ".csv"):
        write_evaluation(pieces, tmp_path / "pieces.xlsx")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two validation slices whose bone is above 500 HU, one wrongly labelled, and a test slice."""
    lines = ["case,patient,slice,split,status,labelled"]
    for case, split, status, rows in (
        ("a", "val", "checked", 16),
        ("b", "val", "auto", 8),
        ("c", "test", "checked", 16),
    ):
        grey = np.full((40, 40), 60, np.uint8)
        grey[:16] = 200
        mask = np.zeros((40, 40), np.uint8)
        mask[:rows] = 1
        for kind, pixels in (("images", grey), ("masks", mask)):
            (tmp_path / case / kind).mkdir(parents=True)
            Image.fromarray(pixels).save(tmp_path / case / kind / "00.png")
        lines.append(f"{case},{case},0,{split},{status},1")
    (tmp_path / "slices.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_a_network_is_judged_on_one_split(store: Path, weights: Path) -> None:
    """16 rows are found; the truth of a has 16, that of b 8: Dice 1 and 16/24."""
    seen: list[tuple[int, int]] = []
    result = evaluate_network(
        store,
        "val",
        weights=weights,
        device=DeviceChoice.CPU,
        watch=Watch(lambda stage, done, total: seen.append((done, total))),
    )
    assert result.cases["a"]["dice"] == 1
    assert result.cases["b"]["dice"] == pytest.approx(16 / 24)
    assert result.agreement.per_case["dice"] == pytest.approx((1 + 2 / 3) / 2)
    dice = result.means["dice"]
    assert dice is not None
    assert (result.unit, dice.low, dice.high) == ("patients", pytest.approx(2 / 3), 1)
    assert seen[-2:] == [(1, 2), (2, 2)]


def test_a_status_keeps_only_slices_so_marked(store: Path, weights: Path) -> None:
    checked = evaluate_network(store, "val", weights=weights, status="checked")
    assert list(checked.cases) == ["a"]
    with refused(InputError, "NO_LABELLED_SLICE", "'rejected'", "'val'"):
        evaluate_network(store, "val", weights=weights, status="rejected")


def test_an_unknown_split_is_refused(store: Path, weights: Path) -> None:
    with refused(InputError, "NO_LABELLED_SLICE", "'dev'"):
        evaluate_network(store, "dev", weights=weights)


def test_judging_a_network_can_be_cancelled(store: Path, weights: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        evaluate_network(store, "val", weights=weights, watch=Watch(cancel=cancel))
