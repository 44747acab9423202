"""Measure the bones of a scan or of surfaces, and write what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from afunet.anatomy.bones import Bone, Side
from afunet.geometry import Mesh
from afunet.landmarks.both_legs import compared_legs
from afunet.landmarks.limb import measured_leg, measured_pelvis
from afunet.landmarks.results import Part
from afunet.landmarks.spread import Spread
from afunet.plan import Step
from afunet.report.legs.page import legs_page
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.measure_bones import Bones, read_bones
from afunet.workflows.measure_files import MEASURE_WRITERS, Measures
from afunet.workflows.staging import check_writable, staged_folder

READING, MEASURING = "reading", "measuring"
PLAN = (Step(READING, share=0.2), Step(MEASURING, share=1))
BOTH_LEGS, LEGS_PAGE = Part("legs"), "legs.html"


@dataclass(frozen=True, eq=False)
class LegMeasures:
    """What was found, by the bone with its side ("left femur"), and the files.

    `flags` are codes of flags of the results that make measures doubtful, such as `METAL`.
    """

    parts: Mapping[Part, Spread]
    flags: tuple[str, ...]
    files: tuple[Path, ...]


def measure(source: Path, folder: Path, *, watch: Watch = UNWATCHED) -> LegMeasures:
    """Write the measures of the named bones at `source`: `MEASURE_WRITERS` and a page.

    `source` is what `read_bones` reads. What a bone does not show is listed with the reason. Raises
    `InputError` if no bone is named, and `OutputError` if the files cannot be written.
    """
    check_writable(folder, "measure", (*MEASURE_WRITERS, LEGS_PAGE))
    watch.tell(READING, 0, 1)
    read = read_bones(source, watch)
    watch.tell(READING, 1, 1)
    found = Measures(measured(read.bones, watch), read.flags)
    with staged_folder(folder, "measure") as stage:
        for name, write in MEASURE_WRITERS.items():
            write(found, stage / name)
        whole = {key: parts[0] for key, parts in read.bones.items() if len(parts) == 1}
        (stage / LEGS_PAGE).write_text(legs_page(found.parts, whole, found.flags), encoding="utf-8")
    files = tuple(folder / name for name in (*MEASURE_WRITERS, LEGS_PAGE))
    return LegMeasures(found.parts, found.flags, files)


def measured(bones: Bones, watch: Watch = UNWATCHED) -> dict[Part, Spread]:
    """Measure a pelvis, each leg, and the difference of both legs, as far as bones are there."""
    by_side: dict[Side | None, Bones] = {}
    for (bone, side), parts in bones.items():
        by_side.setdefault(side, {})[bone, side] = parts
    found: dict[Part, Spread] = {}
    legs: dict[Side, Mapping[str, Spread]] = {}
    for done, (side, group) in enumerate(by_side.items()):
        watch.check()
        watch.tell(MEASURING, done, len(by_side))
        leg: dict[Bone, list[Mesh]] = {bone: parts for (bone, _), parts in group.items()}
        pelvis = leg.pop(Bone.PELVIS, [])
        spreads = measured_leg(side, leg) if leg else {}
        if pelvis:
            spreads |= measured_pelvis(pelvis)
        found |= {Part(str(name), side): spread for name, spread in spreads.items()}
        if side is not None:
            legs[side] = spreads
    watch.tell(MEASURING, len(by_side), len(by_side))
    return found | ({BOTH_LEGS: compared_legs(legs)} if legs else {})
