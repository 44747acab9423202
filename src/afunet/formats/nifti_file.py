"""Open NIfTI files, whatever their names and compression, and read them to the end."""

from __future__ import annotations

import gzip
import logging
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from afunet.errors import InputError
from afunet.findings import Finding, info
from afunet.formats.file_kinds import ANALYZE, GZIP, NIFTI, NIFTI_PAIR, kind_of, require_kind
from afunet.formats.file_search import unreadable

MOST_PACKED = 1100  # deflate compresses by a factor of at most 1,032
CHUNK_BYTES = 1 << 20
# nibabel would print its own lines about headers that it corrects or refuses.
logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)


@dataclass(frozen=True, eq=False)
class NiftiFile:
    """nibabel's image, findings about the file, and the decompressing stream if there is one."""

    image: Any
    findings: tuple[Finding, ...] = ()
    unpacking: gzip.GzipFile | None = None


@contextmanager
def opened(path: Path) -> Iterator[NiftiFile]:
    """Open a file by its content; its voxels can be read while it is open.

    Raises `InputError` in one line that says what the file is, if it is not a complete NIfTI file.
    """
    if is_half(path):
        yield NiftiFile(_load_pair(path))
        return
    kind = require_kind(path, NIFTI)
    findings = _name_findings(path, kind.compressed)
    if not (kind.compressed or findings):
        with _broken_files_refused(path):
            image = nibabel.load(path)
        yield NiftiFile(image)
        return
    with ExitStack() as stack:
        with _broken_files_refused(path):
            stream: Any = stack.enter_context(path.open("rb"))
            unpacking = (
                stack.enter_context(gzip.GzipFile(fileobj=stream)) if kind.compressed else None
            )
            stream = unpacking or stream
            image = _class_of(stream).from_stream(stream)
        yield NiftiFile(image, findings, unpacking)


def _name_findings(path: Path, compressed: bool) -> tuple[Finding, ...]:
    if compressed == path.name.lower().endswith(".gz"):
        return ()
    what, suffix = ("is compressed", ".nii.gz") if compressed else ("is not compressed", ".nii")
    return (info("MISNAMED_FILE", f"the file {what}, so its name should end in {suffix}"),)


def _load_pair(path: Path) -> Any:
    header, voxels = _halves(path)
    if not (header.is_file() and voxels.is_file()):
        missing = voxels if header.is_file() else header
        raise InputError(
            f"{path.name} is half of a pair, but {missing.name} is not beside it: copy both",
            code="NO_PARTNER",
        )
    kind = kind_of(header)
    if kind.name == ANALYZE:
        raise InputError(
            f"{header.name} is in Analyze 7.5 format, which does not distinguish left and right: "
            "export the volume as NIfTI",
            code="ANALYZE",
        )
    require_kind(header, NIFTI_PAIR)
    with _broken_files_refused(path):
        return nibabel.load(header)


def _class_of(stream: Any) -> Any:
    """The class for NIfTI-1 or NIfTI-2, by the header's first number, its length."""
    length = stream.read(4)
    stream.seek(0)
    is_second = 540 in (int.from_bytes(length, "little"), int.from_bytes(length, "big"))
    return nibabel.Nifti2Image if is_second else nibabel.Nifti1Image


def is_half(path: Path) -> bool:
    """Whether a file is half of a pair; .img counts only beside an .hdr, as DICOM uses it too."""
    return _named(path, ".hdr") or (_named(path, ".img") and _halves(path)[0].is_file())


def _named(path: Path, suffix: str) -> bool:
    return path.name.lower().endswith(suffix)


def _halves(path: Path) -> tuple[Path, Path]:
    is_upper = path.suffix.isupper()
    header, voxels = (".HDR", ".IMG") if is_upper else (".hdr", ".img")
    return path.with_suffix(header), path.with_suffix(voxels)


def stored_numbers(file: NiftiFile, path: Path) -> NDArray[Any]:
    """Read the stored numbers, (slice, row, column), not yet rescaled.

    Raises `InputError` for anything but one volume with one number per voxel, and for a file that
    is cut off or damaged, also by its checksum.
    """
    image = file.image
    shape = image.shape
    if len(shape) < 3 or any(length != 1 for length in shape[3:]):
        raise InputError(
            f"the NIfTI file holds an array of {shape}, expected one 3D volume: save a single one",
            code="NOT_A_VOLUME",
        )
    if image.get_data_dtype().kind not in "iuf":
        raise InputError(
            f"the NIfTI file holds {image.get_data_dtype()} voxels, expected one number each",
            code="NOT_A_VOLUME",
        )
    _require_whole(image, path)
    with _broken_files_refused(path):
        stored = np.asarray(image.dataobj.get_unscaled())
        _require_sound(file.unpacking)
    return stored.reshape(shape[:3]).transpose(2, 1, 0)


def _require_sound(unpacking: gzip.GzipFile | None) -> None:
    """Read a compressed file to its checksum at the end, ignoring anything that follows."""
    try:
        while unpacking is not None and unpacking.read(CHUNK_BYTES):
            pass
    except gzip.BadGzipFile as reason:
        if "Not a gzipped file" not in str(reason):
            raise


@contextmanager
def _broken_files_refused(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(
            f"{path.name} is cut off or damaged: its compressed data are incomplete; copy or "
            "download it again",
            code="FILE_CUT",
        ) from None
    except OSError as reason:
        if reason.errno is not None:
            raise unreadable(path, reason) from None
        raise _cut(path) from None
    except MemoryError:
        raise InputError(
            f"{path.name} does not fit into memory: crop it, or use fewer bits",
            code="OUT_OF_MEMORY",
        ) from None
    except (HeaderDataError, ValueError):
        raise InputError(
            f"{path.name} has an invalid NIfTI header: export it again",
            code="FILE_BROKEN",
        ) from None
    except Exception:  # nibabel and numpy raise many types on a broken file
        raise InputError(
            f"{path.name} is broken or not NIfTI: copy or export it again", code="FILE_BROKEN"
        ) from None


def _require_whole(image: Any, path: Path) -> None:
    """Refuse a header that states more data than the file can hold, before allocating memory."""
    expected = int(np.prod(image.shape, dtype=object)) * image.get_data_dtype().itemsize
    file = _halves(path)[1] if is_half(path) else path
    with file.open("rb") as stream:
        most = file.stat().st_size * (MOST_PACKED if stream.read(2) == GZIP else 1)
    if expected > most:
        size = " × ".join(map(str, image.shape))
        raise _cut(path, f" ({size} voxels, {expected / 1e6:,.0f} MB)")


def _cut(path: Path, told: str = "") -> InputError:
    return InputError(
        f"{path.name} is cut off: it holds less than its header says{told}; copy or download it "
        "again",
        code="FILE_CUT",
    )
