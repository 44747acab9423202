"""A part of a volume as a NIfTI-1 file in RAS+ that is sent slice by slice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import nibabel
import numpy as np

from afunet.formats.nifti import SCANNER
from afunet.formats.nifti_placement import RAS_LPS
from afunet.geometry import Volume
from afunet.preprocessing.orientation import axial_view
from afunet.server.refusals import Refused

NO_EXTENSIONS = bytes(4)
MOST_STEP = 64


@dataclass(frozen=True)
class Slab:
    """Slices `first` to `last`, both included and counted from the feet, every `step` of them.

    In the slices every `step` of rows and columns is taken, too.
    """

    first: int
    last: int
    step: int = 1

    @classmethod
    def of(cls, first: int | None, last: int | None, step: int | None, slices: int) -> Slab:
        """Return the slab that a client asked for; what it left out is the whole.

        Raises `Refused` (`SLAB_OUTSIDE`) for slices that the volume does not have.
        """
        first, step = first or 0, 1 if step is None else step
        last = slices - 1 if last is None else last
        if not (0 <= first <= last < slices and 1 <= step <= MOST_STEP):
            raise Refused(
                422,
                f"got slices {first} to {last}, every {step}: there are 0 to {slices - 1}, and a "
                f"step may be 1 to {MOST_STEP}",
                code="SLAB_OUTSIDE",
            )
        return cls(first, last, step)


def ras_view(volume: Volume) -> Volume:
    """Return a volume with slices to the head, rows to the front and columns to the right.

    These are the axes of NIfTI's RAS+, in which the page's drawing is stored. It is a view; its
    affine still maps to LPS millimetres.
    """
    axial = axial_view(volume).apply(volume)
    affine = axial.affine.copy()
    for axis, count in ((0, axial.shape[2]), (1, axial.shape[1])):
        affine[:3, 3] += affine[:3, axis] * (count - 1)
        affine[:3, axis] *= -1
    return Volume(axial.voxels[:, ::-1, ::-1], affine)


def part_of(ras: Volume, slab: Slab) -> Volume:
    """Return the part of a volume in a slab, as a view."""
    voxels = ras.voxels[slab.first : slab.last + 1 : slab.step, :: slab.step, :: slab.step]
    affine = ras.affine.copy()
    affine[:3, 3] += affine[:3, 2] * slab.first
    affine[:3, :3] *= slab.step
    return Volume(voxels, affine)


@dataclass(frozen=True, eq=False)
class NiftiStream:
    """The bytes of a volume (`ras_view`) as an uncompressed NIfTI-1 file."""

    ras: Volume

    @cached_property
    def head(self) -> bytes:
        """The header, with scanner coordinates in millimetres."""
        header = nibabel.Nifti1Header()
        header.set_data_dtype(self.ras.voxels.dtype)
        header.set_data_shape(self.ras.shape[::-1])
        affine = RAS_LPS @ self.ras.affine
        header.set_sform(affine, code=SCANNER)
        header.set_qform(affine, code=SCANNER)
        header.set_xyzt_units("mm")
        header.set_data_offset(header.single_vox_offset)
        return bytes(header.binaryblock) + NO_EXTENSIONS

    @property
    def slice_bytes(self) -> int:
        """The length of one slice."""
        _, rows, columns = self.ras.shape
        return rows * columns * self.ras.voxels.dtype.itemsize

    @property
    def length(self) -> int:
        """The length of the file."""
        return len(self.head) + self.ras.shape[0] * self.slice_bytes

    def chunks(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `stop`, a slice at a time."""
        stop = self.length if stop is None else min(stop, self.length)
        if start < len(self.head):
            yield self.head[start:stop]
        at = max(start, len(self.head))
        while at < stop:
            number, inside = divmod(at - len(self.head), self.slice_bytes)
            plane = np.ascontiguousarray(self.ras.voxels[number]).tobytes()
            chunk = plane[inside : inside + stop - at]
            yield chunk
            at += len(chunk)
