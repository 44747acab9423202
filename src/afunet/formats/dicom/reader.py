"""A folder of DICOM CT slices as one scan."""

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

    Raises `InputError` where there is none, `GeometryError` where its slices do not form a
    stack that may be mended; see `picker.pick` and `gate.arrange`.
    """
    with unpacked(request) as whole:
        return _read(whole)


def _read(request: Request) -> Scan:
    found = find_dicom(request)
    if found.broken:
        raise found.broken[0]
    choice = pick(found.headers, request.series, request.named)
    stack = require_chosen(choice, request.series).stack
    assert stack is not None  # what is chosen has one
    findings = file_findings(found) + choice.findings + stack.findings
    findings += header_findings(stack.headers)
    findings += archive_findings([header.copied for header in stack.headers])
    refuse_if_strict(findings, request.strict)
    return scan_of(stack, findings, request)


def scan_of(stack: Stack, findings: tuple[Finding, ...], request: Request) -> Scan:
    """A stack with its pixels; `InputError` where they cannot be read."""
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
    """The DICOM headers of a request; `InputError` where there is not one."""
    found = find_headers(request)
    if found.directories and request.path.is_file():  # a DICOMDIR by its name: its medium is meant
        found = find_headers(replace(request, paths=tuple(path.parent for path in request.paths)))
    if found.headers:
        return found
    raise found.broken[0] if found.broken else nothing_found(request, found)


def file_findings(found: FoundFiles) -> tuple[Finding, ...]:
    """What was noticed about files rather than about the series."""
    noticed = []
    if found.others:
        message = f"files skipped as not DICOM: {len(found.others)}"
        noticed.append(info("FOREIGN_FILES", message))
    if found.directories:
        message = "a DICOMDIR lists the files; all files below its folder were looked at"
        noticed.append(info("DICOMDIR", message))
    if absent := listed_and_absent(found.directories, found.headers):
        message = f"the DICOMDIR lists {absent} more images of the series that lie here"
        noticed.append(warning("LISTED_FILES_MISSING", f"{message}: copy the whole medium"))
    if found.links_followed:
        message = f"linked folders that were looked into: {found.links_followed}"
        noticed.append(info("LINKED_FOLDERS", message))
    return tuple(noticed)


def header_findings(headers: tuple[Header, ...]) -> tuple[Finding, ...]:
    """What a series' headers lack or say that makes its values less certain."""
    rescales = {header.rescale for header in headers} - {None}
    noticed = {
        info("NO_FILE_HEADER", "files have no DICOM file header; read as little endian"): any(
            not header.has_file_header for header in headers
        ),
        info("NO_TRANSFER_SYNTAX", "files name no transfer syntax", "read as little endian"): any(
            header.has_file_header and not header.has_syntax for header in headers
        ),
        info("NO_MODALITY", "the files name no modality", "CT by the class of the images"): not any(
            header.modality for header in headers
        ),
        warning("NO_RESCALE", "no rescale slope or intercept; stored values are taken as HU"): (
            not rescales
        ),
        warning("RESCALE_NOT_HU", "the header says that the values are not in HU"): any(
            header.rescale_type not in ("", "HU") for header in headers
        ),
        info("MIXED_RESCALE", "slices have different rescale values", "each by its own"): (
            len(rescales) > 1
        ),
        info("PADDING", "pixels outside the image are marked as padding", "taken as air"): any(
            header.padding is not None for header in headers
        ),
        info("LEFT_ALIGNED", "pixels sit at the upper end of their words", "shifted down"): any(
            header.high_bit != header.bits_stored - 1 for header in headers
        ),
        # PS3.3 C.7.6.3.1.2: it tells how to display, not what the numbers mean.
        info("MONOCHROME1", "to be displayed inverted; the HU are as stored"): any(
            header.photometric == "MONOCHROME1" for header in headers
        ),
        warning("LOSSY_COMPRESSION", "the images were compressed with loss"): any(
            header.is_lossy for header in headers
        ),
    }
    return tuple(finding for finding, is_so in noticed.items() if is_so)


def source_of(headers: Sequence[Header]) -> Source:
    """Where a series came from, without anything that names the patient."""
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
    """Reads a slice of a stack by a header that was changed."""
    total, files = len(stack.headers), ImageFiles()
    return lambda header, index: read_hu(header, _where(header, index + 1, total), files)


def _handed_over(slices: list[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """The slices one after the other, each forgotten once it is taken: memory holds them once."""
    slices.reverse()
    while slices:
        yield slices.pop()


def _where(header: Header, number: int, total: int) -> str:
    instance = header.instance_number
    suffix = "" if instance is None else f" (instance number {instance})"
    return f"slice {number} of {total}{suffix}"
