"""Computed series are told from originals by the words of their vendors, and by their values."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from tests.refusals import refused

from afunet.errors import InputError
from afunet.formats.dicom.derived import derived_kind
from afunet.formats.dicom.header import Encoding, header_of
from afunet.formats.readers import list_series, read_scan
from afunet.geometry import Volume

from ..legs import CORTEX, MARROW, leg

WORDS = {
    "bone-removed series": (
        "CTA BONE REMOVED",
        "DE_BoneRemoval",
        "DE_BoneRem",
        "AutoBone",
        "no bone",
        "w/o bone 1.0",
        "BONE_SUB",
        "_SURESubtraction",
        "Becken ohne Knochen 1.0",
        "CTA knochenfrei",
        "Knochen entfernt",
        "Subtraktion",
    ),
    "calcium-suppressed series": (
        "VNCa",
        "Calcium Suppression Index 45",
        "CaSupp 50",
        "Virtual Non-Calcium",
        "Knochenmarködem",
        "MAT_REMOVED",
    ),
    "map of a material": (
        "Iodine Map",
        "DE_Jodkarte",
        "Iodine(Water)",
        "GSI MD Iodine",
        "Iodine no Water",
        "Z Effective",
        "Rho/Z",
        "Electron Density",
        "MAT_SPECIFIC",
    ),
    "perfusion map": ("Perfusion MTT", "CBF", "Blutvolumen"),
    "projection (MIP)": ("MIP COR", "ThinMIP", "MinIP 3mm", "Maximum Intensity"),
    "localizer (scout)": ("Topogramm", "Scout", "Surview", "Übersicht"),
    "virtual monoenergetic series": (
        "Mono+ 50 keV",
        "MonoE 40keV",
        "Monoenergetic Plus 70keV",
        "VMI",
        "monoenergetisch 60 keV",
    ),
    "virtual non-contrast series": ("DE_VNC", "VUE", "Virtual Unenhanced", "virtuell nativ"),
}
ORIGINALS = (
    "Knie nativ Knochen 0.75 B60s",
    "BONE 1.0",
    "Bone Plus",
    "Knochenfenster",
    "Weichteil ohne KM",
    "ohne KM Knochen",
    "non contrast bone",
    "knee w/o contrast bone",
    "Iodine contrast leg",
    "Mixed M_0.6 DE",
    "Subtalar joint",
    "Calcium score",
    "Average 120kV",
    "Thorax",
    "topography",
)
LEG = np.clip(leg(), -1024, 3071)
BARE = np.where((LEG > 300) | (np.abs(LEG - MARROW) < 20), -1024, LEG)


def header(**elements):
    dataset = Dataset()
    for keyword, value in {"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], **elements}.items():
        setattr(dataset, keyword, value)
    return header_of(dataset, "", Encoding("", True, True))


@pytest.mark.parametrize("kind", WORDS)
def test_vendors_words_tell_the_kind(kind):
    for word in WORDS[kind]:
        found = derived_kind(header(SeriesDescription=word))
        assert found is not None, word
        assert found.kind == kind, word


@pytest.mark.parametrize("words", ORIGINALS)
def test_originals_are_not_mistaken(words):
    assert derived_kind(header(SeriesDescription=words)) is None


def test_a_protocol_counts_only_where_the_series_is_not_described():
    assert derived_kind(header(ProtocolName="CTA Bone Removal")) is not None
    described = header(ProtocolName="CTA Bone Removal", SeriesDescription="0.75 B60s")
    assert derived_kind(described) is None


def test_the_fourth_word_of_the_image_type_counts():
    assert derived_kind(header(ImageType=["DERIVED", "PRIMARY", "AXIAL", "VMI"])) is not None


def _beside(folder, write_series, hu, thickness_mm=1.0, **elements):
    """The leg in slices of 5 mm, and a thinner second series of other values."""
    write_series(folder / "a", Volume(LEG, np.diag([1.5, 1.5, 5.0, 1.0])))
    fine = np.diag([1.5, 1.5, thickness_mm, 1.0])
    write_series(
        folder / "b",
        Volume(np.repeat(hu, 5, axis=0)[:41], fine),
        change=lambda index: {
            "SeriesInstanceUID": "1.2.7",
            "SOPInstanceUID": f"1.2.7.{index}",
            **elements,
        },
    )


@pytest.mark.parametrize("words", ["CTA BONE REMOVED", "Iodine Map", "", "knee 1.0"])
def test_a_thin_series_without_bones_is_not_chosen(tmp_path, write_series, words):
    _beside(tmp_path, write_series, BARE, SeriesDescription=words)
    thick, thin = sorted(list_series(tmp_path), key=lambda one: one.slice_count)
    assert thick.chosen
    assert not thin.chosen
    assert {finding.code for finding in thin.findings} & {"NOT_A_CT_SERIES", "BONES_REMOVED"}
    assert read_scan(tmp_path).volume.voxels.max() >= CORTEX


def test_a_thin_series_with_bones_is_chosen(tmp_path, write_series):
    _beside(tmp_path, write_series, LEG, SeriesDescription="knee 1.0")
    assert read_scan(tmp_path).volume.shape[0] == 41


def test_an_original_comes_before_a_thinner_monoenergetic_series(tmp_path, write_series):
    _beside(tmp_path, write_series, LEG, SeriesDescription="Mono+ 50 keV")
    assert read_scan(tmp_path).volume.shape[0] == 9


def test_the_only_series_is_refused_without_bones_and_told_where_virtual(tmp_path, write_series):
    volume = Volume(LEG, np.diag([1.5, 1.5, 5.0, 1.0]))
    write_series(tmp_path / "bare", volume, SeriesDescription="ohne Knochen")
    with refused(InputError, "NO_CT_SERIES", 9):
        read_scan(tmp_path / "bare")
    write_series(tmp_path / "virtual", volume, SeriesDescription="Mono+ 50 keV")
    (finding,) = read_scan(tmp_path / "virtual").findings
    assert finding.code == "DERIVED_SERIES"
