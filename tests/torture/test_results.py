"""DICOM results of leg after leg with an odd header: written as they should be, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from afunet.errors import OutputError
from afunet.formats.dicom.algorithm import Algorithm
from afunet.formats.dicom.result import result_planes
from afunet.formats.dicom.rtstruct import write_rtstruct
from afunet.formats.dicom.segmentation import write_segmentation
from afunet.formats.readers import read_scan

from . import cases
from .cases_headers import CASES, UNSOUND
from .leg import THRESHOLD_HU

ALGORITHM = Algorithm("AFU-Net", "0.1.0", "ab" * 32)


FRAMES = ("enhanced multi-frame", "enhanced multi-frame, frames shuffled")


@pytest.mark.parametrize("name", [*CASES, *FRAMES])
def test_results_of_an_odd_header_and_of_frames(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    case = cases.CASES[name]
    case.write(folder)
    scan = read_scan(folder)
    seg, structures = tmp_path / "seg.dcm", tmp_path / "rt.dcm"
    if UNSOUND in case.findings:
        with pytest.raises(OutputError) as refusal:
            result_planes(scan)
        assert refusal.value.code == UNSOUND
        return
    placed = result_planes(scan)
    bone = scan.volume.with_voxels((scan.volume.voxels > THRESHOLD_HU).astype(np.uint8))
    segments = [placed.segment("bone", bone)]
    write_segmentation(segments, placed, ALGORITHM, seg)
    write_rtstruct(segments, placed, ALGORITHM, structures)
    first = dcmread(seg).PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0]
    assert ("ReferencedFrameNumber" in first.SourceImageSequence[0]) == (name in FRAMES)
    assert int(dcmread(seg).pixel_array.sum()) == int(bone.voxels.sum())
    assert len(dcmread(structures).ROIContourSequence[0].ContourSequence) > len(bone.voxels)
    assert capfd.readouterr() == ("", "")
