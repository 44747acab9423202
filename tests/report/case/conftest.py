"""A report whose facts are given by hand."""

import io
from dataclasses import replace

import pytest
from PIL import Image

from afunet.anatomy.names import UNKNOWN
from afunet.formats.scan import Source
from afunet.reconstruction.deviation import Deviation
from afunet.reconstruction.measures import Measures
from afunet.reconstruction.pieces import Piece
from afunet.report.case.facts import (
    FRAME,
    BoneFacts,
    ConfidenceFacts,
    GridFacts,
    ModelFacts,
    Report,
    RunFacts,
    SurfaceFacts,
)


def png(size: tuple[int, int], colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, format="PNG")
    return buffer.getvalue()


OVERLAY, SCENE = png((3, 2), (255, 0, 0)), png((2, 3), (0, 0, 255))


@pytest.fixture
def report() -> Report:
    cleanup = {
        "specks_removed": 3,
        "specks_mm3": 21.4,
        "outside_removed": 1,
        "outside_mm3": 512.0,
        "filled_mm3": 77.0,
        "speck_limit_mm3": 15.0,
    }
    return Report(
        case="left knee",
        source=Source("DICOM series", 64, region="knee", region_basis="BodyPartExamined"),
        grid=GridFacts((512, 256, 64), (0.5, 0.5, 1.25), True, "axial"),
        findings=(),
        flags=(),
        confidence=ConfidenceFacts((1.0, 0.0), None, (), ()),
        model=ModelFacts("afunet", {"width": 32}, "ab" * 32, (-300.0, 1300.0), (512, 256), 192),
        bone=BoneFacts(24.69, 2, 12345.0, 60, 64, cleanup),
        surface=SurfaceFacts(1234567, 98.76, 24.5, 0, 0, True, FRAME, "mm", "vtk"),
        pieces=(piece(1, nearest="piece 2", gap_mm=1.25), piece(2, watertight=False)),
        run=run_facts(),
        files=("mask.nii.gz", "report.html"),
    )


MEASURES = Measures(
    1,
    12345.0,
    81.24,
    (81.24, 30.0, 20.0),
    ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
    (1.0, 2.0, 3.0),
    (0.0, 0.0, 0.0),
    (2.0, 4.0, 6.0),
    mean_hu=432.1,
    low_hu=-20.0,
    high_hu=1200.0,
)
DEVIATION = Deviation(0.104, 0.3, 0.777, 0.001, 5000, 0, 0)


def piece(label: int, volume_mm3: float = 12345.0, **changed: object) -> Piece:
    size = replace(MEASURES, label=label, volume_mm3=volume_mm3)
    one = Piece(f"piece {label}", UNKNOWN, label, size, 900.0, "", None, DEVIATION, True)
    return replace(one, **changed)  # type: ignore[arg-type]


def run_facts(**changed: object) -> RunFacts:
    values: dict[str, object] = {
        "version": "0.1.0",
        "device": "cpu",
        "runtime": "onnx",
        "arithmetic": "float32",
        "choice": "this processor has no bfloat16",
        "trial_seconds_per_window": {"float32": 0.1},
        "fallbacks": (),
        "windows": 24,
        "pixels": 24 * 256**2,
        "seconds": {"reading": 1.25, "network": 20.5},
        "peak_memory_mb": 1500.0,
        **changed,
    }
    known = RunFacts.__dataclass_fields__
    return RunFacts(**{name: value for name, value in values.items() if name in known})  # type: ignore[arg-type]
