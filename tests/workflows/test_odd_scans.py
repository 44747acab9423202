"""Scans at the end of what there is: each gives a whole folder and a report that says so."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from afunet.formats.nifti import write_nifti
from afunet.geometry import Volume
from afunet.workflows.segment import SegmentOptions, segment

pytestmark = pytest.mark.usefixtures("small_pictures")


def no_bone(cylinder: Volume) -> Volume:
    return cylinder.with_voxels(np.minimum(cylinder.voxels, 60))


def one_slice(cylinder: Volume) -> Volume:
    return Volume(cylinder.voxels[:1], cylinder.affine)


def all_bone(cylinder: Volume) -> Volume:
    grain = np.random.default_rng(0).integers(-100, 100, cylinder.shape, dtype=np.int16)
    voxels = 50 + grain // 4
    voxels[:, 8:, 8:-8] = 650 + grain[:, 8:, 8:-8]  # to the lower edge
    voxels[:, :4] = voxels[:, :, :4] = voxels[:, :, -4:] = -1000
    voxels[:, :4] += grain[:, :4] // 4  # air, not padding
    return cylinder.with_voxels(voxels)


def metal_everywhere(cylinder: Volume) -> Volume:
    voxels = cylinder.voxels.copy()
    voxels[np.random.default_rng(0).random(voxels.shape) < 0.2] = 3071
    return cylinder.with_voxels(voxels)


ODD = {
    no_bone: {"NO_BONE"},
    one_slice: set(),
    all_bone: {"BONE_CUT"},
    metal_everywhere: {"METAL", "BONE_CUT"},
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_scan_gives_a_report_that_says_so(
    odd: Callable[[Volume], Volume], cylinder: Volume, weights: Path, tmp_path: Path
) -> None:
    write_nifti(odd(cylinder), tmp_path / "ct.nii.gz")
    options = SegmentOptions(weights=weights, formats=("nifti", "stl", "vtp", "glb"))
    case = segment(tmp_path / "ct.nii.gz", tmp_path / "out", options)
    said = [*case.report.findings, *case.report.flags]
    assert ODD[odd] <= {one.code for one in said}
    assert all((case.folder / name).exists() for name in case.report.files)
    written = json.loads((case.folder / "report.json").read_text(encoding="utf-8"))
    assert written["surface"]["open_edges"] == written["surface"]["nonmanifold_edges"] == 0
    assert all(piece["watertight"] for piece in written["pieces"])
    page = (case.folder / "report.html").read_text(encoding="utf-8")
    words = re.sub(r'src(doc)?="[^"]*"', "", page)  # without the pictures and the viewer
    assert not re.search(r"\b(nan|inf|None)\b", words)
