"""Place the images of a series and sort them along their common normal.

Everything follows from ImagePositionPatient, ImageOrientationPatient and PixelSpacing
(PS3.3 C.7.6.2.1.1 and 10.7.1.3), nothing from file names, instance numbers or slice locations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from afunet.errors import GeometryError
from afunet.formats.dicom.elements import PLACE
from afunet.formats.dicom.header import Header
from afunet.formats.lengths import require_believable
from afunet.geometry import ImagePlane

FloatArray = NDArray[np.float64]

# At most half a millimetre at the far corner of a 512 mm field; headers round much finer.
COSINE_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Placement:
    """Headers sorted along the normal, the cross product of the row and column directions.

    `origins_mm` (N, 3) are the centres of the first pixels in LPS, `along_mm` (N,) their
    positions along the normal.
    """

    headers: tuple[Header, ...]
    row: FloatArray
    column: FloatArray
    normal: FloatArray
    origins_mm: FloatArray

    @property
    def along_mm(self) -> FloatArray:
        """Positions of the slices along the normal, (N,), ascending."""
        return np.asarray(self.origins_mm @ self.normal)

    @property
    def in_plane_mm(self) -> FloatArray:
        """Position of each slice's first pixel along the row and column directions, (N, 2)."""
        return np.asarray(self.origins_mm @ np.column_stack([self.row, self.column]))

    @property
    def pixels_mm(self) -> FloatArray:
        """Pixel size of each slice along the row and column directions, (N, 2)."""
        sizes = [header.pixel_spacing_mm or (0.0, 0.0) for header in self.headers]
        return np.array(sizes)[:, ::-1]  # DICOM gives the spacing of rows first

    @property
    def planes(self) -> tuple[ImagePlane, ...]:
        """The planes of the images in the patient."""
        found = []
        for header, origin, (column_mm, row_mm) in zip(
            self.headers, self.origins_mm, self.pixels_mm, strict=True
        ):
            affine = np.eye(4)
            affine[:3, 0], affine[:3, 1] = self.row * column_mm, self.column * row_mm
            affine[:3, 2], affine[:3, 3] = self.normal, origin
            found.append(ImagePlane(affine, header.rows, header.columns))
        return tuple(found)

    def lps_mm(self, place_mm: Sequence[float]) -> FloatArray:
        """Convert a position along row, column and normal to LPS."""
        return np.asarray(place_mm @ np.stack([self.row, self.column, self.normal]))

    def only(self, kept: Sequence[int]) -> Placement:
        """The placement of some slices, by their indices in ascending order."""
        headers = tuple(self.headers[index] for index in kept)
        return replace(self, headers=headers, origins_mm=self.origins_mm[list(kept)])

    def named(self, index: int) -> str:
        """The words for a slice in a message: its number along the normal and its position."""
        return f"slice {index + 1} ({self.along_mm[index]:.2f} mm)"


def place(headers: Sequence[Header]) -> Placement:
    """Sort some images along their normal.

    Raises `GeometryError` if a position, orientation or pixel spacing is missing or not a number,
    if the pixel size is impossible, if the orientations differ, or if they are not perpendicular
    unit vectors.
    """
    _require_readable(headers)
    _require_placed(headers)
    for spacing_mm in {header.pixel_spacing_mm for header in headers if header.pixel_spacing_mm}:
        require_believable(spacing_mm, "the pixel spacing (PixelSpacing)")
    row, column, normal = _directions(headers)
    origins_mm = np.array([header.position_mm for header in headers], dtype=np.float64)
    order = np.argsort(origins_mm @ normal, kind="stable")
    return Placement(
        tuple(headers[index] for index in order), row, column, normal, origins_mm[order]
    )


def _require_readable(headers: Sequence[Header]) -> None:
    broken = [header.unreadable[0] for header in headers if header.unreadable]
    if not broken:
        return
    keyword, text = broken[0]
    shown = f", such as '{text}'" if text else ""
    comma = " with decimal commas" if "," in text else ""
    raise GeometryError(
        f"{len(broken)} of {len(headers)} slices have a {keyword} that is not {PLACE[keyword]} "
        f"numbers{shown}{comma}: DICOM separates numbers by \\ and uses decimal points; export the "
        "series again",
        code="BAD_NUMBERS",
    )


def _require_placed(headers: Sequence[Header]) -> None:
    wanted = (
        ("NO_POSITION", "position (ImagePositionPatient)", "position_mm"),
        ("NO_ORIENTATION", "orientation (ImageOrientationPatient)", "orientation"),
        ("NO_PIXEL_SPACING", "pixel spacing (PixelSpacing)", "pixel_spacing_mm"),
    )
    for code, what, fact in wanted:
        without = sum(getattr(header, fact) is None for header in headers)
        if without:
            raise GeometryError(
                f"{without} of {len(headers)} slices have no {what} and cannot be placed without "
                "it: export the series again",
                code=code,
            )


def _directions(headers: Sequence[Header]) -> tuple[FloatArray, FloatArray, FloatArray]:
    cosines = np.array([header.orientation for header in headers])
    common = np.median(cosines, axis=0)
    odd = np.abs(cosines - common).max(axis=1) > COSINE_TOLERANCE
    if odd.any():
        raise GeometryError(
            f"the series mixes orientations: {odd.sum()} of {len(headers)} slices have another "
            f"one, first the slice with {instance(headers[int(odd.argmax())])}: split the series",
            code="MIXED_ORIENTATION",
        )
    row, column = common[:3], common[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if np.abs(np.array([lengths[0] - 1, lengths[1] - 1, row @ column])).max() > COSINE_TOLERANCE:
        raise GeometryError(
            "the orientation's row and column directions are not perpendicular unit vectors: "
            f"{common.round(4).tolist()}; export the series again",
            code="BAD_COSINES",
        )
    row = row / lengths[0]
    normal = np.cross(row, column)
    normal /= np.linalg.norm(normal)
    return row, np.cross(normal, row), normal


def instance(header: Header) -> str:
    """The words for an image in a message."""
    number = header.instance_number
    return "no instance number" if number is None else f"instance number {number}"
