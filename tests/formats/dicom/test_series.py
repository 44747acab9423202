"""Which of several series is read."""

import numpy as np
import pytest
from tests.refusals import holds, require

from afunet.errors import GeometryError, InputError
from afunet.formats.readers import list_series, read_scan
from afunet.geometry import Volume

LOCALIZER = ["ORIGINAL", "PRIMARY", "LOCALIZER"]


def stack(slices, low=-1000):
    """Slices of 4 × 4 that start at a value which tells the stacks apart."""
    voxels = np.arange(slices * 16).reshape(slices, 4, 4) * 20 + low
    return Volume(voxels, np.diag([1.0, 1.0, 2.0, 1.0]))


def lowest(scan):
    return int(scan.volume.voxels.min())


def test_of_two_series_the_longer_is_read_and_the_choice_is_told(tmp_path, write_series):
    write_series(tmp_path / "a", stack(4, -900), SeriesInstanceUID="1.2.3")
    write_series(tmp_path / "b", stack(6, -800), SeriesInstanceUID="1.2.4")
    scan = read_scan(tmp_path)
    assert lowest(scan) == -800
    (finding,) = scan.findings
    assert finding.code == "SEVERAL_SERIES"
    assert holds(finding.message, " 6 ", " 4 ", "2 mm", "B60f")
    assert finding.message.index(" 6 ") < finding.message.index(" 4 ")  # the one taken comes first


def test_an_original_comes_before_a_longer_derived_series(tmp_path, write_series):
    write_series(tmp_path / "a", stack(4, -900), SeriesInstanceUID="1.2.3")
    write_series(
        tmp_path / "b",
        stack(6, -800),
        SeriesInstanceUID="1.2.4",
        ImageType=["DERIVED", "SECONDARY"],
    )
    assert lowest(read_scan(tmp_path)) == -900


def test_of_two_equally_long_series_the_thinner_is_read(tmp_path, write_series):
    write_series(tmp_path / "a", stack(4, -900), SeriesInstanceUID="1.3", SliceThickness=5)
    write_series(tmp_path / "b", stack(4, -800), SeriesInstanceUID="1.4", SliceThickness=3)
    assert lowest(read_scan(tmp_path)) == -800


def test_a_derived_series_alone_is_read_with_a_warning(tmp_path, write_series):
    write_series(tmp_path, stack(4), ImageType=["DERIVED", "PRIMARY"])
    assert [finding.code for finding in read_scan(tmp_path).findings] == ["DERIVED_SERIES"]


@pytest.mark.parametrize("wanted", ["1.2.840.33", ".33", "33"])
def test_a_series_is_picked_by_its_uid_or_the_end_of_it(tmp_path, write_series, wanted):
    write_series(tmp_path / "a", stack(4, -900), SeriesInstanceUID="1.2.840.33")
    write_series(tmp_path / "b", stack(6, -800), SeriesInstanceUID="1.2.840.44")
    assert lowest(read_scan(tmp_path, series=wanted)) == -900


@pytest.mark.parametrize(("wanted", "found"), [("7", ""), ("4", 2)])
def test_an_unknown_or_ambiguous_uid_gets_the_list(tmp_path, write_series, refusal, wanted, found):
    write_series(tmp_path / "a", stack(4), SeriesInstanceUID="1.2.34")
    write_series(tmp_path / "b", stack(6), SeriesInstanceUID="1.2.44")
    error = refusal(InputError, read_scan, tmp_path, series=wanted)
    require(error, "NO_SUCH_SERIES", found, f"'{wanted}'", 2, "inspect")


def test_a_scout_within_the_series_is_left_out(tmp_path, write_series):
    write_series(tmp_path / "a", stack(4, -900))
    write_series(tmp_path / "b", stack(1, -800), ImageType=LOCALIZER)
    assert read_scan(tmp_path).volume.shape == (4, 4, 4)


def test_another_plane_within_the_series_is_another_stack(tmp_path, write_series):
    write_series(tmp_path / "a", stack(4, -900))
    coronal = np.eye(4)
    coronal[:3, :3] = [[1, 0, 0], [0, 0, 2], [0, -1, 0]]
    write_series(tmp_path / "b", Volume(stack(3).voxels, coronal))
    scan = read_scan(tmp_path)
    assert scan.volume.shape == (4, 4, 4)
    assert "SEVERAL_SERIES" in {finding.code for finding in scan.findings}


def test_localizers_alone_are_refused(tmp_path, write_series, refusal):
    write_series(tmp_path, stack(2), ImageType=LOCALIZER)
    require(refusal(InputError, read_scan, tmp_path), "NO_CT_SERIES", 2)


def test_another_modality_is_refused_by_its_name(tmp_path, write_series, refusal):
    write_series(tmp_path, stack(4), Modality="MR")
    require(refusal(InputError, read_scan, tmp_path), "NO_CT_SERIES", "MR")


def test_a_localizer_picked_by_name_is_refused_too(tmp_path, write_series, refusal):
    write_series(tmp_path / "a", stack(4), SeriesInstanceUID="1.5")
    write_series(tmp_path / "b", stack(1), SeriesInstanceUID="1.6", ImageType=LOCALIZER)
    assert refusal(InputError, read_scan, tmp_path, series="1.6").code == "NO_CT_SERIES"


def test_multi_frame_and_colour_images_are_refused(tmp_path, write_series, refusal):
    write_series(tmp_path / "a", stack(2), NumberOfFrames=8)
    write_series(tmp_path / "b", stack(2), SamplesPerPixel=3)
    require(refusal(InputError, read_scan, tmp_path / "a"), "NO_CT_SERIES", 8)
    assert refusal(InputError, read_scan, tmp_path / "b").code == "NO_CT_SERIES"


def test_the_list_says_why_each_series_was_chosen_or_not(tmp_path, write_series):
    write_series(tmp_path / "a", stack(4), SeriesInstanceUID="1.1")
    write_series(tmp_path / "b", stack(6), SeriesInstanceUID="1.2", BodyPartExamined="KNEE")
    write_series(tmp_path / "c", stack(1), SeriesInstanceUID="1.3", ImageType=LOCALIZER)
    write_series(tmp_path / "d", stack(5), SeriesInstanceUID="1.4", skip=(3,))
    listed = {summary.uid: summary for summary in list_series(tmp_path)}
    assert [listed[f"1.{n}"].chosen for n in (1, 2, 3, 4)] == [False, True, False, False]
    assert len({listed[f"1.{n}"].reason for n in (1, 2, 3)}) == 3
    assert listed["1.2"].source.region == "knee"
    assert listed["1.2"].orientation == "axial"
    assert listed["1.2"].spacing_mm == pytest.approx((1, 1, 2))
    assert listed["1.2"].coverage_mm == pytest.approx(12)
    assert listed["1.2"].source.transfer_syntax == "Explicit VR Little Endian"
    assert [finding.code for finding in listed["1.3"].findings] == ["NOT_A_CT_SERIES"]
    assert listed["1.3"].spacing_mm is None


def test_the_list_holds_the_refusal_that_the_reader_would_give(tmp_path, write_series, refusal):
    write_series(tmp_path, stack(9), skip=(3, 4, 5, 6))
    (summary,) = list_series(tmp_path)
    (finding,) = summary.findings
    assert finding.code == "GAP_TOO_LARGE"
    assert finding.severity == "error"
    assert finding.message == str(refusal(GeometryError, read_scan, tmp_path))


def test_the_list_marks_a_series_picked_by_name(tmp_path, write_series):
    write_series(tmp_path / "a", stack(4), SeriesInstanceUID="1.1")
    write_series(tmp_path / "b", stack(6), SeriesInstanceUID="1.2")
    chosen = [summary.uid for summary in list_series(tmp_path, series="1.1") if summary.chosen]
    assert chosen == ["1.1"]


def test_a_folder_of_a_folder_each_says_how_to_run_them_all(tmp_path, write_series, refusal):
    write_series(tmp_path / "Doe_Jane" / "ct", stack(4))
    write_series(tmp_path / "other" / "ct", stack(5), PatientID="P-2", SeriesInstanceUID="1.4")
    error = refusal(InputError, read_scan, tmp_path)
    require(error, "SEVERAL_PATIENTS", f"afunet segment {tmp_path}/* -o OUT")
    assert "Doe" not in str(error)


def test_two_patients_in_one_folder_cannot_be_run_by_folder(tmp_path, write_series, refusal):
    write_series(tmp_path / "ct", stack(4))
    other = write_series(tmp_path / "x", stack(5), PatientID="P-2", SeriesInstanceUID="1.4")
    for path in other:
        path.rename(tmp_path / "ct" / f"{path.name}b")
    error = refusal(InputError, read_scan, tmp_path)
    require(error, "SEVERAL_PATIENTS")
    assert "afunet segment" not in str(error)


def test_the_number_in_the_list_chooses_where_one_uid_is_shared(tmp_path, write_series):
    write_series(tmp_path / "a", stack(4, -900))
    coronal = np.eye(4)
    coronal[:3, :3] = [[1, 0, 0], [0, 0, 2], [0, -1, 0]]
    write_series(tmp_path / "b", Volume(stack(3, -800).voxels, coronal))
    assert lowest(read_scan(tmp_path, series="1")) == -900
    assert lowest(read_scan(tmp_path, series="2")) == -800
    assert [one.chosen for one in list_series(tmp_path, series="2")] == [False, True]


def test_a_series_without_uid_is_chosen_by_its_number(tmp_path, write_series):
    write_series(tmp_path / "a", stack(4, -900), SeriesInstanceUID=None, SliceThickness=5)
    write_series(tmp_path / "b", stack(6, -800), SeriesInstanceUID="1.4", SliceThickness=3)
    assert lowest(read_scan(tmp_path, series="1")) == -900


def test_what_reading_refuses_is_not_marked_in_the_list(tmp_path, write_series, refusal):
    write_series(tmp_path, stack(4, 100))
    (summary,) = list_series(tmp_path)
    assert not summary.chosen
    assert summary.findings[-1].message == str(refusal(InputError, read_scan, tmp_path))
    assert summary.findings[-1].code == "VALUES_NOT_HU"


def test_the_list_holds_what_reading_finds(tmp_path, write_series):
    write_series(tmp_path, stack(9, -1000), RescaleType="US", skip=(4,))
    (summary,) = list_series(tmp_path)
    codes = {finding.code for finding in summary.findings}
    assert codes == {finding.code for finding in read_scan(tmp_path).findings}
    assert {"RESCALE_NOT_HU", "GAP"} <= codes


def test_a_large_series_is_listed_without_its_pixels_and_says_so(
    tmp_path, write_series, monkeypatch
):
    monkeypatch.setattr("afunet.formats.dicom.listing.MOST_VOXELS", 3)
    write_series(tmp_path, stack(4))
    (summary,) = list_series(tmp_path)
    assert summary.chosen
    assert [finding.code for finding in summary.findings] == ["VALUES_NOT_READ"]


def test_a_torn_series_is_known_by_each_of_its_uids(tmp_path, write_series):
    write_series(tmp_path, stack(4), change=lambda at: {"SeriesInstanceUID": f"1.7.{at}"})
    assert read_scan(tmp_path, series="1.7.2").volume.shape[0] == 4
