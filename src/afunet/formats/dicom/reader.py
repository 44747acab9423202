"""Read a folder of DICOM CT slices as one scan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from afunet.findings import Finding, info, refuse_if_strict, warning
from afunet.formats.dicom.absence import nothing_found
from afunet.formats.dicom.agreement import agreed
from afunet.formats.dicom.archive import unpacked
from afunet.formats.dicom.archive_findings import archive_findings
from afunet.formats.dicom.files import FoundFiles, find_headers, syntax_name
from afunet.formats.dicom.gate import Stack
from afunet.formats.dicom.header import Header
from afunet.formats.dicom.media import listed_and_absent
from afunet.formats.dicom.picker import pick, require_chosen
from afunet.formats.dicom.pixels import ImageFiles, read_hu
from afunet.formats.dicom.signs import Read
from afunet.formats.dicom.source_images import SourceCollector
from afunet.formats.dicom.straighten import straightened
from afunet.formats.hu import stacked
from afunet.formats.region import guess_region
from afunet.formats.request import Request
from afunet.formats.scan import Scan, Source
from afunet.geometry import Volume

KIND = "DICOM series"


def read_dicom(request: Request) -> Scan:
    """Read the CT series among the request's files, or the one it names.

    Raises `InputError` if there is none, and `GeometryError` if its slices do not form a stack and
    cannot be corrected; see `picker.pick` and `gate.arrange`.
    """
    with unpacked(request) as whole:
        return _read(whole)


def _read(request: Request) -> Scan:
    found = find_dicom(request)
    if found.broken:
        raise found.broken[0]
    choice = pick(found.headers, request.series, request.named)
    stack = require_chosen(choice, request.series).stack
    assert stack is not None  # a chosen series has one
    findings = file_findings(found) + choice.findings + stack.findings
    findings += header_findings(stack.headers)
    findings += archive_findings([header.copied for header in stack.headers])
    refuse_if_strict(findings, request.strict)
    return scan_of(stack, findings, request)


def scan_of(stack: Stack, findings: tuple[Finding, ...], request: Request) -> Scan:
    """Read the pixels of a stack; `InputError` if that is impossible."""
    collector = SourceCollector()
    read = agreed(list(_slices(stack, request, collector)), stack.headers, _read_again(stack))
    findings += read.findings
    refuse_if_strict(findings, request.strict)
    slices = _handed_over(read.slices)
    voxels = slices if stack.are_voxels else straightened(slices, stack)
    volume = Volume(stacked(voxels, stack.shape), stack.affine)
    return Scan(
        volume,
        source_of(stack.headers),
        findings,
        planes=stack.planes,
        resampled=not stack.are_voxels,
        images=collector.images(),
    )


def find_dicom(request: Request) -> FoundFiles:
    """Find the DICOM headers of a request; `InputError` if there are none."""
    found = find_headers(request)
    if found.directories and request.path.is_file():  # a DICOMDIR stands for its medium
        found = find_headers(replace(request, paths=tuple(path.parent for path in request.paths)))
    if found.headers:
        return found
    raise found.broken[0] if found.broken else nothing_found(request, found)


def file_findings(found: FoundFiles) -> tuple[Finding, ...]:
    """Findings about the files, not about a series."""
    noticed = []
    if found.others:
        message = f"files skipped because they are not DICOM: {len(found.others)}"
        noticed.append(info("FOREIGN_FILES", message))
    if found.directories:
        message = "there is a DICOMDIR; all files in its folder and below were searched"
        noticed.append(info("DICOMDIR", message))
    if absent := listed_and_absent(found.directories, found.headers):
        message = f"the DICOMDIR lists {absent} more images of these series, which are not here"
        noticed.append(warning("LISTED_FILES_MISSING", f"{message}: copy the whole medium"))
    if found.links_followed:
        message = f"linked folders searched: {found.links_followed}"
        noticed.append(info("LINKED_FOLDERS", message))
    return tuple(noticed)


def header_findings(headers: tuple[Header, ...]) -> tuple[Finding, ...]:
    """Findings about headers that make the values of a series less certain."""
    rescales = {header.rescale for header in headers} - {None}
    noticed = {
        info("NO_FILE_HEADER", "files have no DICOM file header; read as little endian"): any(
            not header.has_file_header for header in headers
        ),
        info("NO_TRANSFER_SYNTAX", "files name no transfer syntax", "read as little endian"): any(
            header.has_file_header and not header.has_syntax for header in headers
        ),
        info("NO_MODALITY", "the files name no modality", "taken as CT by their class"): not any(
            header.modality for header in headers
        ),
        warning("NO_RESCALE", "no rescale slope or intercept; stored values are taken as HU"): (
            not rescales
        ),
        warning("RESCALE_NOT_HU", "the header says that the values are not in HU"): any(
            header.rescale_type not in ("", "HU") for header in headers
        ),
        info("MIXED_RESCALE", "slices have different rescale values", "each read by its own"): (
            len(rescales) > 1
        ),
        info("PADDING", "pixels outside the image are marked as padding", "taken as air"): any(
            header.padding is not None for header in headers
        ),
        info("LEFT_ALIGNED", "pixels use the upper bits of their words", "shifted down"): any(
            header.high_bit != header.bits_stored - 1 for header in headers
        ),
        # PS3.3 C.7.6.3.1.2: it tells how to display, not what the numbers mean.
        info("MONOCHROME1", "images are to be displayed inverted; HU are read as stored"): any(
            header.photometric == "MONOCHROME1" for header in headers
        ),
        warning("LOSSY_COMPRESSION", "the images went through lossy compression"): any(
            header.is_lossy for header in headers
        ),
    }
    return tuple(finding for finding, is_so in noticed.items() if is_so)


def source_of(headers: Sequence[Header]) -> Source:
    """The source of a series, without anything that names the patient."""
    first = headers[0]
    region = guess_region(first.body_part, first.descriptions, first.patient_position)
    syntaxes = Counter(syntax_name(header.transfer_syntax) for header in headers)
    return Source(
        kind=KIND,
        file_count=len(headers),
        modality="CT",  # nothing else is read
        body_part=region.body_part,
        region=region.name,
        region_basis=region.basis,
        patient_position=first.patient_position,
        manufacturer=first.manufacturer,
        model=first.model,
        kernel=first.kernel,
        slice_thickness_mm=first.slice_thickness_mm,
        transfer_syntax=", ".join(syntaxes),
    )


def _slices(stack: Stack, request: Request, collector: SourceCollector) -> Iterator[NDArray[Any]]:
    total, files = len(stack.headers), ImageFiles()
    for number, header in enumerate(stack.headers, start=1):
        request.watch.check()
        hu = read_hu(header, _where(header, number, total), files)
        collector.add(header, files)
        yield hu
        request.watch.tell("reading slices", number, total)


def _read_again(stack: Stack) -> Read:
    """A function that reads a slice of a stack with a changed header."""
    total, files = len(stack.headers), ImageFiles()
    return lambda header, index: read_hu(header, _where(header, index + 1, total), files)


def _handed_over(slices: list[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """Yield the slices one after another and release each, so that memory holds them only once."""
    slices.reverse()
    while slices:
        yield slices.pop()


def _where(header: Header, number: int, total: int) -> str:
    instance = header.instance_number
    suffix = "" if instance is None else f" (instance number {instance})"
    return f"slice {number} of {total}{suffix}"
