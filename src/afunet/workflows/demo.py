"""The main job on a simulated fractured knee: no data and no GPU needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from afunet.evaluation.overlap import count, dice
from afunet.phantom import LegConfig
from afunet.phantom.examples import fractured_knee
from afunet.progress import CancelToken, Progress, silent
from afunet.watch import Step
from afunet.workflows.phantom import write_phantom
from afunet.workflows.segment import (
    CASE_PLAN,
    LOADING_PLAN,
    SegmentedCase,
    Segmenter,
    SegmentOptions,
)

PLAN = (*LOADING_PLAN, Step("simulating"), Step("writing the leg"), *CASE_PLAN)


@dataclass(frozen=True, eq=False)
class Demo:
    """The segmented case and its Dice against the exact answer."""

    case: SegmentedCase
    scan: Path
    dice: float


def demo(
    folder: Path,
    options: SegmentOptions | None = None,
    leg: LegConfig | None = None,
    *,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Demo:
    """Simulate a leg, write it as DICOM, segment that, and compare with the exact answer."""
    segmenter = Segmenter(options, progress=progress, cancel=cancel)
    simulated, written = write_phantom(
        leg or fractured_knee(), folder / "phantom", progress=progress, cancel=cancel
    )
    case = segmenter.segment(
        written.scan, folder / "result", case="demo", progress=progress, cancel=cancel
    )
    truth = simulated.bones.foreground()
    truth.require_same_grid(case.mask, "the mask")
    return Demo(case, written.scan, dice(count(case.mask.voxels, truth.voxels)))
