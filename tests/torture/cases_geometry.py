"""Planes of every orientation, patients in every position, and fields that move or change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .case import Case, Refused, Same, doubtful, refused, same
from .files import SliceFile, decimals, numbered
from .forms import changed, having, plain, without, writing
from .leg import CENTRE_MM, Vector
from .planes import (
    BACK,
    COLUMNS,
    FRONT,
    HEAD,
    LEFT,
    RIGHT,
    ROWS,
    SLICES,
    Field,
    coronal,
    heights_mm,
    plane_at,
    sagittal,
    stack,
    swivelled,
    tilted,
    turned,
)

# The bones fit into it, the skin does not.
_NARROW = Field(columns=72)
_FINE = Field(rows=112, columns=118, between_rows_mm=0.8, between_columns_mm=0.8)
_LARGER = Field(rows=ROWS + 16, columns=COLUMNS + 20)
_COARSE = Field(between_rows_mm=1.05, between_columns_mm=1.05)
_OBLONG = Field(rows=114, between_rows_mm=0.8)


def _lying(row: Vector, column: Vector, position: str) -> list[SliceFile]:
    return having(numbered(stack(row, column)), PatientPosition=position)


def _in_field(field: Field, *, every: int = 1, start: int = 0) -> list[SliceFile]:
    """The plain slices, some of them in another field about the same centre."""

    def change(file: SliceFile) -> SliceFile:
        height = heights_mm()[file.number - 1]
        centre_mm = CENTRE_MM + height * np.array(HEAD)
        return replace(file, plane=plane_at(centre_mm, LEFT, BACK, field))

    return changed(plain(), change, range(start, SLICES, every))


def _last_five_turned() -> list[SliceFile]:
    angle = np.radians(5)
    column = (0.0, float(np.cos(angle)), float(np.sin(angle)))
    return changed(
        plain(),
        lambda file: replace(file, plane=replace(file.plane, column=column)),
        range(SLICES - 5, SLICES),
    )


def _rounded_cosines(file: SliceFile) -> SliceFile:
    cosines = np.round((*file.plane.row, *file.plane.column), 4)
    return file.having(ImageOrientationPatient=decimals(cosines))


def _with_cosines(*cosines: float) -> Case:
    return refused(
        writing(having(plain(), ImageOrientationPatient=decimals(cosines))), "BAD_COSINES"
    )


def _follow(height: float) -> tuple[float, float]:
    return 3.0 * float(np.sin(height / 12)), 2.0 * float(np.cos(height / 9))


def _without_one(keyword: str) -> list[SliceFile]:
    return changed(plain(), lambda file: file.having(**{keyword: None}), [17])


CASES: dict[str, Case] = {
    "gantry tilt 12°": doubtful(writing(numbered(tilted(12))), None, "GANTRY_TILT"),
    "gantry tilt 2°": doubtful(writing(numbered(tilted(2))), None, "GANTRY_TILT"),
    "gantry tilt −25°, stated": doubtful(
        writing(having(numbered(tilted(-25)), GantryDetectorTilt=-25.0)), None, "GANTRY_TILT"
    ),
    "gantry tilt 12°, one slice missing": Case(
        writing(without(numbered(tilted(12)), 40)),
        Same(),
        Refused("GAP"),
        ("GAP", "GANTRY_TILT"),
    ),
    "gantry tilt 12°, four slices missing": refused(
        writing(without(numbered(tilted(12)), 38, 39, 40, 41)), "GAP_TOO_LARGE"
    ),
    "gantry turned sideways by 10°": doubtful(
        writing(numbered(swivelled(10))), None, "GANTRY_TILT"
    ),
    "oblique 20°": same(writing(numbered(turned(20, 0, 0))), 60),
    "double oblique 18°, −14°, 25°": same(writing(numbered(turned(18, -14, 25))), 60),
    "oblique, cosines of 4 decimals": same(
        writing([_rounded_cosines(file) for file in numbered(turned(15, 10, -30))]), 60
    ),
    "sagittal": same(writing(numbered(sagittal())), 60),
    "coronal": same(writing(numbered(coronal())), 60),
    "row cosines negated": same(writing(numbered(stack(RIGHT, BACK))), SLICES),
    "column cosines negated": same(writing(numbered(stack(LEFT, FRONT))), SLICES),
    "feet first, supine": same(writing(_lying(RIGHT, BACK, "FFS")), SLICES),
    "head first, prone": same(writing(_lying(RIGHT, FRONT, "HFP")), SLICES),
    "feet first, prone": same(writing(_lying(LEFT, FRONT, "FFP")), SLICES),
    "lying on the right side": same(writing(_lying(BACK, RIGHT, "HFDR")), SLICES),
    "lying on the left side": same(writing(_lying(FRONT, LEFT, "HFDL")), SLICES),
    "feet first, on the left side": same(writing(_lying(BACK, LEFT, "FFDL")), SLICES),
    "stated position against cosines": same(
        writing(having(plain(), PatientPosition="FFP")), SLICES
    ),
    "pixels 0.8 × 0.95 mm": same(writing(_in_field(_OBLONG)), SLICES),
    "field moved half-way": doubtful(
        writing(numbered(stack(move=lambda height: (4.0 if height > 0 else 0.0, 0.0)))),
        None,
        "MOVED_FIELD",
    ),
    "field follows the limb": doubtful(writing(numbered(stack(move=_follow))), None, "MOVED_FIELD"),
    "mixed pixel spacing (every third coarser)": doubtful(
        writing(_in_field(_COARSE, every=3)), SLICES, "MIXED_PIXEL_SPACING"
    ),
    "mixed matrix (the last ten larger)": doubtful(
        writing(_in_field(_LARGER, start=SLICES - 10)), SLICES, "MIXED_MATRIX"
    ),
    "mixed matrix and spacing": Case(
        writing(_in_field(_FINE, every=4)),
        Same(SLICES),
        Refused("MIXED_MATRIX"),
        ("MIXED_MATRIX", "MIXED_PIXEL_SPACING"),
    ),
    "limb cut by the field": same(
        writing(numbered(stack(field=_NARROW, move=lambda _: (4.0, 0.0)))), SLICES, "BODY_CUT"
    ),
    "last five slices turned by 5°": refused(writing(_last_five_turned()), "MIXED_ORIENTATION"),
    "cosines not perpendicular": _with_cosines(1, 0, 0, 0.2, 0.98, 0),
    "cosines not of unit length": _with_cosines(2, 0, 0, 0, 2, 0),
    "cosines all zero": _with_cosines(0, 0, 0, 0, 0, 0),
    "no positions": refused(writing(having(plain(), ImagePositionPatient=None)), "NO_POSITION"),
    "one slice without position": refused(
        writing(_without_one("ImagePositionPatient")), "NO_POSITION"
    ),
    "no orientations": refused(
        writing(having(plain(), ImageOrientationPatient=None)), "NO_ORIENTATION"
    ),
    "no pixel spacing": refused(writing(having(plain(), PixelSpacing=None)), "NO_PIXEL_SPACING"),
}
