"""What a DICOM scan tells about itself, and what it must not tell."""

import numpy as np

from afunet.formats.readers import list_series, read_labels, read_scan
from afunet.watch import Watch


def test_the_source_tells_the_scanner_and_the_region(tmp_path, write_series, axial):
    write_series(
        tmp_path,
        axial,
        BodyPartExamined="ANKLE",
        Manufacturer="ACME",
        ManufacturerModelName="Spiral 9",
        PatientPosition="FFS",
    )
    source = read_scan(tmp_path).source
    assert source.kind == "DICOM series"
    assert source.file_count == 4
    assert source.modality == "CT"
    assert (source.body_part, source.region, source.region_basis) == (
        "ANKLE",
        "ankle",
        "BodyPartExamined",
    )
    assert (source.manufacturer, source.model, source.kernel) == ("ACME", "Spiral 9", "B60f")
    assert source.slice_thickness_mm == 2.0
    assert source.patient_position == "FFS"
    assert source.transfer_syntax == "Explicit VR Little Endian"
    assert source.spacing_known


def test_no_identifier_is_in_source_and_findings(tmp_path, write_series, axial):
    (tmp_path / "Doe_Jane.txt").write_text("PID-4711")
    write_series(tmp_path / "Doe_Jane", axial, RescaleType="US")
    scan = read_scan(tmp_path)
    told = f"{scan.source} {scan.findings}"
    assert scan.source.region == "knee"  # from the description, of which only the word is kept
    for secret in ("Doe", "Jane", "4711", "0815", "1951", "2020", "1.2.826", str(tmp_path)):
        assert secret not in told


def test_a_listing_holds_no_identifier_but_the_series_uid(tmp_path, write_series, axial):
    write_series(tmp_path, axial)
    (summary,) = list_series(tmp_path)
    told = str(summary).replace(summary.uid, "")
    for secret in ("Doe", "Jane", "4711", "0815", "1951", "2020", "1.2.826"):
        assert secret not in told


def test_every_slice_is_reported(tmp_path, write_series, axial):
    write_series(tmp_path, axial)
    calls = []
    read_scan(tmp_path, watch=Watch(lambda *call: calls.append(call)))
    assert [call[1:] for call in calls] == [(done, 4) for done in (1, 2, 3, 4)] * 2
    assert len({stage for stage, _, _ in calls}) == 2


def test_the_legs_and_their_label_lie_on_one_grid(shared_data):
    scan = read_scan(shared_data / "legs-dicom" / "dicom")
    label = read_labels(shared_data / "legs-dicom" / "label.nii.gz")
    assert scan.volume.shape == (46, 512, 512)
    assert scan.volume.voxels.dtype == np.int16
    assert scan.volume.voxels.min() == -1000
    np.testing.assert_allclose(scan.volume.spacing_mm, (0.84, 0.84, 3.0))
    codes = [finding.code for finding in scan.findings]
    assert codes == ["NO_FILE_HEADER", "HEADER_DIFFERS"]  # each slice has a study time of its own
    assert scan.volume.same_grid(label)
    _assert_bone_only_where_labelled(scan.volume, label)


def test_the_arms_and_their_label_lie_on_one_grid(shared_data):
    scan = read_scan(shared_data / "arms-dicom" / "dicom")
    label = read_labels(shared_data / "arms-dicom" / "bone_machine_label.nii.gz")
    assert scan.volume.shape == (20, 512, 512)
    assert scan.source.transfer_syntax.startswith("JPEG 2000")
    assert scan.volume.same_grid(label)
    _assert_bone_only_where_labelled(scan.volume, label)


def _assert_bone_only_where_labelled(ct, label):
    inside = label.voxels > 0
    assert np.mean(ct.voxels[inside] > 150) > 0.7
    assert np.median(ct.voxels[~inside]) < -900
    for axis in range(3):  # a flip along any axis would not find as much bone
        assert np.mean(ct.voxels[np.flip(inside, axis)] > 150) < 0.6
