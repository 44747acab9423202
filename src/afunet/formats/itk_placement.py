"""Read the placement fields of NRRD and MetaImage headers that SimpleITK ignores.

SimpleITK knows only millimetres and fills in what is missing: a voxel size of 1 and axes along
those of the patient.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.errors import GeometryError, InputError
from afunet.findings import Finding, info, warning
from afunet.formats.nifti_placement import Placement
from afunet.formats.units import UNSAID, millimetres_of, unit_finding

LONGEST_HEADER = 1 << 16
# NRRD's anatomical spaces; SimpleITK turns the other two into this one.
LPS = "left-posterior-superior"
MATRIX_FIELDS = ("transformmatrix", "orientation", "rotation")
SIZE_FIELDS = ("elementspacing", "elementsize")
ORIGIN_FIELDS = ("offset", "position", "origin")
Fields = Mapping[str, str]


def nrrd_placement(path: Path, image: Any) -> Placement:
    """Place a volume in LPS mm by `space units` for each axis or, without a space, by `units`.

    Raises `InputError` for an unknown unit. A missing anatomical space, voxel size or origin gives
    a finding.
    """
    fields = _fields(path, ":")
    by_space, by_axis = (_words(fields.get(name, "")) for name in ("space units", "units"))
    affine = affine_of(image)
    if by_space:
        affine[:3] *= np.array([millimetres_of(unit) for unit in by_space[:3]])[:, None]
    elif by_axis:
        affine[:3] *= _one_factor(by_axis)
    space = image.GetMetaData("NRRD_space") if image.HasMetaDataKey("NRRD_space") else ""
    is_sized = "space directions" in fields or "spacings" in fields
    findings = (
        *_place_findings("NRRD", space == LPS, is_sized, "space origin" in fields),
        *unit_finding({*by_space, *by_axis}),
    )
    return Placement(affine, findings)


def metaimage_placement(path: Path, image: Any) -> Placement:
    """Place a volume in LPS mm by `DistanceUnits`; `ElementSize` replaces `ElementSpacing`.

    Missing axes, a missing voxel size or a missing origin give a finding.
    """
    fields = _fields(path, "=")
    unit = fields.get("distanceunits", "")
    affine = affine_of(image)
    affine[:3] *= millimetres_of(unit)
    placed, sized, moored = (
        any(name in fields for name in names)
        for names in (MATRIX_FIELDS, SIZE_FIELDS, ORIGIN_FIELDS)
    )
    place = _place_findings("MetaImage", placed, sized, moored)
    findings = (*place, *unit_finding({unit}))
    return Placement(affine, findings)


def require_plain(image: Any, what: str) -> None:
    """Raise `InputError` unless there are three axes and one number per voxel."""
    axes, numbers = image.GetDimension(), image.GetNumberOfComponentsPerPixel()
    if (axes, numbers) != (3, 1):
        raise InputError(
            f"{what} has {axes} axes and {numbers} numbers per voxel, expected 3 and 1",
            code="NOT_A_VOLUME",
        )


def affine_of(image: Any) -> NDArray[np.float64]:
    """The affine (4, 4) of SimpleITK's grid: (column, row, slice) to LPS in the file's unit."""
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return affine


def _one_factor(units: list[str]) -> float:
    """The factor to millimetres; without a space, all axes must have the same unit."""
    factors = {millimetres_of(unit) for unit in units if unit.lower() not in UNSAID}
    if len(factors) > 1:
        raise GeometryError(
            f"the axes of the file have different units ({', '.join(units)}) and the file names no "
            "space: write it in mm",
            code="BAD_UNIT",
        )
    return next(iter(factors), 1.0)


def _place_findings(
    kind: str, is_placed: bool, is_sized: bool, is_moored: bool
) -> tuple[Finding, ...]:
    findings = []
    if not is_sized:
        message = (
            f"the {kind} file has no voxel size; 1 mm is assumed, so lengths, areas and volumes "
            "from it are not true"
        )
        findings.append(warning("SPACING_UNKNOWN", message))
    if not is_placed:
        message = f"the {kind} file has no orientation in the patient; LPS is assumed"
        findings.append(warning("ORIENTATION_UNKNOWN", message))
    elif not is_moored:
        message = f"the {kind} file has no origin; its first voxel is placed at 0, 0, 0"
        findings.append(info("ORIGIN_ASSUMED", message))
    return tuple(findings)


def _fields(path: Path, separator: str) -> Fields:
    """The header's fields by name in lower case, without NRRD's comments and keys."""
    with path.open("rb") as file:
        head = file.read(LONGEST_HEADER)
    fields: dict[str, str] = {}
    for line in re.split(rb"\r?\n", head):
        text = line.decode("latin-1")
        if separator == ":" and not text.strip():
            break  # the blank line before the voxels
        name, found, value = text.partition(separator)
        if found and not text.startswith("#") and not value.startswith("="):
            fields.setdefault(name.strip().lower(), value.strip())
        if separator == "=" and name.strip().lower() == "elementdatafile":
            break
    return fields


def _words(field: str) -> list[str]:
    """The quoted units of a field, or its words if there are no quotes."""
    quoted = re.findall(r'"([^"]*)"', field)
    return quoted or field.split()
