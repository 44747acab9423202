"""The table of input formats, and the functions that read scans, labels and lists of series."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afunet.errors import ConfigError, InputError
from afunet.findings import refuse_if_strict
from afunet.formats import nifti, png_stack
from afunet.formats.checks import checked_scan
from afunet.formats.dicom.archive import volume_unpacked
from afunet.formats.dicom.listing import list_dicom
from afunet.formats.dicom.reader import read_dicom
from afunet.formats.dicom.seg_labels import read_dicom_labels
from afunet.formats.file_kinds import METAIMAGE, NIFTI, NRRD, SUFFIXES, kind_of
from afunet.formats.file_search import existing_paths
from afunet.formats.in_memory import is_image, labels_in_memory, scan_in_memory
from afunet.formats.itk_images import METAIMAGE_FILES, NRRD_FILES
from afunet.formats.labelling import Labelling, checked_labels
from afunet.formats.request import Request
from afunet.formats.scan import Scan
from afunet.formats.seg_nrrd import read_nrrd_labels
from afunet.formats.summary import SeriesSummary, summary_of
from afunet.geometry import Volume
from afunet.watch import UNWATCHED, Watch

Paths = str | Path | Iterable[str | Path]
Image = Paths | Any
"""Paths, or an image in memory: a `Volume`, a NumPy array, a nibabel or SimpleITK image."""


@dataclass(frozen=True)
class Reader:
    """How one format is recognised and read.

    `read` and `read_labels` return the content of the file; `read_scan` and `read_labelling` below
    check it. `list_series` lists several series and checks the one that would be read.
    """

    matches: Callable[[tuple[Path, ...]], bool]
    read: Callable[[Request], Scan]
    read_labels: Callable[[Request], Labelling]
    list_series: Callable[[Request], tuple[SeriesSummary, ...]] | None = None
    takes_series: bool = False
    takes_several_files: bool = False
    takes_spacing: bool = False


def _anything(paths: tuple[Path, ...]) -> bool:
    return True


# The first match reads; DICOM has no reliable file names, so it takes everything else.
READERS: dict[str, Reader] = {
    "NIfTI": Reader(nifti.is_nifti, nifti.read_nifti, nifti.read_nifti_labels),
    "NRRD": Reader(NRRD_FILES.is_it, NRRD_FILES.read, read_nrrd_labels),
    "MetaImage": Reader(METAIMAGE_FILES.is_it, METAIMAGE_FILES.read, METAIMAGE_FILES.read_labels),
    "PNG stack": Reader(
        png_stack.is_png_stack,
        png_stack.read_png_stack,
        png_stack.read_png_labels,
        takes_spacing=True,
        takes_several_files=True,
    ),
    "DICOM series": Reader(
        _anything,
        read_dicom,
        read_dicom_labels,
        list_series=lambda request: list_dicom(request, checked_scan),
        takes_series=True,
        takes_several_files=True,
    ),
}


def read_scan(
    path: Image,
    *,
    series: str | None = None,
    spacing_mm: tuple[float, float, float] | None = None,
    strict: bool = False,
    watch: Watch = UNWATCHED,
) -> Scan:
    """Read a CT scan in HU from a folder, a file or several files of one series.

    A folder holds DICOM (at any depth) or PNG slices; a file is NIfTI, NRRD or MetaImage, or a
    zip archive of DICOM or of one such file. An image in memory is checked in the same way
    (`scan_in_memory`). `series` chooses a DICOM series by its UID, the end of its UID or its number
    in `list_series`; `spacing_mm` is the voxel size (column, row, slice) of PNG slices and arrays;
    `strict` refuses what would otherwise be corrected and reported. Raises `InputError` for input
    that is not a readable CT scan, `GeometryError` for slices that do not form a stack,
    `ConfigError` for an option that the format does not take, and `Cancelled` on request.
    """
    if is_image(path):
        if series is not None:
            raise ConfigError(
                "a series can be chosen in DICOM only, this is an image in memory",
                code="OPTIONS_CLASH",
            )
        scan = scan_in_memory(path, spacing_mm)
        refuse_if_strict(scan.findings, strict)
        return checked_scan(scan)
    with volume_unpacked(
        Request(existing_paths(path), series, spacing_mm, strict, watch)
    ) as request:
        return checked_scan(_reader_of(request).read(request))


def read_labelling(
    path: Image, *, spacing_mm: tuple[float, float, float] | None = None
) -> Labelling:
    """Read a label volume as integers: NIfTI, NRRD, MetaImage, PNG masks, a DICOM Segmentation.

    An image in memory is read in the same way. Raises `InputError` for values that are not whole
    numbers and for other DICOM, `GeometryError` for a sheared grid.
    """
    if is_image(path):
        return checked_labels(labels_in_memory(path, spacing_mm))
    request = Request(existing_paths(path), spacing_mm=spacing_mm)
    reader = _reader_of(request)
    if reader.matches is _anything:
        _require_no_folder_of_volumes(request.path)
    return checked_labels(reader.read_labels(request))


def read_labels(path: Paths, *, spacing_mm: tuple[float, float, float] | None = None) -> Volume:
    """The volume of `read_labelling`, without its findings."""
    return read_labelling(path, spacing_mm=spacing_mm).volume


def list_series(
    path: Paths,
    *,
    series: str | None = None,
    watch: Watch = UNWATCHED,
) -> tuple[SeriesSummary, ...]:
    """List what can be read at a path: a summary for each DICOM series or for any other volume.

    A series that would be refused is listed with the refusal as an error finding. Raises
    `InputError` if there is nothing in a known format, and `Cancelled` on request.
    """
    with volume_unpacked(Request(existing_paths(path), series, watch=watch)) as request:
        reader = _reader_of(request)
        if reader.list_series is not None:
            return reader.list_series(request)
        return (summary_of(checked_scan(reader.read(request))),)


def _reader_of(request: Request) -> Reader:
    """The reader for a request's paths; `ConfigError` for an option that it does not take."""
    kind, reader = next(item for item in READERS.items() if item[1].matches(request.paths))
    if reader.matches is _anything:
        _require_no_volume(request.path)
    if request.series is not None and not reader.takes_series:
        raise ConfigError(
            f"a series can be chosen in DICOM only, but this is {kind}", code="OPTIONS_CLASH"
        )
    if request.spacing_mm is not None and not reader.takes_spacing:
        raise ConfigError(
            f"a spacing can be given for PNG slices only, but {kind} has its own",
            code="OPTIONS_CLASH",
        )
    if len(request.paths) > 1 and not reader.takes_several_files:
        raise InputError(
            f"{len(request.paths)} files were given, expected one {kind} file", code="SEVERAL_FILES"
        )
    return reader


def _require_no_folder_of_volumes(path: Path) -> None:
    if not path.is_dir():
        return
    volumes = sum(bool(_named_kind(item)) for item in path.iterdir())
    if volumes:
        raise InputError(
            f"{path.name} is a folder with {volumes} volume files: name the one to read",
            code="SEVERAL_FILES",
        )


def _named_kind(path: Path) -> str:
    """The format of one volume file by its name, "" for other files."""
    volumes = ("NIfTI", "NRRD", "MetaImage")
    return next((kind for kind in volumes if READERS[kind].matches((path,))), "")


def _require_no_volume(path: Path) -> None:
    """Refuse a volume file with the wrong suffix, and name the right one."""
    if not path.is_file():
        return
    kind = kind_of(path)
    if kind.name in (NIFTI, NRRD, METAIMAGE):
        suffix = f"{SUFFIXES[kind.name]}{'.gz' if kind.compressed else ''}"
        raise InputError(
            f"{path.name} is {kind.name} by its content: name it {suffix}", code="WRONG_KIND"
        )
