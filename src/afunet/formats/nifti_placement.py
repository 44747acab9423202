"""The placement of a NIfTI volume: which of sform and qform counts, and in which unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.errors import GeometryError
from afunet.findings import Finding, info, repaired, warning
from afunet.formats.units import millimetres_of, unit_finding
from afunet.geometry.shear import shear_mm
from afunet.geometry.tolerances import LARGEST_SHEAR_MM, SAME_PLACE_MM, UNDOUBTED_FORM_MM

FloatArray = NDArray[np.float64]
# RAS and LPS differ in the sign of x and y; the matrix is its own inverse.
RAS_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
# xyzt_units & 7 (nifti1.h, NIFTI_UNITS_*)
UNITS = {0: "unknown", 1: "meter", 2: "mm", 3: "micron"}
# Faults of a form; they decide what is done.
_SHEARED = "is sheared by"
_SINGULAR = "is singular: two axes point the same way, or one has no length"
TO_TAKE_THE_QFORM = "set its sform code to 0 if the qform is right (nibabel: set_sform(None, 0))"


@dataclass(frozen=True, eq=False)
class Form:
    """One placement: its affine in RAS mm, None if it is not stated, and its fault if any."""

    name: str
    affine: FloatArray | None
    fault: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether the form is stated and has no fault."""
        return self.affine is not None and not self.fault


@dataclass(frozen=True, eq=False)
class Placement:
    """The affine of a volume in LPS mm, and the findings about it."""

    affine: FloatArray
    findings: tuple[Finding, ...] = ()

    @property
    def spacing_known(self) -> bool:
        """Whether the voxel size is known, so that millimetres are true."""
        return all(finding.code != "SPACING_UNKNOWN" for finding in self.findings)


def placement_of(header: Any) -> Placement:
    """Return the sform if it is sound, otherwise an undoubted qform (nifti1.h, methods 2 and 3).

    The sform has precedence, as in other programs. The qform replaces an sform that is singular or
    not finite, and a sheared one if the two are nowhere further apart than `UNDOUBTED_FORM_MM`.
    Raises `GeometryError` if no placement is possible; a sheared sform without a replacement is
    left to the check of every volume.
    """
    unit = UNITS.get(int(header["xyzt_units"]) & 7, "unknown")
    columns, rows, slices = (int(length) for length in header.get_data_shape()[:3])
    size = columns, rows, slices
    sform = _form("sform", header.get_sform(coded=True)[0], unit, size)
    qform = _form("qform", _qform(header), unit, size)
    taken, findings = _taken(sform, qform, size)
    affine = _unplaced(header, unit) if taken is None else taken
    return Placement(RAS_LPS @ affine, (*findings, *unit_finding({unit})))


def _taken(
    sform: Form, qform: Form, size: tuple[int, int, int]
) -> tuple[FloatArray | None, tuple[Finding, ...]]:
    if sform.affine is None and qform.affine is None:
        message = "the NIfTI file has no orientation in the patient; left and right may be "
        return None, (warning("ORIENTATION_UNKNOWN", message + "swapped"),)
    if sform.is_sound:
        return sform.affine, _beside(sform, qform, size)
    if sform.affine is None:
        if qform.fault:
            raise _no_placement(f"its qform {qform.fault}, and it has no sform", "export it again")
        return qform.affine, ()
    if not qform.is_sound:
        if sform.fault.startswith(_SHEARED):
            return sform.affine, ()
        raise _no_placement(
            f"its sform {sform.fault}, and it has no sound qform", "export it again"
        )
    if sform.fault.startswith(_SHEARED):
        apart_mm = _apart_mm(sform, qform, size)
        if apart_mm > UNDOUBTED_FORM_MM:
            raise _no_placement(
                f"its sform {sform.fault}, its qform is straight but up to {apart_mm:.1f} mm away",
                f"{TO_TAKE_THE_QFORM}, or resample it to a straight grid",
            )
    message = f"the NIfTI file's sform {sform.fault}, but its qform is sound"
    return qform.affine, (repaired("FORM_BROKEN", message, "took the qform"),)


def _beside(sform: Form, qform: Form, size: tuple[int, int, int]) -> tuple[Finding, ...]:
    """Findings about the qform beside a sound sform."""
    if qform.affine is None:
        return ()
    if not np.isfinite(qform.affine).all() or qform.fault == _SINGULAR:
        message = f"the NIfTI file's qform {qform.fault}, but its sform is sound"
        return (info("FORM_BROKEN", message, "took the sform"),)
    apart_mm = _apart_mm(sform, qform, size)
    if apart_mm <= SAME_PLACE_MM:
        return ()
    message = f"the NIfTI file's sform and qform differ by up to {apart_mm:.1f} mm; took the sform"
    return (warning("FORMS_DISAGREE", message),)


def _qform(header: Any) -> Any:
    try:
        return header.get_qform(coded=True)[0]
    except Exception:  # nibabel's error for quaternions longer than 1, numpy's for NaN
        return np.full((4, 4), np.nan)


def _form(name: str, affine: Any, unit: str, size: tuple[int, int, int]) -> Form:
    if affine is None:
        return Form(name, None)
    in_mm = _in_mm(affine, unit)
    return Form(name, in_mm, _fault(in_mm, size))


def _fault(affine: FloatArray, size: tuple[int, int, int]) -> str:
    if not np.isfinite(affine).all():
        return "holds numbers that are not finite"
    steps_mm = np.linalg.norm(affine[:3, :3], axis=0)
    if not steps_mm.all() or abs(np.linalg.det(affine[:3, :3] / steps_mm)) < 1e-3:
        return _SINGULAR
    off_mm = shear_mm(affine, size)
    return f"{_SHEARED} {off_mm:.1f} mm" if off_mm > LARGEST_SHEAR_MM else ""


def _unplaced(header: Any, unit: str) -> FloatArray:
    """The grid of a file without a placement: its voxel sizes alone (nifti1.h, method 1)."""
    affine = _in_mm(header.get_base_affine(), unit)
    if not np.isfinite(affine).all() or not np.diag(affine).all():
        raise _no_placement("no sform, no qform and no usable voxel size", "export it again")
    return affine


def _in_mm(affine: Any, unit: str) -> FloatArray:
    scaled = np.array(affine, dtype=np.float64)
    scaled[:3] *= millimetres_of(unit)
    return scaled


def _apart_mm(one: Form, other: Form, size: tuple[int, int, int]) -> float:
    """The largest distance in mm between the positions that two forms give to a corner."""
    assert one.affine is not None
    assert other.affine is not None
    ends = np.array(size) - 1
    corners = np.array([[*(ends * at), 1] for at in np.ndindex(2, 2, 2)], dtype=np.float64)
    apart = (corners @ (one.affine - other.affine).T)[:, :3]
    return float(np.linalg.norm(apart, axis=1).max())


def _no_placement(what: str, remedy: str) -> GeometryError:
    return GeometryError(
        f"the NIfTI file has no usable position: {what}; {remedy}", code="NO_PLACEMENT"
    )
