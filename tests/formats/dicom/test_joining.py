"""Slices that identifiers keep apart: read whole, refused, but never in part."""

from itertools import combinations
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from tests.refusals import holds

from afunet.errors import AfunetError
from afunet.formats.dicom.header import Encoding, header_of
from afunet.formats.dicom.joining import ELEMENTS
from afunet.formats.dicom.picker import pick, require_chosen

SLICES, STEP_MM = 14, 2.0
ENCODING = Encoding("1.2.840.10008.1.2.1", has_file_header=True, has_syntax=True)

# Each identifying element as it is, made anew for a slice, and set to another value.
NUMBERS = {
    "SeriesInstanceUID": ("1.2.3", lambda index: f"1.2.4.{index}", "1.2.5"),
    "StudyInstanceUID": ("1.3.3", lambda index: f"1.3.4.{index}", "1.3.5"),
    "FrameOfReferenceUID": ("1.4.3", lambda index: f"1.4.4.{index}", "1.4.5"),
    "SOPInstanceUID": (None, lambda index: f"1.5.4.{index}", "1.5.5"),
    "PatientID": ("P-1", lambda index: f"P-1-{index}", "P-2"),
    "PatientName": ("Doe^Jo", lambda index: f"Doe{index}^Jo", "Roe^Jo"),
    "PatientBirthDate": ("19600102", lambda index: f"196001{index + 3:02d}", "19700203"),
    "Modality": ("CT", lambda index: f"C{index}", "MR"),
    "ImageType": (
        ["ORIGINAL", "PRIMARY", "AXIAL"],
        lambda index: ["ORIGINAL", "PRIMARY", f"A{index}"],
        ["ORIGINAL", "PRIMARY", "LOCALIZER"],
    ),
    "SOPClassUID": (
        "1.2.840.10008.5.1.4.1.1.2",
        lambda index: f"1.6.4.{index}",
        "1.2.840.10008.5.1.4.1.1.7",
    ),
    "AcquisitionNumber": (1, lambda index: 100 + index, 2),
    "AcquisitionTime": ("101112", lambda index: f"1011{index + 13}", "111213"),
    "SeriesNumber": (2, lambda index: 100 + index, 3),
    "SeriesDescription": ("knee", lambda index: f"knee {index}", "hip"),
    "InstanceNumber": (None, lambda index: 900 - 37 * index % 11, 1),
    "ConvolutionKernel": ("B60f", lambda index: f"B{index}f", "B30f"),
    "SliceThickness": (2.0, lambda index: 2.0 + index, 5.0),
    "PixelSpacing": ([0.5, 0.5], lambda index: [0.5 + 0.01 * index, 0.5], [0.6, 0.6]),
    "Rows": (6, lambda index: 7 + index % 2, 8),
    # Only taken away: elsewhere is another place.
    "ImagePositionPatient": (None, None, None),
    "ImageOrientationPatient": ([1, 0, 0, 0, 1, 0], None, None),
    "StackID": ("1", lambda index: str(index + 3), "2"),
}
WHERE = {
    "all": lambda index: True,
    "the first half": lambda index: index < SLICES // 2,
    "every second": lambda index: index % 2 == 1,
    "one": lambda index: index == 5,
    "the last": lambda index: index == SLICES - 1,
}
REFUSALS = {
    "SERIES_TORN",
    "SEVERAL_PATIENTS",
    "NO_CT_SERIES",
    "NO_POSITION",
    "NO_ORIENTATION",
    "NO_PIXEL_SPACING",
    "SAME_POSITION",
}
TEARING = {"SeriesInstanceUID", "FrameOfReferenceUID", "PatientID", "StackID"}
HOW = ("blank", "renew", "another")


def elements_of(index):
    """What the plain series says in one of its slices."""
    plain = {keyword: value for keyword, (value, _, _) in NUMBERS.items()}
    return {
        **plain,
        "SOPInstanceUID": f"1.5.3.{index}",
        "InstanceNumber": index + 1,
        "ImagePositionPatient": [-20.0, -30.0, STEP_MM * index],
        "Columns": 5,
    }


def changed(elements, index, keyword, how):
    _, renewed, other = NUMBERS[keyword]
    if renewed is None or how == "blank":
        return {**elements, keyword: 0 if keyword == "Rows" else None}
    value = renewed(index) if how == "renew" else other
    return {**elements, keyword: value}


def header(elements, number=0):
    dataset = Dataset()
    for keyword, value in elements.items():
        if value not in (None, ""):
            setattr(dataset, keyword, value)
    return header_of(dataset, Path(f"/ct/IM{number:04d}"), ENCODING)


def series(change=lambda elements, index: elements, slices=SLICES):
    made = [change(elements_of(index), index) for index in range(slices)]
    return tuple(header(elements, number) for number, elements in enumerate(made))


def outcome(headers, name=None):
    """(slices, codes, texts), or the code of the refusal."""
    try:
        choice = pick(headers, name)
        chosen = require_chosen(choice, name)
    except AfunetError as error:
        return error.code or f"without a code: {error}"
    findings = choice.findings + chosen.stack.findings
    return chosen.stack.shape[0], {finding.code: str(finding) for finding in findings}


def test_the_plain_series_is_read_without_a_finding():
    assert outcome(series()) == (SLICES, {})


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("keyword", NUMBERS)
def test_no_element_takes_slices_away(keyword, how, where):
    def change(elements, index):
        return changed(elements, index, keyword, how) if WHERE[where](index) else elements

    result = outcome(series(change))

    if isinstance(result, tuple):
        slices, codes = result
        assert slices == SLICES
        if keyword in ELEMENTS and not (where == "all" and how != "renew"):
            assert keyword in codes["SERIES_JOINED"]
    else:
        assert result in REFUSALS


@pytest.mark.parametrize("where", ["the first half", "every second", "the last"])
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(
    ("first", "second"),
    [pair for pair in combinations(NUMBERS, 2) if "Rows" not in pair and set(pair) & TEARING],
)
def test_no_two_elements_take_slices_away(first, second, how, where):
    def change(elements, index):
        if not WHERE[where](index):
            return elements
        return changed(changed(elements, index, first, how), index, second, how)

    result = outcome(series(change))

    assert result[0] == SLICES if isinstance(result, tuple) else result in REFUSALS


@pytest.mark.parametrize(
    "keyword", ["SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID", "StackID"]
)
@pytest.mark.parametrize("how", ["blank", "renew", "another"])
@pytest.mark.parametrize("where", WHERE)
def test_a_torn_uid_is_mended_not_refused(keyword, how, where):
    def change(elements, index):
        return changed(elements, index, keyword, how) if WHERE[where](index) else elements

    assert outcome(series(change))[0] == SLICES


def shifted(by_mm, **other):
    """A second whole series, moved along the table, everything that names it its own."""
    own = {
        "SeriesInstanceUID": "2.2",
        "SeriesNumber": 3,
        "AcquisitionNumber": 2,
        "SeriesDescription": "second",
        **other,
    }

    def change(elements, index):
        position = [-20.0, -30.0, STEP_MM * index + by_mm]
        named = {"SOPInstanceUID": f"2.5.{index}", "ImagePositionPatient": position}
        return {**elements, **named, **own}

    return series(change)


END_TO_END, HALF_A_STEP = SLICES * STEP_MM, STEP_MM / 2


@pytest.mark.parametrize("by_mm", [END_TO_END, HALF_A_STEP, 0.7, 10 * END_TO_END])
@pytest.mark.parametrize(
    "whose",
    [
        {"PatientID": "P-2"},
        {"PatientID": "P-2", "PatientName": "Roe^Jo", "PatientBirthDate": "19700203"},
        {"PatientID": "P-2", "SeriesInstanceUID": "1.2.3", "StudyInstanceUID": "1.3.3"},
        {"PatientName": "Roe^Jo", "PatientBirthDate": "19700203"},
        {"PatientID": "P-2", "InstanceNumber": None},
    ],
)
def test_two_patients_stay_two_wherever_they_lie(whose, by_mm):
    assert outcome(series() + shifted(by_mm, **whose)) == "SEVERAL_PATIENTS"


@pytest.mark.parametrize("by_mm", [END_TO_END, HALF_A_STEP, 0.7, 0.0])
def test_a_patient_of_unknown_number_is_no_other_and_is_told(by_mm):
    slices, codes = outcome(series() + shifted(by_mm, PatientID=None, FrameOfReferenceUID="2.4"))
    assert slices == SLICES
    assert set(codes) == {"SEVERAL_SERIES"}


@pytest.mark.parametrize("by_mm", [HALF_A_STEP, 0.7, 0.0])
@pytest.mark.parametrize("uid", ["2.2", "1.2.3"])
def test_two_phases_of_one_body_are_not_mixed(by_mm, uid):
    slices, codes = outcome(series() + shifted(by_mm, SeriesInstanceUID=uid))
    assert slices == SLICES
    assert set(codes) & {"SEVERAL_SERIES", "SEVERAL_ACQUISITIONS"}
    assert "SERIES_JOINED" not in codes


def test_two_kernels_in_between_each_other_are_not_mixed():
    assert outcome(series() + shifted(HALF_A_STEP, ConvolutionKernel="B30f"))[0] == SLICES


def test_a_torn_series_is_read_whole_beside_another_one():
    def tear(elements, index):
        return changed(elements, index, "FrameOfReferenceUID", "renew")

    whole, codes = outcome(series(tear) + shifted(0.0, ConvolutionKernel="B30f"), "1.2.3")
    assert whole == SLICES
    assert "SERIES_JOINED" in codes


def test_two_phases_torn_by_a_missing_patient_number_are_two_scans_again():
    def blank(elements, index):
        return changed(elements, index, "PatientID", "blank") if index % 2 else elements

    later = [
        blank(
            {**elements_of(index), "AcquisitionNumber": 2, "SOPInstanceUID": f"2.5.{index}"}, index
        )
        for index in range(SLICES)
    ]
    both = series(blank) + tuple(header(elements, 50 + at) for at, elements in enumerate(later))
    slices, codes = outcome(both)
    assert slices == SLICES
    assert set(codes) == {"SERIES_JOINED", "SEVERAL_ACQUISITIONS"}


def test_single_slices_of_a_field_that_moves_are_refused_not_read_as_one():
    def tear(elements, index):
        position = [-20.0 + 3.0 * index**2, -30.0, STEP_MM * index]
        torn = changed(elements, index, "SeriesInstanceUID", "renew")
        return {**torn, "ImagePositionPatient": position}

    assert outcome(series(tear)) == "SERIES_TORN"


def test_a_series_of_a_shared_uid_is_chosen_by_its_number():
    both = series() + shifted(0.0, SeriesInstanceUID="1.2.3", ConvolutionKernel="B30f")
    kernels = [require_chosen(pick(both, name), name).series.first.kernel for name in ("1", "2")]
    assert sorted(kernels) == ["B30f", "B60f"]


def test_many_series_are_summed_up():
    others = [
        shifted(0.0, SeriesInstanceUID=f"2.2.{number}", ConvolutionKernel="B30f")
        for number in range(9)
    ]
    _, codes = outcome(sum(others, series()))
    assert "9 × 14 " in codes["SEVERAL_SERIES"]


@pytest.mark.parametrize("copies", [False, True])
def test_slices_that_share_nothing_are_never_read_one_by_one(copies):
    def tear(elements, index):
        for keyword in ("SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID"):
            elements = changed(elements, index, keyword, "renew")
        uneven = [-20.0, -30.0, 0.0 if copies else 1.7**index]
        return {**elements, "ImagePositionPatient": uneven, "SeriesNumber": index}

    assert outcome(series(tear)) == "SERIES_TORN"


@pytest.mark.parametrize(
    "other",
    [
        {"ConvolutionKernel": "B30f"},
        {"SliceThickness": 4.0, "AcquisitionNumber": 1},
        {"SeriesNumber": 9, "AcquisitionNumber": 1},
        {"SeriesDescription": "late", "SeriesNumber": 2, "AcquisitionNumber": 1},
        {"AcquisitionNumber": 2, "SeriesNumber": 2},
    ],
)
@pytest.mark.parametrize("by_mm", [0.0, 0.03, HALF_A_STEP])
def test_two_series_under_one_uid_are_two(other, by_mm):
    both = series() + shifted(by_mm, SeriesInstanceUID="1.2.3", **other)
    slices, codes = outcome(both)
    assert slices == SLICES
    assert set(codes) & {"SEVERAL_SERIES", "SEVERAL_ACQUISITIONS"}
    assert outcome(both, "2")[0] == SLICES


def test_two_phases_whose_images_all_have_one_uid_are_two():
    def one_uid(elements, index):
        return {**elements, "SOPInstanceUID": "1.5.5"}

    both = series(one_uid) + shifted(0.0, SeriesInstanceUID="1.2.3", SOPInstanceUID="1.5.5")
    assert outcome(both)[0] == SLICES


def test_studies_that_name_nobody_may_be_of_several_patients_and_it_is_said():
    nobody = {"PatientID": None, "PatientName": None, "PatientBirthDate": None}
    one = series(lambda elements, index: {**elements, **nobody})
    _, codes = outcome(one + shifted(END_TO_END, StudyInstanceUID="2.3", **nobody))
    assert "SEVERAL_SERIES" in codes


def cropped(elements, by=1):
    """The same field without its outermost pixels."""
    x, y, z = elements["ImagePositionPatient"]
    smaller = {"Rows": elements["Rows"] - 2 * by, "Columns": elements["Columns"] - 2 * by}
    return {**elements, **smaller, "ImagePositionPatient": [x + 0.5 * by, y + 0.5 * by, z]}


@pytest.mark.parametrize("where", ["the first half", "every second", "one", "the last"])
@pytest.mark.parametrize("how", ["renew", "another"])
def test_slices_of_another_size_and_series_are_not_passed_over(where, how):
    def change(elements, index):
        if not WHERE[where](index):
            return elements
        return cropped(changed(elements, index, "SeriesInstanceUID", how))

    assert outcome(series(change)) == "SERIES_TORN"


@pytest.mark.parametrize("lost", ["ImagePositionPatient", "ImageOrientationPatient"])
@pytest.mark.parametrize("where", ["the first half", "every second", "one", "the last"])
@pytest.mark.parametrize("apart", [0, 1])
def test_unplaced_slices_that_are_counted_on_are_not_passed_over(where, lost, apart):
    def change(elements, index):
        if not WHERE[where](index):
            return elements
        own = {"SeriesInstanceUID": f"1.2.{5 + index * apart}", "SeriesNumber": 3 + index * apart}
        return {**elements, lost: None, **own}

    assert outcome(series(change)) in REFUSALS


def test_an_unplaced_series_of_its_own_is_passed_over_and_told():
    lost = shifted(0.0, ImagePositionPatient=None)
    slices, codes = outcome(series() + lost)
    assert slices == SLICES
    assert holds(codes["SERIES_PASSED_OVER"], 14, "2 mm", "B60f", "NO_POSITION")


@pytest.mark.parametrize("named", [("SeriesInstanceUID",), tuple(sorted(TEARING - {"PatientID"}))])
@pytest.mark.parametrize(
    "step_mm", [lambda index: 1 + (index > 6), lambda index: 2 + index % 3 / 4]
)
def test_an_uneven_stack_numbered_through_is_not_read_in_part(step_mm, named):
    """Two steps of one row are joined, as if slices were missing; others are refused."""
    places = [sum(map(step_mm, range(index))) for index in range(SLICES)]

    def change(elements, index):
        elements = {**elements, "ImagePositionPatient": [-20.0, -30.0, places[index]]}
        for keyword in named if index < SLICES // 2 else ():
            elements = changed(elements, index, keyword, "another")
        return elements

    result = outcome(series(change))
    assert result == "SERIES_TORN" or "SERIES_JOINED" in result[1]


def test_parts_of_one_series_number_that_go_on_exactly_are_not_read_in_part():
    def change(elements, index):
        part, at = divmod(index, SLICES // 2)
        own = {"SeriesInstanceUID": f"1.2.{part}", "InstanceNumber": at + 1}
        return {**elements, **own}

    assert outcome(series(change)) == "SERIES_TORN"
