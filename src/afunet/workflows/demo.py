"""The demo: segment a simulated knee with a displaced fracture; needs no data and no GPU."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from afunet.errors import OutputError
from afunet.evaluation.fragments import match_fragments
from afunet.evaluation.overlap import count, dice
from afunet.formats.readers import read_labels
from afunet.geometry import BACKGROUND, LabelMap, Volume
from afunet.geometry.sizes import counted
from afunet.phantom import LegConfig
from afunet.phantom.drawing.examples import displaced_plateau
from afunet.plan import Step
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.demo_picture import FRAGMENTS_PICTURE, fragments_picture
from afunet.workflows.network import PLAN as LOADING_PLAN
from afunet.workflows.phantom import write_phantom
from afunet.workflows.segment import (
    CASE_PLAN,
    SegmentedCase,
    Segmenter,
    SegmentOptions,
)

PLAN = (*LOADING_PLAN, Step("simulating"), Step("writing the leg"), *CASE_PLAN)

LABELS = "nifti"


@dataclass(frozen=True)
class ToldApart:
    """How many true bones, and how many fragments of the broken ones, are separate pieces.

    Matched as in PENGWIN (`match_fragments`); fragments as small as a speck are ignored.
    """

    bones: int
    true_bones: int
    fragments: int
    true_fragments: int

    def __str__(self) -> str:
        """Return one line."""
        bones = f"{self.bones} of {counted(self.true_bones, 'bone')} found"
        if not self.true_fragments:
            return bones
        fragments = (
            f"{bones}; {self.fragments} of {counted(self.true_fragments, 'fragment')} of broken "
            "bones found as separate pieces"
        )
        if self.fragments == self.true_fragments:
            return fragments
        return (
            f"{fragments}, the others are still joined to their bone: "
            "fracture lines are often segmented as bone"
        )


@dataclass(frozen=True, eq=False)
class Demo:
    """The segmented case and its agreement with the ground truth: Dice and separate pieces.

    `picture` shows the true fragments above the pieces that were found.
    """

    case: SegmentedCase
    scan: Path
    dice: float
    told_apart: ToldApart
    picture: Path


def demo(
    folder: Path,
    options: SegmentOptions | None = None,
    leg: LegConfig | None = None,
    *,
    watch: Watch = UNWATCHED,
) -> Demo:
    """Simulate a leg, write it as DICOM, segment that, and compare with the ground truth.

    Both are in the picture `fragments.png` in the folder.
    """
    options = options or SegmentOptions()
    options = replace(options, formats=(*options.formats, LABELS))
    segmenter = Segmenter(options, watch=watch)
    simulated, written = write_phantom(leg or displaced_plateau(), folder / "phantom", watch=watch)
    for missing in written.not_written:
        raise OutputError(f"{missing.format} is missing: {missing.reason}", code=missing.code)
    case = segmenter.segment(written.scan, folder / "result", case="demo", watch=watch)
    truth = simulated.bones.foreground()
    truth.require_same_grid(case.mask, "the mask")
    labels = case.folder / "instances.nii.gz"
    pieces = read_labels(labels) if labels.is_file() else case.mask
    smallest_mm3 = options.cleanup.speck_mm3
    matches = match_fragments(pieces, simulated.fragments.volume, smallest_mm3).matches
    picture = folder / FRAGMENTS_PICTURE
    fragments_picture(simulated.fragments, pieces, matches).save(picture)
    return Demo(
        case,
        written.scan,
        dice(count(case.mask.voxels, truth.voxels)),
        told_apart(pieces, simulated.bones, simulated.fragments, smallest_mm3),
        picture,
    )


def told_apart(
    pieces: Volume, bones: LabelMap, fragments: LabelMap, smallest_mm3: float
) -> ToldApart:
    """Compare a label map of pieces with the true bones and fragments on the same grid."""
    wholes = match_fragments(pieces, bones.volume, smallest_mm3).matches
    broken = _fragments_of_broken(bones, fragments)
    parts = match_fragments(pieces, fragments.volume, smallest_mm3).matches
    parts = tuple(match for match in parts if match.true in broken)
    return ToldApart(
        sum(match.is_found for match in wholes),
        len(wholes),
        sum(match.is_found for match in parts),
        len(parts),
    )


def _fragments_of_broken(bones: LabelMap, fragments: LabelMap) -> set[int]:
    """Return the labels of fragments of bones that have several."""
    parts = [fragments.volume.voxels[bones.volume.voxels == bone] for bone in bones.names]
    by_bone = [set(np.unique(labels)) - {BACKGROUND} for labels in parts]
    return {int(label) for labels in by_bone if len(labels) > 1 for label in labels}
