"""The formats that a finished case can be written in."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from afunet.errors import ConfigError
from afunet.formats.dicom.result import Algorithm, Segment, result_planes
from afunet.formats.dicom.rtstruct import write_rtstruct
from afunet.formats.dicom.segmentation import SegmentationKind, write_segmentation
from afunet.formats.mesh_files import MESH_WRITERS
from afunet.formats.scan import Scan
from afunet.formats.writers import MASK_WRITERS
from afunet.geometry import Mesh, Volume

DESCRIPTION = "afunet bone mask"


@dataclass(frozen=True, eq=False)
class CaseResults:
    """What was found in a scan. `probability` holds 0…255 on the mask's grid, if it was kept."""

    scan: Scan
    mask: Volume
    mesh: Mesh
    algorithm: Algorithm
    probability: Volume | None = None
    segmentation_kind: SegmentationKind = SegmentationKind.BINARY
    deidentified: bool = False


@dataclass(frozen=True)
class ResultFormat:
    """The file that a format gives, and how it is written."""

    file_name: str
    write: Callable[[CaseResults, Path], None]
    needs_dicom: bool = False


def _mask(kind: str) -> ResultFormat:
    writer = MASK_WRITERS[kind]
    return ResultFormat(
        f"mask{writer.suffix}",
        lambda results, path: writer.write(results.mask, path, DESCRIPTION),
    )


def _mesh(kind: str) -> ResultFormat:
    return ResultFormat(
        f"bone.{kind}", lambda results, path: MESH_WRITERS[kind](results.mesh, path)
    )


def _segmentation(results: CaseResults, path: Path) -> None:
    write_segmentation(
        _segments(results),
        result_planes(results.scan),
        results.algorithm,
        path,
        results.segmentation_kind,
        deidentified=results.deidentified,
    )


def _structures(results: CaseResults, path: Path) -> None:
    write_rtstruct(
        _segments(results),
        result_planes(results.scan),
        results.algorithm,
        path,
        deidentified=results.deidentified,
    )


def _segments(results: CaseResults) -> list[Segment]:
    planes = result_planes(results.scan)
    return [planes.segment("bone", results.mask, probability=results.probability)]


RESULT_FORMATS: dict[str, ResultFormat] = {
    **{kind: _mask(kind) for kind in MASK_WRITERS},
    **{kind: _mesh(kind) for kind in MESH_WRITERS},
    "seg": ResultFormat("segmentation.dcm", _segmentation, needs_dicom=True),
    "rtstruct": ResultFormat("structures.dcm", _structures, needs_dicom=True),
}


def require_formats(names: Collection[str]) -> None:
    """`ConfigError` for a name that is not in `RESULT_FORMATS`."""
    unknown = sorted(set(names) - set(RESULT_FORMATS))
    if unknown:
        raise ConfigError(
            f"unknown format {', '.join(unknown)}; there are {', '.join(RESULT_FORMATS)}"
        )


def require_source_for(names: Collection[str], scan: Scan) -> None:
    """`ConfigError` where a format needs a scan read from DICOM and this one was not."""
    if any(RESULT_FORMATS[name].needs_dicom for name in names):
        result_planes(scan)
