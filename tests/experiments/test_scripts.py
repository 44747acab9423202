"""Every script that trains, fits or draws what is shipped runs on tiny data; its files are read."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
import torch
from scipy import ndimage
from tests.tiny_sets import Printed, simulate_only

from afunet.anatomy.bone_module import BoneNamerModule
from afunet.anatomy.bone_network import BONE_NAMES
from afunet.anatomy.evidence import FEATURES
from afunet.anatomy.naming import SIDE_FEATURES, shipped_namer
from afunet.anatomy.side_module import LimbSiderModule
from afunet.anatomy.side_network import LIMB_SIDES
from afunet.anatomy.sureness import Judges
from afunet.fragments.cut_rules import CutRules
from afunet.models.checkpoint import load_checkpoint, save_checkpoint
from afunet.models.contact_network import CONTACTS
from afunet.models.expected_dice import read_model
from afunet.models.network_file import load_network_file
from afunet.models.shipped import shipped_path
from afunet.phantom import SIMULATOR, VERSION, SimulatedLeg
from afunet.plain import from_plain
from afunet.training.recording import LOG, losses_in
from experiments import (
    average_weights,
    calibrate,
    compress,
    confidence_cases,
    draw_broken_bones,
    draw_contact_bones,
    draw_limb_views,
    draw_name_cuts,
    export_shipped,
    fit_confidence,
    fit_cuts,
    fit_name_sureness,
    ship_weights,
    simulate_perez_carrasco,
    train_bone_names,
    train_contact,
    train_limb_sides,
)

ROOT = Path(__file__).parents[2]


def test_every_script_is_here() -> None:
    scripts = {
        path.stem for path in (ROOT / "experiments").glob("*.py") if "def main(" in path.read_text()
    }
    assert {f"experiments.{name}" for name in scripts} <= set(sys.modules)


def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    return Printed(capsys.readouterr().out)


def test_averaged_weights_lie_between_both(weights: Path, tmp_path: Path) -> None:
    first = load_checkpoint(weights)
    network = first.network()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 1
    second = tmp_path / "second.safetensors"
    save_checkpoint(second, network, first.header)
    average_weights.main([str(weights), str(second), "0.25", str(tmp_path / "out.safetensors")])
    mixed = load_checkpoint(tmp_path / "out.safetensors")
    name = "head.weight"
    assert np.allclose(mixed.weights[name], first.weights[name] + 0.25)
    assert mixed.header.training["averaged"]["share"] == 0.25


def test_shipped_weights_are_halved_and_say_where_they_come_from(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "shipped.safetensors"
    recipe = ["--recipes", "one.toml", "two.toml"]
    ship_weights.main([str(weights), "abc1234", "0.25", *recipe, "-o", str(target)])
    found = load_checkpoint(target)
    assert found.header.threshold == 0.25
    assert found.header.training["commit"] == "abc1234"
    assert {value.dtype for value in found.weights.values() if value.dtype.kind == "f"} == {
        np.dtype(np.float16)
    }
    assert found.sha256 in capsys.readouterr().out
    assert load_network_file(target).graph is not None


def test_the_onnx_file_of_each_weights_file_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(shipped_path("limb-sides.safetensors"), tmp_path)
    export_shipped.main([str(tmp_path)])
    assert "limb-sides.onnx: 0.2 MB" in capsys.readouterr().out
    made, shipped = (
        LIMB_SIDES.load(path / "limb-sides.onnx") for path in (tmp_path, shipped_path().parent)
    )
    assert made.config == shipped.config
    windows = np.random.default_rng(0).random((2, 2, *made.config.size), dtype=np.float32)
    assert np.array_equal(made(windows), shipped(windows))


def test_a_calibration_is_fitted_told_and_kept(
    tiny: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, figure = tmp_path / "calibrated.safetensors", tmp_path / "reliability.png"
    calibrate.main(
        [str(weights), "--data", str(tiny / "knee"), "-o", str(output), "--figure", str(figure)]
    )
    errors, band = printed(capsys).tables
    assert [row[:2] for row in errors.rows] == [
        ["knee", "all"],
        ["knee", "within 5 px of an outline"],
    ]
    assert all(0 <= float(number) <= 1 for number in errors.numbers() + band.numbers())
    scale, offset = load_checkpoint(output).header.calibration
    assert scale > 0
    assert np.isfinite(offset)
    assert figure.stat().st_size > 1000


def test_the_curve_has_points_of_every_method() -> None:
    points = compress.load_curve(ROOT / "experiments" / "compress.toml").point
    assert len(points) >= 8
    assert {point.method for point in points} == set(compress.Method)


def test_points_of_a_curve_are_made_one_of_another_and_once(
    tiny: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipe.toml").write_text(
        "options = { width = 4, depth = 2 }\nsteps = 1\nbatch_size = 1\nvalidate_every = 1\n"
        f'crop = {{ size_px = 32 }}\ndistillation = {{ teacher = "{weights}" }}\n'
        '[[data]]\npath = "knee"\n'
    )
    curve, runs = tmp_path / "curve.toml", tmp_path / "runs"
    curve.write_text(
        '[[point]]\nname = "small"\nlabel = "small"\nmethod = "distil"\nrecipe = "recipe.toml"\n'
        '[[point]]\nname = "half"\nlabel = "half"\nmethod = "prune"\nof = "small"\nshare = 0.5\n'
        'recipe = "recipe.toml"\n'
    )
    compress.main([str(curve), "--runs", str(runs)])
    made = [runs / name / "best.safetensors" for name in ("small", "half")]
    small, half = map(load_checkpoint, made)
    assert half.header.training["lineage"][-1]["parent"] == small.sha256
    assert (runs / "half" / "taught-0.npz").samefile(runs / "small" / "taught-0.npz")
    written = [path.stat().st_mtime_ns for path in made]
    capsys.readouterr()
    compress.main([str(curve), "--runs", str(runs), "--only", "half"])
    assert capsys.readouterr().out == f"half: {made[1]}\n"
    assert [path.stat().st_mtime_ns for path in made] == written


@pytest.mark.filterwarnings("ignore:An input array is constant")  # three legs are one
def test_the_expected_dice_is_fitted_on_cases_and_judged_on_them(
    tiny: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache, model = tmp_path / "cache", tmp_path / "fitted.json"
    seen = [str(cache), "--weights", str(weights)]
    confidence_cases.main([*seen, "--data", str(tiny / "knee"), "--knees", "val"])
    limbs = str(tiny / "shapes-llp26" / "*.npz")
    confidence_cases.main([*seen, "--seed", "1", "--legs", "3", "--limbs", limbs])
    confidence_cases.main(
        [*seen, "--dicom", *(str(tiny / "legs-dicom" / name) for name in ("dicom", "label.nii.gz"))]
    )
    capsys.readouterr()
    fit_confidence.main([str(cache), "-o", str(model), "--weights", str(weights)])
    assert read_model(model).sha256 == load_checkpoint(weights).sha256
    groups, scans = printed(capsys).tables
    assert len(scans.rows) == 6
    assert {row[0] for row in groups.rows} >= {"knee", "DICOM", "all real", "all simulated"}
    lines = np.array(read_model(model).lines)
    assert lines.shape == (3, 1 + len(fit_confidence.SIGNS))
    assert (lines[:, 1:] >= 0).all()
    fit_confidence.main([str(cache), "--judge", str(model)])
    again = printed(capsys).tables[1]
    assert {row[0] for row in again.rows} == {row[0] for row in scans.rows}
    confidence_cases.main(
        [str(tmp_path / "other"), "--again", str(cache), "--weights", str(weights)]
    )
    for first in cache.glob("*.npz"):
        before, after = np.load(first), np.load(tmp_path / "other" / first.name)
        given = [key for key in before.files if key not in ("predicted", "probability")]
        assert all(np.array_equal(before[key], after[key]) for key in given)
        assert before["predicted"].shape == after["predicted"].shape


def test_views_of_limbs_are_drawn_and_learnt_from(
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(draw_limb_views, "MIXED", 0)
    limbs, views = str(tiny / "shapes-llp26" / "sample0[0-2].npz"), tmp_path / "views"
    few = ["--parts", "0", "1", "--kinds", "limbs", "--fields", "3"]
    draw_limb_views.main(["-o", str(views), "--limbs", limbs, *few])
    for script, folder, (file, build) in (
        (train_bone_names, "places", (BONE_NAMES, BoneNamerModule)),
        (train_limb_sides, "windows", (LIMB_SIDES, LimbSiderModule)),
    ):
        output = tmp_path / f"{folder}.safetensors"
        arguments = ["-o", str(output), f"--{folder}", str(views / folder)]
        script.main([*arguments, "--epochs", "3"])
        assert capsys.readouterr().out.count("epoch ") == 3
        drawn = [np.load(path) for path in (views / folder).glob("*.npz")]
        assert {int(part["simulator"]) for part in drawn} == {VERSION}
        losses = losses_in(output.with_suffix("") / LOG)
        assert len(losses) == 3
        assert np.isfinite(losses).all()
        assert not file.load_module(output, build).training
        script.main([*arguments, "--epochs", "3"])  # goes on from its end: nothing is left to do
        assert losses_in(output.with_suffix("") / LOG) == losses


def write_bones(folder: Path, fragments: int) -> None:
    """Blocks of so many fragments side by side, of two patients."""
    bone = np.zeros((40, 40, 60), dtype=np.int16)
    for number, columns in enumerate(np.array_split(np.arange(5, 55), fragments), start=1):
        bone[5:35, 5:35, columns] = number
    for patient, hu in (("001", 300), ("002", 400)):
        for kind, voxels in (("ct", hu * (bone > 0)), ("fragments", bone)):
            image = nibabel.Nifti1Image(voxels.astype(np.int16), np.diag([-1.0, -1.0, 1.0, 1.0]))
            nibabel.save(image, folder / f"{patient}_femur_{kind}.nii.gz")


def test_bones_with_contacts_are_drawn_and_learnt_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_bones(tmp_path, fragments=2)
    pool, output = tmp_path / "pool", tmp_path / "contacts.safetensors"
    few = ["-o", str(pool), "--source", str(tmp_path), "--copies", "1", "--breaks", "1"]
    draw_contact_bones.main(few)
    written = {path.name: path.stat().st_mtime_ns for path in pool.iterdir()}
    assert {name for name in written if name.startswith("001")} == {
        "001_femur_real000.npy",
        "001_femur_real001.npy",
        "001_femur-1_break000.npy",
        "001_femur-2_break000.npy",
    }
    hu, labels, depth = np.load(pool / "001_femur_real000.npy")
    assert np.bincount(labels[labels > 0]).tolist() == [0, 30 * 30 * 25, 30 * 30 * 25]
    assert set(np.unique(hu[labels > 0])) == {300}
    assert depth.max() == 15 * draw_contact_bones.DEPTH_UNIT
    draw_contact_bones.main(few)  # goes on from its end: nothing is left to do
    assert {path.name: path.stat().st_mtime_ns for path in pool.iterdir()} == written
    small = ["--patch", "16", "--batch", "2", "--widths", "2", "4", "--steps", "2"]
    arguments = ["-o", str(output), "--bones", str(pool), "--leave-out", "002", *small]
    train_contact.main([*arguments, "--epochs", "2"])
    assert capsys.readouterr().out.count("epoch ") == 2
    losses = losses_in(output.with_suffix("") / LOG)
    assert len(losses) == 4
    assert np.isfinite(losses).all()
    network = export_shipped.export(output)
    assert CONTACTS.load(network).config.widths == (2, 4)
    rules = tmp_path / "rules.json"
    seen = [f"{patient}={network}" for patient in ("001", "002")]
    fit_cuts.main(["--bones", str(pool), "-o", str(rules), "--leave-out", *seen])
    assert {row[0] for row in printed(capsys).tables[0].rows} >= {"001", "002", "all"}
    fitted = {
        key: from_plain(CutRules, one, key) for key, one in json.loads(rules.read_text()).items()
    }
    assert set(fitted) == {"001", "002", ""}
    assert all(np.isfinite((one.bias, *one.weights)).all() for one in fitted.values())


def test_bones_of_legs_are_drawn_under_the_exact_and_the_predicted_mask(
    tmp_path: Path, leg: SimulatedLeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate_only(leg, monkeypatch)
    bones = leg.bones.volume
    larger = bones.with_voxels(ndimage.binary_dilation(bones.voxels > 0).astype(np.uint8))
    network = SimpleNamespace(mask=lambda scan: larger)
    monkeypatch.setattr(draw_contact_bones, "_shipped", lambda: network)
    pool, nothing = tmp_path / "pool", tmp_path / "nothing"
    nothing.mkdir()
    seeds = ["--leg-seeds", "1", "2", "--knee-seeds", "3", "4"]
    none = ["--source", str(nothing), "--copies", "-1", "--breaks", "0"]
    draw_contact_bones.main(["-o", str(pool), *none, *seeds])
    for name in ("leg0001", "leg3h", "leg3c"):
        _, exact, _ = np.load(pool / f"{name}_tibia-left_leg-exact.npy")
        _, predicted, _ = np.load(pool / f"{name}_tibia-left_leg-predicted.npy")
        assert np.array_equal(np.unique(exact), np.unique(predicted))
        assert len(np.unique(exact)) > 2
        assert np.count_nonzero(predicted) > np.count_nonzero(exact)


def test_targets_are_contacts_and_nothing_outside_the_bone() -> None:
    fragments = np.zeros((1, 5, 12), dtype=np.int16)
    fragments[0, 1:4, 1:6], fragments[0, 1:4, 6:11] = 1, 2
    (targets,) = train_contact.targets_of(fragments)
    ignored, bone, contact = train_contact.IGNORED, 0, 1
    assert targets[0, 2].tolist() == [
        ignored,
        *[bone] * 3,
        *[contact] * 4,
        *[bone] * 3,
        ignored,
    ]
    assert (targets[0, 0] == ignored).all()


def test_broken_bones_are_drawn_from_files_and_drawing_goes_on(tmp_path: Path) -> None:
    write_bones(tmp_path, fragments=1)
    output = tmp_path / "broken"
    common = ["-o", str(output), "--source", str(tmp_path), "--leave-out", "002", "--bones", "0"]
    draw_broken_bones.main([*common, "1"])
    first = (output / "bone-00000.npz").read_bytes()
    draw_broken_bones.main([*common, "2"])
    assert (output / "bone-00000.npz").read_bytes() == first
    drawn = [np.load(path) for path in sorted(output.glob("bone-*.npz"))]
    assert [str(one["name"]) for one in drawn] == ["001_femur 1"] * 2
    for one in drawn:
        labels, hu = one["fragments"], one["hu"]
        assert labels.max() >= 1
        assert labels.shape == hu.shape
        assert not hu[labels == 0].any()
        assert abs(np.median(hu[labels > 0]) - 300) < 60
        assert np.linalg.det(one["affine"]) > 0


def test_cuts_are_drawn_and_their_pieces_heard(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draw_name_cuts, "MOST_VOXELS", 20_000)
    draw_name_cuts.main(["-o", str(tmp_path), "--cuts", "0", "2"])
    for cut in sorted(tmp_path.glob("cut-*.npz")):
        assert int(np.load(cut)["simulator"]) == VERSION
        heard = np.load(fit_name_sureness.hear_cut(cut))
        pieces = len(heard["best"])
        assert {len(heard[name]) for name in fit_name_sureness.ENTRIES} == {pieces}
        assert heard["values"].shape[1] == len(FEATURES) + len(SIDE_FEATURES)
        assert np.isfinite(heard["values"]).all()
        assert set(heard["side"].tolist()) <= {"", "left", "right"}


def test_the_sureness_of_names_is_fitted_on_what_was_heard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng, classes = np.random.default_rng(0), shipped_namer().config.classes
    for number in range(0, 40, 2):
        best = rng.integers(len(classes), size=12)
        values = rng.uniform(-1, 1, (12, len(FEATURES) + len(SIDE_FEATURES)))
        bones = np.where(values[:, 0] > -0.5, np.array(classes)[best], "none of them")
        left = rng.random(12) < 0.5
        sides = np.where(left ^ (values[:, 1] < -0.5), "left", "right")
        told = {"best": best, "values": values, "left": left, "bone": bones, "side": sides}
        np.savez(tmp_path / f"cut-{number:05d}.npz")
        np.savez(tmp_path / f"heard-{number:05d}.npz", **told, part=np.ones(12))
    output = tmp_path / "sureness.json"
    fit_name_sureness.main(["--cuts", str(tmp_path), "-o", str(output)])
    for table in printed(capsys).tables:
        *_, (_, pieces, mean, right) = table.rows  # of 0.8 and more
        assert int(pieces) > 20
        assert float(mean) > 80
        assert float(right) > 90
    fitted = Judges.load(output)
    good, bad = np.zeros((1, len(FEATURES))), np.zeros((1, len(FEATURES)))
    good[0, 0], bad[0, 0] = 0.8, -0.9
    one = np.array([0])
    assert fitted.bone.sureness(one, good) > 0.8
    assert fitted.bone.sureness(one, bad) < 0.3


def test_a_set_is_simulated_as_perez_carrascos_is_laid_out(tiny: Path, tmp_path: Path) -> None:
    limbs = str(tiny / "shapes-llp26" / "*.npz")
    simulate_perez_carrasco.main([str(tmp_path / "set"), "--limbs", limbs, "--volumes", "2"])
    for patient in ("P01", "P02"):
        names = {path.name for path in (tmp_path / "set" / patient / "V1").iterdir()}
        assert names == {"ct.nii.gz", "label.nii.gz"}
        for name in names:
            header = nibabel.load(tmp_path / "set" / patient / "V1" / name).header
            assert SIMULATOR.encode() in header["descrip"].item()


def test_a_fitted_rule_parts_what_it_was_shown_and_not_what_lies_inside_a_fragment() -> None:
    rng = np.random.default_rng(0)
    inside = rng.uniform((0.0, 0.0, 0.0), (0.5, 1.0, 1.5), (200, 3))
    between = rng.uniform((0.6, 0.3, -1.0), (1.0, 1.0, 0.5), (20, 3))
    cuts = np.arange(220) >= 200
    samples = fit_cuts.Samples(np.concatenate([inside, between]), cuts)
    rules = fit_cuts.fitted(samples, CutRules())
    told = fit_cuts.likelihoods(samples, rules)
    assert ((told > rules.sure) == cuts).all()
    assert rules.weights[0] > 0 > rules.weights[2]
