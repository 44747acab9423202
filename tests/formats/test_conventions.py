"""The second conventions of each format: what files of the same volume may look like."""

from dataclasses import dataclass

import nibabel
import numpy as np
import pytest
from PIL import Image
from tests.refusals import require

from afunet.errors import GeometryError, InputError
from afunet.formats.readers import read_labelling, read_scan
from afunet.geometry.tolerances import SAME_PLACE_MM

VOXELS = (np.arange(60) * 40 - 1000).astype(np.int16).reshape(5, 4, 3)  # (slice, row, column)
SPACING_MM, ORIGIN_MM = (0.5, 0.8, 2.0), (10.0, -20.0, 30.0)
AFFINE = np.diag([*SPACING_MM, 1.0])
AFFINE[:3, 3] = ORIGIN_MM
TURNED = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Read:
    """What a header should give: the affine in LPS mm, None where it is not stated, and codes."""

    affine: np.ndarray | None = None
    codes: tuple[str, ...] = ()


PLACED = Read(AFFINE)
CONVERTED = Read(AFFINE, ("UNIT_CONVERTED",))


def nrrd(path, *fields):
    head = ["NRRD0005", "type: short", "dimension: 3", "sizes: 3 4 5", "endian: little"]
    text = "\n".join([*head, *fields, "encoding: raw", "", ""])
    path.write_bytes(text.encode() + VOXELS.astype("<i2").tobytes())


def vectors(factor=1.0, signs=(1, 1, 1)):
    """The directions and the origin as NRRD writes them, in a unit that many times smaller."""
    x, y, z = (value * factor * sign for value, sign in zip(SPACING_MM, signs, strict=True))
    origin = ",".join(f"{o * factor * s:.9g}" for o, s in zip(ORIGIN_MM, signs, strict=True))
    return (
        f"space directions: ({x:.9g},0,0) (0,{y:.9g},0) (0,0,{z:.9g})",
        f"space origin: ({origin})",
    )


def of_space(space, *signs):
    return (f"space: {space}", *vectors(signs=signs or (1, 1, 1)))


def of_unit(unit, per_mm):
    return ("space: LPS", *vectors(per_mm), f'space units: "{unit}" "{unit}" "{unit}"')


SPACINGS = "spacings: 0.5 0.8 2"
NRRD = {
    "LPS in words": (of_space("left-posterior-superior"), PLACED),
    "LPS": (of_space("LPS"), PLACED),
    "RAS": (of_space("RAS", -1, -1, 1), PLACED),
    "RAS in words": (of_space("right-anterior-superior", -1, -1, 1), PLACED),
    "LAS": (of_space("LAS", 1, -1, 1), PLACED),
    "a scanner's space": (of_space("scanner-xyz"), Read(AFFINE, ("ORIENTATION_UNKNOWN",))),
    "any right hand": (of_space("3D-right-handed"), Read(AFFINE, ("ORIENTATION_UNKNOWN",))),
    "unnamed space": (
        ("space dimension: 3", *vectors()),
        Read(AFFINE, ("ORIENTATION_UNKNOWN",)),
    ),
    "no origin": (
        ("space: LPS", vectors()[0]),
        Read(np.diag([*SPACING_MM, 1]), ("ORIGIN_ASSUMED",)),
    ),
    "spacings alone": ((SPACINGS,), Read(None, ("ORIENTATION_UNKNOWN",))),
    "no size at all": ((), Read(None, ("SPACING_UNKNOWN", "ORIENTATION_UNKNOWN"))),
    "mm": (of_unit("mm", 1), PLACED),
    "millimeters": (of_unit("millimeters", 1), PLACED),
    "no unit's name": (of_unit("", 1), PLACED),
    "unknown unit": (of_unit("???", 1), PLACED),
    "m": (of_unit("m", 1e-3), CONVERTED),
    "metres": (of_unit("metres", 1e-3), CONVERTED),
    "cm": (of_unit("cm", 0.1), CONVERTED),
    "um": (of_unit("um", 1e3), CONVERTED),
    "micrometers": (of_unit("micrometers", 1e3), CONVERTED),
    "microns": (of_unit("microns", 1e3), CONVERTED),
    "units of axes": (
        ("spacings: 0.05 0.08 0.2", 'units: "cm" "cm" "cm"'),
        Read(None, ("ORIENTATION_UNKNOWN", "UNIT_CONVERTED")),
    ),
}


def check(read, expected):
    np.testing.assert_array_equal(read.volume.voxels, VOXELS)
    assert tuple(finding.code for finding in read.findings) == expected.codes
    if expected.affine is not None:
        np.testing.assert_allclose(read.volume.affine, expected.affine, rtol=1e-6, atol=1e-6)
    elif "SPACING_UNKNOWN" not in expected.codes:
        np.testing.assert_allclose(read.volume.spacing_mm, SPACING_MM, rtol=1e-6)


def read_both(path, expected):
    scan = read_scan(path)
    check(scan, expected)
    check(read_labelling(path), expected)
    assert scan.source.spacing_known == ("SPACING_UNKNOWN" not in expected.codes)


@pytest.mark.parametrize("name", NRRD)
def test_nrrd(tmp_path, name):
    fields, expected = NRRD[name]
    nrrd(tmp_path / "ct.nrrd", *fields)
    read_both(tmp_path / "ct.nrrd", expected)


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_a_size_that_no_ct_has_is_told_of_labels_and_refused_of_a_scan(tmp_path, scale):
    """One word each: metres or micrometres that nobody names."""
    nrrd(tmp_path / "ct.nrrd", "space: LPS", *vectors(scale))
    placed = np.diag([scale, scale, scale, 1]) @ AFFINE
    check(read_labelling(tmp_path / "ct.nrrd"), Read(placed, ("VOXEL_SIZE_IMPLAUSIBLE",)))
    with pytest.raises(GeometryError) as caught:
        read_scan(tmp_path / "ct.nrrd")
    assert caught.value.code == "BAD_SPACING"


@pytest.mark.parametrize("scale", [0.011, 0.025, 8.0, 14.0])
def test_a_size_that_is_believed_has_no_word_in_labels(tmp_path, scale):
    nrrd(tmp_path / "ct.nrrd", "space: LPS", *vectors(scale))
    assert read_labelling(tmp_path / "ct.nrrd").findings == ()


def test_each_axis_of_a_nrrd_space_has_its_own_unit(tmp_path):
    fields = ("space directions: (0.5,0,0) (0,0.8,0) (0,0,0.2)", "space origin: (10,-20,3)")
    nrrd(tmp_path / "ct.nrrd", "space: LPS", *fields, 'space units: "mm" "mm" "cm"')
    check(read_scan(tmp_path / "ct.nrrd"), CONVERTED)


def test_a_unit_that_nobody_knows_is_refused_by_its_name(tmp_path, refusal):
    nrrd(tmp_path / "ct.nrrd", *of_unit("furlong", 1))
    require(refusal(InputError, read_scan, tmp_path / "ct.nrrd"), "BAD_UNIT", "'furlong'")
    nrrd(tmp_path / "ct.nrrd", SPACINGS, 'units: "mm" "mm" "cm"')
    require(refusal(GeometryError, read_scan, tmp_path / "ct.nrrd"), "BAD_UNIT", "mm", "cm")


MATRIX = ("TransformMatrix = 1 0 0 0 1 0 0 0 1", "Offset = 10 -20 30")
SIZE = "0.5 0.8 2"
METAIMAGE = {
    "as written": ((*MATRIX, f"ElementSpacing = {SIZE}"), PLACED),
    "size for spacing": ((*MATRIX, f"ElementSize = {SIZE}"), PLACED),
    "spacing counts": (
        (*MATRIX, "ElementSize = 9 9 9", f"ElementSpacing = {SIZE}"),
        PLACED,
    ),
    "older names": (
        ("Rotation = 1 0 0 0 1 0 0 0 1", "Origin = 10 -20 30", f"ElementSpacing = {SIZE}"),
        PLACED,
    ),
    "oldest names": (
        ("Orientation = 1 0 0 0 1 0 0 0 1", "Position = 10 -20 30", f"ElementSpacing = {SIZE}"),
        PLACED,
    ),
    "mm": ((*MATRIX, f"ElementSpacing = {SIZE}", "DistanceUnits = mm"), PLACED),
    "unknown unit": ((*MATRIX, f"ElementSpacing = {SIZE}", "DistanceUnits = ?"), PLACED),
    "cm": (
        (MATRIX[0], "Offset = 1 -2 3", "ElementSpacing = 0.05 0.08 0.2", "DistanceUnits = cm"),
        CONVERTED,
    ),
    "um": (
        (
            MATRIX[0],
            "Offset = 10000 -20000 30000",
            "ElementSpacing = 500 800 2000",
            "DistanceUnits = um",
        ),
        CONVERTED,
    ),
    "no axes": ((f"ElementSpacing = {SIZE}",), Read(None, ("ORIENTATION_UNKNOWN",))),
    "no size": (MATRIX, Read(None, ("SPACING_UNKNOWN",))),
}


@pytest.mark.parametrize("name", METAIMAGE)
def test_metaimage(tmp_path, name):
    fields, expected = METAIMAGE[name]
    head = ["ObjectType = Image", "NDims = 3", *fields, "DimSize = 3 4 5"]
    text = "\n".join([*head, "ElementType = MET_SHORT", "ElementDataFile = LOCAL", ""])
    (tmp_path / "ct.mha").write_bytes(text.encode() + VOXELS.astype("<i2").tobytes())
    read_both(tmp_path / "ct.mha", expected)


def nifti(path, *, sform=None, qform=None, codes=(1, 1), unit=2, factor=1.0, image=None):
    """A NIfTI file whose forms and unit are written as they are given, in RAS."""
    good = TURNED @ AFFINE
    good[:3] *= factor
    made = (image or nibabel.Nifti1Image)(np.ascontiguousarray(VOXELS.transpose(2, 1, 0)), good)
    made.set_qform(good if qform is None else qform, codes[1])
    made.set_sform(good, codes[0])
    made.header["xyzt_units"] = unit
    nibabel.save(made, path)
    if sform is not None:  # nibabel would make the forms agree
        with path.open("r+b") as file:
            file.seek(280)  # srow_x (nifti1.h)
            file.write(np.float32(sform[:3]).tobytes())


def leaning(degrees):
    form = TURNED @ AFFINE
    form[0, 2] = np.tan(np.radians(degrees)) * form[2, 2]
    return form


BROKEN = Read(AFFINE, ("FORM_BROKEN",))
NAN = np.full((4, 4), np.nan)
NIFTI = {
    "both forms": ({}, PLACED),
    "sform alone": ({"codes": (1, 0)}, PLACED),
    "qform alone": ({"codes": (0, 1)}, PLACED),
    "of an atlas": ({"codes": (4, 0)}, PLACED),
    "unknown unit": ({"unit": 0}, PLACED),
    "a unit of no meaning": ({"unit": 5}, PLACED),
    "millimetres and seconds": ({"unit": 2 + 8}, PLACED),
    "metres": ({"unit": 1, "factor": 1e-3}, CONVERTED),
    "micrometres": ({"unit": 3, "factor": 1e3}, CONVERTED),
    "sform of NaN": ({"sform": NAN}, BROKEN),
    "sform of zeros": ({"sform": np.zeros((4, 4))}, BROKEN),
    # 4 slices further up, 2 mm apart: tan(6°) · 8 mm = 0.84 mm
    "sform sheared by 6°": ({"sform": leaning(6)}, BROKEN),
    "second version": ({"image": nibabel.Nifti2Image}, PLACED),
}


@pytest.mark.parametrize("name", NIFTI)
def test_nifti(tmp_path, name):
    options, expected = NIFTI[name]
    nifti(tmp_path / "ct.nii", **options)
    read_both(tmp_path / "ct.nii", expected)


REFUSED = {
    # tan(12°) · 8 mm = 1.7 mm: a tilted gantry, where the sform may be the true one
    "sheared by 12° beside a straight qform": ({"sform": leaning(12)}, "NO_PLACEMENT"),
    "sheared by 12° alone": ({"sform": leaning(12), "codes": (1, 0)}, "SHEARED"),
    "NaN alone": ({"sform": NAN, "codes": (1, 0)}, "NO_PLACEMENT"),
    "zeros alone": ({"sform": np.zeros((4, 4)), "codes": (1, 0)}, "NO_PLACEMENT"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_placement_that_cannot_be_true_is_refused_with_its_fault(tmp_path, refusal, name):
    options, code = REFUSED[name]
    nifti(tmp_path / "ct.nii", **options)
    for read in (read_scan, read_labelling):
        assert refusal(GeometryError, read, tmp_path / "ct.nii").code == code


def test_a_form_that_was_passed_over_is_refused_by_strict(tmp_path, refusal):
    nifti(tmp_path / "ct.nii", sform=NAN)
    error = refusal(InputError, read_scan, tmp_path / "ct.nii", strict=True)
    assert error.code == "FORM_BROKEN"


def test_a_broken_qform_beside_a_sound_sform_is_told(tmp_path):
    nifti(tmp_path / "ct.nii", codes=(1, 1))
    with (tmp_path / "ct.nii").open("r+b") as file:
        file.seek(256)  # quatern_b (nifti1.h)
        file.write(np.float32(np.nan).tobytes())
    check(read_scan(tmp_path / "ct.nii"), Read(AFFINE, ("FORM_BROKEN",)))


@pytest.mark.parametrize(("apart", "told"), [(0.9, False), (1.1, True)])
def test_two_placements_are_one_within_the_tolerance(tmp_path, apart, told):
    moved = TURNED @ AFFINE
    moved[0, 3] += apart * SAME_PLACE_MM
    nifti(tmp_path / "ct.nii.gz", qform=moved)
    codes = {finding.code for finding in read_scan(tmp_path / "ct.nii.gz").findings}
    assert codes == ({"FORMS_DISAGREE"} if told else set())


MASK = np.zeros((4, 5), bool)
MASK[1:3, 2:4] = True


def coloured(colour, background=(0, 0, 0), mode="RGB"):
    pixels = np.where(MASK[..., None], colour, background).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def palette():
    image = Image.fromarray(MASK.astype(np.uint8))
    image = image.convert("P")
    image.putpalette([0, 0, 0, 128, 0, 0] + [0] * 750)
    image.frombytes(MASK.astype(np.uint8).tobytes())
    return image


def transparent():
    pixels = np.zeros((4, 5, 4), np.uint8)
    pixels[..., :3] = 255  # white everywhere, seen where it is opaque
    pixels[..., 3] = MASK * 255
    return Image.fromarray(pixels)


PNGS = {
    "0 and 1": (Image.fromarray(MASK.astype(np.uint8)), False),
    "0 and 255": (Image.fromarray(MASK.astype(np.uint8) * 255), True),
    "one bit": (Image.fromarray(MASK), False),
    "16 bits, 0 and 1": (Image.fromarray(MASK.astype(np.uint16)), False),
    "16 bits, 0 and 65535": (Image.fromarray(MASK.astype(np.uint16) * 65535), True),
    "grey in three channels": (coloured((255, 255, 255)), True),
    "grey in four channels": (coloured((255, 255, 255), mode="RGBA"), True),
    "grey with alpha": (Image.fromarray(MASK.astype(np.uint8) * 255).convert("LA"), True),
    "red on black": (coloured((255, 0, 0)), True),
    "palette": (palette(), True),
    "transparent beside": (transparent(), True),
}


@pytest.mark.parametrize("name", PNGS)
def test_png_masks(tmp_path, name):
    image, is_other = PNGS[name]
    for number in range(2):
        image.save(tmp_path / f"{number}.png")
    read = read_labelling(tmp_path, spacing_mm=(1.0, 1.0, 1.0))
    assert read.volume.voxels.dtype == np.uint8
    np.testing.assert_array_equal(read.volume.voxels, [MASK, MASK])
    codes = [finding.code for finding in read.findings]
    assert codes == ["ORIENTATION_ASSUMED"] + (["MASK_VALUE"] if is_other else [])


def test_png_masks_with_smooth_edges_or_several_colours_are_refused(tmp_path, refusal):
    for values in ([0, 3, 252, 255], [0, 1, 2], [0, 2, 2], [0, 128, 128]):
        Image.fromarray(np.array([values], np.uint8)).save(tmp_path / "0.png")
        assert refusal(InputError, read_labelling, tmp_path).code == "NOT_BINARY"
    coloured((255, 0, 0), (0, 0, 255)).save(tmp_path / "0.png")
    assert refusal(InputError, read_labelling, tmp_path).code == "NOT_BINARY"
