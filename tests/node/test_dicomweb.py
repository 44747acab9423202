"""The whole way by DICOMweb alone: found and fetched, segmented, stored back and found again."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import highdicom
import numpy as np
import pydicom
from dicomweb_client.api import DICOMwebClient
from pydicom.uid import generate_uid
from tests.conftest import THRESHOLD_HU
from tests.node.conftest import Orthanc, copies, free_port, started, until

from afunet.geometry import Volume
from afunet.node.home import Home
from afunet.node.status import status_of

CONFIG = """
ae_title = "AFUNET"
port = {port}
data = "data"
free_mib = 1
[[peers]]
name = "web"
web = "{web}/dicom-web"
[[pulls]]
peer = "web"
every_s = 2.0
[[rules]]
name = "femora"
description = "femur"
least_slices = 5
quiet_s = 1.0
counted_by = "web"
[results]
send_to = ["web"]
formats = ["seg", "rtstruct", "sr", "pdf"]
weights = "{weights}"
"""


def test_a_study_goes_round_by_dicomweb_and_the_segmentation_is_the_mask(
    orthanc: Orthanc, weights: Path, series: list[Path], cylinder: Volume, tmp_path: Path
) -> None:
    (images,), study = copies(series), generate_uid()
    for image in images:
        image.StudyDate, image.StudyInstanceUID = f"{date.today():%Y%m%d}", study
        image.SeriesDescription = "Femur"
        file = io.BytesIO()
        image.save_as(file)
        orthanc.take(file.getvalue())
    config = tmp_path / "node.toml"
    config.write_text(CONFIG.format(port=free_port(), web=orthanc.web, weights=weights))
    with started(config) as node:
        home = Home(tmp_path / "data")
        until(lambda: status_of(home).results == {"delivered": 4}, pause_s=1.0)
        assert len(node.said("series pulled", images=len(images))) == 1
    client = DICOMwebClient(f"{orthanc.web}/dicom-web")
    found = {}
    for one in client.search_for_series(study):
        kind, uid = one["00080060"]["Value"][0], one["0020000E"]["Value"][0]
        found[kind] = client.retrieve_series(study, uid)
    assert {kind: len(objects) for kind, objects in found.items()} == {
        "CT": len(images),
        **dict.fromkeys(("SEG", "RTSTRUCT", "SR", "DOC"), 1),
    }
    segmentation = highdicom.seg.Segmentation.from_dataset(found["SEG"][0])
    planes = [image.SOPInstanceUID for image in images]
    bone = segmentation.get_pixels_by_source_instance(planes, combine_segments=True, relabel=True)
    assert np.array_equal(bone > 0, cylinder.voxels > THRESHOLD_HU)
    document: pydicom.Dataset = found["DOC"][0]
    assert document.EncapsulatedDocument.startswith(b"%PDF-")
    assert len(document.SourceInstanceSequence) == len(images)
