"""nnU-Net's plans, worked out by hand and compared with nnU-Net's own planner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import KNEE, LEGS, PLAN_2D, PLANS_3D
from benchmarks.peers_parts.nnunet import plans_of
from benchmarks.peers_parts.plans import Field, Plan

PLANS = [PLAN_2D, *PLANS_3D.values(), Plan((32, 32)), Plan((16, 32, 24)), Plan((40, 160, 160))]
CUBES = Field((100, 64, 64), (1.0, 2.0, 2.0))


def test_a_slice_of_512_px_is_halved_seven_times_down_to_4_px() -> None:
    assert PLAN_2D.strides == ((1, 1), *[(2, 2)] * 7)
    assert PLAN_2D.features == (32, 64, 128, 256, 512, 512, 512, 512)


def test_a_cube_of_128_voxels_is_halved_five_times() -> None:
    plan = PLANS_3D["1.5mm"]
    assert plan.strides == ((1, 1, 1), *[(2, 2, 2)] * 5)
    assert plan.features == (32, 64, 128, 256, 320, 320)


def test_the_last_axis_alone_is_not_halved_from_8_voxels() -> None:
    assert PLANS_3D["3mm"].strides == ((1, 1, 1), *[(2, 2, 2)] * 4)  # 112 → 7, 128 → 8


def test_the_last_axis_alone_is_halved_from_12_voxels() -> None:
    assert Plan((4, 16, 4)).strides == ((1, 1, 1), (1, 2, 1))
    assert Plan((4, 12, 4)).strides == ((1, 1, 1), (1, 2, 1))
    assert Plan((4, 11, 4)).strides == ((1, 1, 1),)


def test_patches_overlap_by_half() -> None:
    plan = Plan((64, 64, 64), 1.0)
    assert plan.patches(Field((64, 64, 64), (1.0, 1.0, 1.0))) == 1
    assert plan.patches(Field((65, 64, 64), (1.0, 1.0, 1.0))) == 2
    assert plan.patches(Field((96, 64, 64), (1.0, 1.0, 1.0))) == 2
    assert plan.patches(Field((97, 128, 64), (1.0, 1.0, 1.0))) == 3 * 3


def test_a_scan_smaller_than_the_patch_is_padded_to_one() -> None:
    assert Plan((64, 64, 64), 1.0).patches(Field((5, 20, 64), (1.0, 1.0, 1.0))) == 1


def test_a_scan_is_resampled_to_cubes_before_it_is_cut() -> None:
    assert CUBES.resampled(2.0) == (50, 64, 64)
    assert Plan((50, 64, 64), 2.0).patches(CUBES) == 1
    assert Plan((50, 64, 64), 1.0).patches(CUBES) == 3 * 3 * 3  # 100, 128, 128 voxels


def test_a_plan_without_voxel_size_takes_slices_one_by_one() -> None:
    assert PLAN_2D.patches(LEGS) == 200
    assert Plan((256, 256)).patches(LEGS) == 200 * 3 * 3


def test_legs_of_410_mm_need_32_patches_at_1_5_mm_and_4_at_3_mm() -> None:
    assert LEGS.resampled(1.5) == (133, 273, 273)  # 2 x 4 x 4
    assert {name: plan.patches(LEGS) for name, plan in PLANS_3D.items()} == {"1.5mm": 32, "3mm": 4}


def test_a_knee_of_205_mm_needs_8_patches_at_1_5_mm_and_1_at_3_mm() -> None:
    assert KNEE.resampled(1.5) == (133, 137, 137)  # 2 x 2 x 2
    assert {name: plan.patches(KNEE) for name, plan in PLANS_3D.items()} == {"1.5mm": 8, "3mm": 1}


def test_mirroring_multiplies_the_passes_by_two_for_each_axis() -> None:
    assert PLAN_2D.mirrorings == 4
    assert PLANS_3D["3mm"].mirrorings == 8


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: str(plan.patch))
def test_nnunet_halves_the_same_axes(plan: Plan) -> None:
    topology = _nnunet("experiment_planning.experiment_planners.network_topology")
    axes = len(plan.patch)
    found = topology.get_pool_and_conv_props((1.0,) * axes, plan.patch, 4, 999_999)
    assert found[1] == plan.strides


@pytest.mark.parametrize("name", PLANS_3D)
@pytest.mark.parametrize("field", [LEGS, KNEE, CUBES], ids=["legs", "knee", "cubes"])
def test_nnunet_cuts_as_many_patches(name: str, field: Field) -> None:
    sliding = _nnunet("inference.sliding_window_prediction")
    resampling = _nnunet("preprocessing.resampling.default_resampling")
    plan = PLANS_3D[name]
    size = resampling.compute_new_shape(field.shape, field.spacing_mm, (plan.spacing_mm,) * 3)
    padded = tuple(max(whole, part) for whole, part in zip(size, plan.patch, strict=True))
    steps = sliding.compute_steps_for_sliding_window(padded, plan.patch, 0.5)
    assert len(steps[0]) * len(steps[1]) * len(steps[2]) == plan.patches(field)


def test_the_planner_of_nnunet_chooses_the_2d_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planning = _nnunet("experiment_planning.experiment_planners.default_experiment_planner")
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "raw"))
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path / "preprocessed"))
    _write_dataset(tmp_path, "Dataset001_Legs", cases=20)
    planner = planning.ExperimentPlanner("Dataset001_Legs")
    voxels = 20.0 * 200 * 512 * 512
    found = planner.get_plans_for_configuration((0.8, 0.8), (512, 512), "2d", voxels, {})
    ours = plans_of(PLAN_2D)["configurations"]["planned"]["architecture"]
    assert tuple(found["patch_size"]) == PLAN_2D.patch
    assert found["architecture"] == ours


def _write_dataset(home: Path, name: str, cases: int) -> None:
    """As much of a data set as the planner looks at."""
    shape, spacing = LEGS.shape, LEGS.spacing_mm
    labels = {"labels": {"background": 0, "bone": 1}, "channel_names": {"0": "CT"}}
    fingerprint = {
        "shapes_after_crop": [shape] * cases,
        "spacings": [spacing] * cases,
        "median_relative_size_after_cropping": 1.0,
    }
    raw, ready = home / "raw" / name, home / "preprocessed" / name
    for folder in (raw / "imagesTr", raw / "labelsTr", ready):
        folder.mkdir(parents=True)
    (raw / "imagesTr" / "leg_0000.nii.gz").touch()
    told = {**labels, "numTraining": cases, "file_ending": ".nii.gz"}
    (raw / "dataset.json").write_text(json.dumps(told))
    (ready / "dataset_fingerprint.json").write_text(json.dumps(fingerprint))


def _nnunet(module: str) -> Any:
    """A module of nnunetv2; the test is skipped where the extra `bench` is not installed."""
    pytest.importorskip("nnunetv2", reason="needs the extra bench")
    return pytest.importorskip(f"nnunetv2.{module}")
