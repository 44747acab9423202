"""The comparison with other networks: resuming, refusals, and nnU-Net's rows on tiny patches."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.tiny_sets import Printed

from afunet.formats.nifti import write_nifti
from afunet.geometry import Volume
from afunet.inference.engines.runtimes import RUNTIMES
from afunet.models.checkpoint import load_checkpoint
from afunet.models.export import export_onnx
from afunet.phantom import SimulatedLeg
from benchmarks import peers
from benchmarks.peers_parts import scene
from benchmarks.peers_parts.plans import Field, Plan
from benchmarks.peers_parts.table import print_table
from benchmarks.peers_parts.work import Measured, Work, measure

TINY = Plan((16, 16, 16), 5.0)
Run = Callable[..., Printed]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    leg: SimulatedLeg,
    weights: Path,
) -> Run:
    """`run(*rows)`: the printed table of those rows, on a tiny leg."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # a run sets it
    monkeypatch.setattr(scene, "simulate", lambda config: leg)
    monkeypatch.setattr(peers, "SIZE_PX", 32)
    monkeypatch.setattr(peers, "PRODUCT", 64)
    monkeypatch.setattr(peers, "PLAN_2D", Plan((32, 32)))
    monkeypatch.setattr(peers, "PLANS_3D", {"5mm": TINY})
    monkeypatch.setattr(peers, "LEGS", Field((16, 32, 32), (5.0, 4.0, 4.0)))

    def printed(*rows: str, options: tuple[str, ...] = ()) -> Printed:
        settings = ["--weights", f"afunet={weights}", "--threads", "1", "--slices", "2"]
        peers.main([*settings, "--rows", *rows, *options])
        return Printed(capsys.readouterr().out)

    return printed


def cells(printed: Printed, label: str) -> dict[str, str]:
    """A row of the table by its columns."""
    (table,) = printed.tables
    heading = [name.removesuffix(":") for name in table.heading]
    (row,) = [row for row in table.rows if row[0] == label]
    return dict(zip(heading, row, strict=True))


def test_the_middle_of_a_scan_is_scored_and_only_for_afunet(
    run: Run, monkeypatch: pytest.MonkeyPatch, cylinder: Volume, tmp_path: Path
) -> None:
    scan, label = tmp_path / "scan.nii.gz", tmp_path / "label.nii.gz"
    write_nifti(cylinder, scan, "")
    write_nifti(cylinder.with_voxels(np.uint8(cylinder.voxels > 500)), label, "")
    monkeypatch.setattr(peers, "SIZE_PX", 48)
    options = ("--scan", str(scan), "--label", str(label))
    printed = run("afunet", "basic-unet", options=options)
    assert cells(printed, "**afunet**")["Dice"] == "1.0000"
    assert cells(printed, "MONAI BasicUNet")["Dice"] == "–"
    assert "a scan of 6 slices, 2.00 x 1.00 x 1.00 mm" in printed.text.splitlines()


def test_a_scan_needs_its_label(run: Run, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        run("basic-unet", options=("--scan", str(tmp_path)))


def test_rows_are_compared_in_matrix_products_measured_beside_each(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = Measured(2.0, 1.5, 1.0, 80.0, 0.97, "openvino float32", "3 slices")
    second = Measured(4.0, 4.0, 1.0, 80.0, 0.97, "torch float32", "3 slices")
    slowed = Measured(12.0, 7.0, 4.0, None, None, "float32", "3 slices")
    rows = {"a": first, "b": second, "c": slowed}
    labels = {"c": "C", "b": "B", "a": "A", "d": "not measured"}
    print_table(rows, labels, {"of A": first, "of B": second, "of D": None})
    (table,) = Printed(capsys.readouterr().out).tables
    found = [" ".join(row) for row in table.rows]
    assert found == [
        "C float32 12.000 7.000 3.000 1.50 0.75 – – – 3 slices",
        "B torch float32 4.000 4.000 4.000 2.00 1.00 – 80.0 0.9700 3 slices",
        "A openvino float32 2.000 1.500 2.000 1.00 0.50 – 80.0 0.9700 3 slices",
    ]


def test_afunet_stands_with_what_it_chooses_and_with_each_runtime(run: Run) -> None:
    printed = run("afunet", "afunet-torch")
    assert cells(printed, "**afunet**")["of afunet's"] == "1.00"
    assert cells(printed, "afunet in torch")["format"] == "torch float32"
    assert cells(printed, "afunet in torch")["of afunet's in torch"] == "1.00"


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_all_runtimes_count_the_same_operations_and_find_the_same(
    run: Run, runtime: str, weights: Path, tmp_path: Path
) -> None:
    pytest.importorskip(RUNTIMES[runtime].package, reason="needs its extra")
    beside = tmp_path / "tiny.safetensors"
    shutil.copy(weights, beside)
    export_onnx(load_checkpoint(weights), beside.with_suffix(".onnx"))
    rows = ("afunet-torch", f"afunet-{runtime}")
    printed = run(*rows, options=("--weights", f"afunet={beside}"))
    torch_row, row = (cells(printed, f"afunet in {name}") for name in ("torch", runtime))
    assert row["format"] == f"{runtime} float32"
    for column in ("GFLOP/slice", "Dice"):
        assert row[column] == torch_row[column] != "–"


def test_without_afunet_nothing_is_compared_with_it(run: Run) -> None:
    assert cells(run("basic-unet"), "MONAI BasicUNet")["of afunet's"] == "–"


def test_finished_rows_are_kept_and_not_measured_again(run: Run, tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    first = run("basic-unet", options=("--results", str(results)))
    kept = json.loads(results.read_text())
    kept["rows"]["basic-unet"]["cpu_s"] = 123.0
    results.write_text(json.dumps(kept))
    both = run("basic-unet", "attention-unet-16", options=("--results", str(results)))
    assert [len(first.tables[0].rows), len(both.tables[0].rows)] == [1, 2]
    assert cells(both, "MONAI BasicUNet")["CPU s/slice"] == "123.000"


def test_a_row_of_other_weights_is_measured_again(run: Run, tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    run("afunet", options=("--results", str(results)))
    kept = json.loads(results.read_text())
    kept["rows"]["afunet"].update(cpu_s=123.0, sha256="of others")
    results.write_text(json.dumps(kept))
    again = run("afunet", options=("--results", str(results)))
    assert cells(again, "**afunet**")["CPU s/slice"] != "123.000"


def test_rows_of_other_slices_do_not_enter_the_table(run: Run, tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    run("basic-unet", options=("--results", str(results)))
    with pytest.raises(SystemExit, match="give another --results"):
        run("basic-unet", options=("--results", str(results), "--slices", "3"))


def test_an_unknown_row_is_refused(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("no-such-row")
    assert "no-such-row" in capsys.readouterr().err


def test_a_row_without_its_package_is_left_out_by_name(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda package: None if package == "nnunetv2" else 1)
    printed = run("basic-unet", "nnunet-2d")
    assert [row[0] for row in printed.tables[0].rows] == ["MONAI BasicUNet"]
    assert "left out: nnunet-2d: pip install" in printed.text


def test_what_is_measured_counts_passes_and_operations() -> None:
    calls = []
    a = torch.ones(10, 10)
    work = Work(lambda: a @ a, lambda: calls.append(1), units=4, per_slice=2.0, said="")
    found = measure(work, 8)
    assert found.gflop == pytest.approx(2 * 2 * 10**3 / 1e9)  # two passes of 10³ multiply-adds
    assert len(calls) == 3
    assert found.dice is None


@pytest.mark.filterwarnings("ignore")  # those of nnU-Net's own imports
def test_nnunet_runs_in_two_and_three_dimensions(run: Run) -> None:
    pytest.importorskip("nnunetv2", reason="needs the extra bench")
    names = ("nnunet-2d", "nnunet-2d-mirrored", "nnunet-5mm", "nnunet-5mm-mirrored")
    printed = run(*names, "resampling-5mm")
    off, on, flat, mirrored = (
        cells(printed, f"nnU-Net {name}, mirroring {said}")
        for name in ("2d", "5mm")
        for said in ("off", "on")
    )
    assert off["timed"] == "2 of 16 patches"
    assert on["timed"] == "2 of 16 patches x 4"
    assert flat["timed"] == "1 of 9 patches"  # 16 x 26 x 26 voxels
    assert mirrored["timed"] == "1 of 9 patches x 8"
    assert float(on["GFLOP/slice"]) == pytest.approx(4 * float(off["GFLOP/slice"]), abs=0.3)
    assert float(mirrored["GFLOP/slice"]) == pytest.approx(8 * float(flat["GFLOP/slice"]), abs=0.5)
    assert cells(printed, "nnU-Net's resampling to 5mm and back")["GFLOP/slice"] == "–"
