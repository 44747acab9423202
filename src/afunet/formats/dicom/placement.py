"""Where the images of a series lie, in the order along their common normal.

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

# Half a millimetre at the far corner of a 512 mm field at most; headers round far below that.
COSINE_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Placement:
    """Headers sorted along the normal, which is the cross product of row and column direction.

    `origins_mm` (N, 3) are the centres of the first pixels in LPS, `along_mm` (N,) their
    positions on the normal.
    """

    headers: tuple[Header, ...]
    row: FloatArray
    column: FloatArray
    normal: FloatArray
    origins_mm: FloatArray

    @property
    def along_mm(self) -> FloatArray:
        """Positions of the slices on the normal, ascending."""
        return np.asarray(self.origins_mm @ self.normal)

    @property
    def in_plane_mm(self) -> FloatArray:
        """(N, 2): the first pixel of each slice along the row and the column direction."""
        return np.asarray(self.origins_mm @ np.column_stack([self.row, self.column]))

    @property
    def pixels_mm(self) -> FloatArray:
        """(N, 2): the pixel size of each slice along the row and the column direction."""
        sizes = [header.pixel_spacing_mm or (0.0, 0.0) for header in self.headers]
        return np.array(sizes)[:, ::-1]  # DICOM gives the spacing of rows first

    @property
    def planes(self) -> tuple[ImagePlane, ...]:
        """The images as they lie in the patient."""
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
        """LPS of a place along row, column and normal."""
        return np.asarray(place_mm @ np.stack([self.row, self.column, self.normal]))

    def only(self, kept: Sequence[int]) -> Placement:
        """The same for some of the slices, by index in ascending order."""
        headers = tuple(self.headers[index] for index in kept)
        return replace(self, headers=headers, origins_mm=self.origins_mm[list(kept)])

    def named(self, index: int) -> str:
        """A slice in a message: its number along the normal and its position."""
        return f"slice {index + 1} ({self.along_mm[index]:.2f} mm)"


def place(headers: Sequence[Header]) -> Placement:
    """Sort some images along their normal.

    Raises `GeometryError` where a position, orientation or pixel spacing is missing or no number,
    where no pixel has such a size, where the orientations differ, or where they are not
    perpendicular unit vectors.
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
        f"numbers{shown}{comma}: DICOM separates by \\ and writes decimal points: export the "
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
                f"{without} of {len(headers)} slices have no {what}: "
                "without it they cannot be placed",
                code=code,
            )


def _directions(headers: Sequence[Header]) -> tuple[FloatArray, FloatArray, FloatArray]:
    cosines = np.array([header.orientation for header in headers])
    common = np.median(cosines, axis=0)
    odd = np.abs(cosines - common).max(axis=1) > COSINE_TOLERANCE
    if odd.any():
        raise GeometryError(
            f"the series mixes orientations: {odd.sum()} of {len(headers)} slices point "
            f"elsewhere, first the one with {instance(headers[int(odd.argmax())])}",
            code="MIXED_ORIENTATION",
        )
    row, column = common[:3], common[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if np.abs(np.array([lengths[0] - 1, lengths[1] - 1, row @ column])).max() > COSINE_TOLERANCE:
        raise GeometryError(
            "the orientation's row and column directions are not perpendicular unit vectors: "
            f"{common.round(4).tolist()}",
            code="BAD_COSINES",
        )
    row = row / lengths[0]
    normal = np.cross(row, column)
    normal /= np.linalg.norm(normal)
    return row, np.cross(normal, row), normal


def instance(header: Header) -> str:
    """A header in a message."""
    number = header.instance_number
    return "no instance number" if number is None else f"instance number {number}"
