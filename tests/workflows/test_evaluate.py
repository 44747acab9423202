from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from afunet.errors import Cancelled, GeometryError, InputError
from afunet.formats.nifti import write_nifti
from afunet.geometry import Volume
from afunet.inference.device import DeviceChoice
from afunet.progress import CancelToken
from afunet.workflows.evaluate import Evaluation, evaluate_network
from afunet.workflows.evaluate import evaluate_masks as evaluate_pairs
from afunet.workflows.evaluated_pairs import Pair, pair_up


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
        with pytest.raises(GeometryError, match="prediction of a lies on another grid"):
            evaluate_masks([other], [truth], ["a"])


def test_every_mask_needs_its_truth(tmp_path: Path) -> None:
    truth = write_mask(tmp_path / "t.nii", 1)
    with pytest.raises(InputError, match="1 predictions and 2 truths"):
        pair_up([truth], [truth, truth])


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
        progress=lambda stage, done, total: seen.append((done, total)),
    )
    assert result.cases["a"]["dice"] == 1
    assert result.cases["b"]["dice"] == pytest.approx(16 / 24)
    assert result.agreement.per_case["dice"] == pytest.approx((1 + 2 / 3) / 2)
    assert seen[-2:] == [(1, 2), (2, 2)]


def test_a_status_keeps_only_slices_so_marked(store: Path, weights: Path) -> None:
    checked = evaluate_network(store, "val", weights=weights, status="checked")
    assert list(checked.cases) == ["a"]
    with pytest.raises(InputError, match="no slice of status 'rejected' in split 'val'"):
        evaluate_network(store, "val", weights=weights, status="rejected")


def test_an_unknown_split_is_refused(store: Path, weights: Path) -> None:
    with pytest.raises(InputError, match="no labelled slice in split 'dev'"):
        evaluate_network(store, "dev", weights=weights)


def test_judging_a_network_can_be_cancelled(store: Path, weights: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        evaluate_network(store, "val", weights=weights, cancel=cancel)
