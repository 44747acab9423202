"""NIfTI files (RAS, column first) and volumes (LPS, slice first)."""

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

from afunet.errors import InputError, OutputError
from afunet.formats.file_kinds import ANALYZE, GZIP, NIFTI, NIFTI_PAIR, kind_of, require_kind
from afunet.formats.file_search import unreadable
from afunet.formats.findings import Finding, info, refuse_if_strict
from afunet.formats.hu import rescaled, stacked
from afunet.formats.labelling import Labelling
from afunet.formats.nifti_placement import RAS_LPS, placement_of
from afunet.formats.request import Request
from afunet.formats.scan import Scan, Source
from afunet.formats.units import size_finding
from afunet.formats.whole_file import whole_file
from afunet.geometry import Volume

KIND = "NIfTI"
SUFFIXES = (".nii", ".nii.gz")
SCANNER = 1  # NIFTI_XFORM_SCANNER_ANAT
DESCRIPTION_BYTES = 79
MOST_PACKED = 1100  # deflate packs 1,032 bytes into one at most
CHUNK_BYTES = 1 << 20
# nibabel would write lines of its own about headers that it mends or refuses.
logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)
WRITABLE = (np.uint8, np.int16, np.uint16, np.int32, np.float32)


def is_nifti(paths: tuple[Path, ...]) -> bool:
    """Whether a path is a NIfTI file by its name, or either half of a pair of .hdr and .img."""
    return any(path.is_file() and (_named(path, SUFFIXES) or _is_half(path)) for path in paths)


def read_nifti(request: Request) -> Scan:
    """Read one NIfTI volume of HU on its own grid, whatever its axes' order and signs.

    The spatial unit may be metre, millimetre (also where none is said) or micrometre. A file that
    is compressed where its name says it is not, or the other way round, is read with a finding.
    Raises `InputError` for a broken file and for anything but one volume of single numbers,
    `GeometryError` where it cannot be placed.
    """
    request.cancel.check()
    with _opened(request.path) as file:
        stored = _stored(file, request.path)
    slope, intercept = float(file.image.dataobj.slope), float(file.image.dataobj.inter)
    voxels = stacked(
        (rescaled(plane, slope, intercept) for plane in _planes(stored, request)), stored.shape
    )
    volume, findings = _placed(voxels, file)
    refuse_if_strict(findings, request.strict)
    return Scan(volume, Source(KIND, 1), findings)


def read_nifti_labels(request: Request) -> Labelling:
    """Read one NIfTI volume of labels as stored; errors as in `read_nifti`."""
    with _opened(request.path) as file:
        stored = _stored(file, request.path)
    slope, intercept = float(file.image.dataobj.slope), float(file.image.dataobj.inter)
    is_scaled = (slope, intercept) != (1.0, 0.0)
    voxels = stored * slope + intercept if is_scaled else stored
    volume, findings = _placed(np.ascontiguousarray(voxels), file)
    is_whole = np.issubdtype(stored.dtype, np.integer)
    return Labelling(volume, findings, abs(slope) if is_scaled and is_whole else 0.0)


def write_nifti(volume: Volume, path: Path, description: str = "") -> None:
    """Write voxels and grid as they are, as .nii or .nii.gz by the path's end.

    Both sform and qform are set (scanner coordinates, millimetres). Voxels keep their type:
    uint8, int16, uint16, int32, float32; bool becomes uint8. Raises `OutputError` for another type
    or name and where the file cannot be written whole.
    """
    if not path.name.lower().endswith(SUFFIXES):
        raise OutputError(f"cannot write {path.name} as NIfTI: name it .nii.gz or .nii")
    voxels = volume.voxels.astype(np.uint8) if volume.voxels.dtype == bool else volume.voxels
    if voxels.dtype not in WRITABLE:
        raise OutputError(
            f"NIfTI voxels must be uint8, int16, uint16, int32 or float32, not {voxels.dtype}"
        )
    affine = RAS_LPS @ volume.affine
    image = nibabel.Nifti1Image(voxels.transpose(2, 1, 0), affine)
    image.set_sform(affine, code=SCANNER)
    image.set_qform(affine, code=SCANNER)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = description.encode("ascii", "replace")[:DESCRIPTION_BYTES]
    with whole_file(path) as unfinished:
        nibabel.save(image, unfinished)


@dataclass(frozen=True, eq=False)
class _File:
    """nibabel's image, what was noticed about the file itself, and its unpacking if it has any."""

    image: Any
    findings: tuple[Finding, ...] = ()
    unpacking: gzip.GzipFile | None = None


@contextmanager
def _opened(path: Path) -> Iterator[_File]:
    """The image of a file, by its content; its voxels can be read as long as it is open."""
    if _is_half(path):
        yield _File(_load_pair(path))
        return
    kind = require_kind(path, NIFTI)
    findings = _name_findings(path, kind.compressed)
    if not (kind.compressed or findings):
        with _broken_files_refused(path):
            image = nibabel.load(path)
        yield _File(image)
        return
    with ExitStack() as stack:
        with _broken_files_refused(path):
            stream: Any = stack.enter_context(path.open("rb"))
            unpacking = (
                stack.enter_context(gzip.GzipFile(fileobj=stream)) if kind.compressed else None
            )
            stream = unpacking or stream
            image = _class_of(stream).from_stream(stream)
        yield _File(image, findings, unpacking)


def _name_findings(path: Path, compressed: bool) -> tuple[Finding, ...]:
    if compressed == path.name.lower().endswith(".gz"):
        return ()
    what, suffix = ("is compressed", ".nii.gz") if compressed else ("is not compressed", ".nii")
    return (info("MISNAMED_FILE", f"the file {what}, its name should end in {suffix}"),)


def _load_pair(path: Path) -> Any:
    header, voxels = _halves(path)
    if not (header.is_file() and voxels.is_file()):
        missing = voxels if header.is_file() else header
        raise InputError(f"{path.name} is half of a pair, {missing.name} is not beside it")
    kind = kind_of(header)
    if kind.name == ANALYZE:
        raise InputError(
            f"{header.name} is of Analyze 7.5, which does not tell left from right: export the "
            "volume as NIfTI"
        )
    require_kind(header, NIFTI_PAIR)
    with _broken_files_refused(path):
        return nibabel.load(header)


def _class_of(stream: Any) -> Any:
    """NIfTI-1 or NIfTI-2 by the length of the header, its first number."""
    length = stream.read(4)
    stream.seek(0)
    is_second = 540 in (int.from_bytes(length, "little"), int.from_bytes(length, "big"))
    return nibabel.Nifti2Image if is_second else nibabel.Nifti1Image


def _named(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.name.lower().endswith(suffixes)


def _is_half(path: Path) -> bool:
    """.img is also a name of DICOM files: only beside an .hdr is it half of a pair."""
    return _named(path, (".hdr",)) or (_named(path, (".img",)) and _halves(path)[0].is_file())


def _halves(path: Path) -> tuple[Path, Path]:
    is_upper = path.suffix.isupper()
    header, voxels = (".HDR", ".IMG") if is_upper else (".hdr", ".img")
    return path.with_suffix(header), path.with_suffix(voxels)


def _placed(voxels: NDArray[Any], file: _File) -> tuple[Volume, tuple[Finding, ...]]:
    placement = placement_of(file.image.header)
    volume = Volume(voxels, placement.affine)
    return volume, (*file.findings, *placement.findings, *size_finding(volume))


def _stored(file: _File, path: Path) -> NDArray[Any]:
    """The stored numbers, (slice, row, column), not yet rescaled."""
    image = file.image
    shape = image.shape
    if len(shape) < 3 or any(length != 1 for length in shape[3:]):
        raise InputError(
            f"the NIfTI file holds an array of {shape}, expected one 3D volume: save one"
        )
    if image.get_data_dtype().kind not in "iuf":
        raise InputError(
            f"the NIfTI file holds {image.get_data_dtype()} voxels, expected one number each"
        )
    _require_whole(image, path)
    with _broken_files_refused(path):
        stored = np.asarray(image.dataobj.get_unscaled())
        _require_sound(file.unpacking)
    return stored.reshape(shape[:3]).transpose(2, 1, 0)


def _require_sound(unpacking: gzip.GzipFile | None) -> None:
    """Read on to the end of a packed file, where its checksum stands, whatever lies behind it."""
    try:
        while unpacking is not None and unpacking.read(CHUNK_BYTES):
            pass
    except gzip.BadGzipFile as reason:
        if "Not a gzipped file" not in str(reason):
            raise


def _planes(stored: NDArray[Any], request: Request) -> Iterator[NDArray[Any]]:
    for number, plane in enumerate(stored, start=1):
        request.cancel.check()
        yield plane
        request.progress("reading slices", number, len(stored))


@contextmanager
def _broken_files_refused(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(
            f"{path.name} is cut off or damaged: its compression breaks off; copy or download it "
            "again"
        ) from None
    except OSError as reason:
        if reason.errno is not None:
            raise unreadable(path, reason) from None
        raise _cut(path) from None
    except (HeaderDataError, ValueError):
        raise InputError(
            f"{path.name} has a NIfTI header that makes no sense: export it again"
        ) from None
    except Exception:  # nibabel and numpy each raise their own on a broken file
        raise InputError(f"{path.name} is broken or not NIfTI: copy or export it again") from None


def _require_whole(image: Any, path: Path) -> None:
    """Refuse a header that tells of more than the file can hold, before memory is asked for."""
    expected = int(np.prod(image.shape, dtype=object)) * image.get_data_dtype().itemsize
    file = _halves(path)[1] if _is_half(path) else path
    with file.open("rb") as opened:
        most = file.stat().st_size * (MOST_PACKED if opened.read(2) == GZIP else 1)
    if expected > most:
        size = " × ".join(map(str, image.shape))
        raise _cut(path, f" ({size} voxels, {expected / 1e6:,.0f} MB)")


def _cut(path: Path, told: str = "") -> InputError:
    return InputError(
        f"{path.name} is cut off: it holds less than its header tells of{told}; copy or download "
        "it again"
    )
