"""The bone that a segment of somebody else's label map is, by its code or by its name."""

from __future__ import annotations

import re

from afunet.anatomy.bones import Bone, Side
from afunet.anatomy.names import UNKNOWN, BoneName
from afunet.formats.segments import LEFT, RIGHT, Segment

SIDE_WORDS = {"left": Side.LEFT, "l": Side.LEFT, "right": Side.RIGHT, "r": Side.RIGHT}
SIDE_CODES = {LEFT.value: Side.LEFT, RIGHT.value: Side.RIGHT}


def told_name(segment: Segment) -> BoneName:
    """The bone and side that a segment says it is, fully sure; unknown if it names no bone.

    A SNOMED CT code counts before words such as "left tibia 2", "Femur_R" or "hip_left" of
    TotalSegmentator. No other word of the name is kept, because it could name a patient.
    """
    words = re.findall(r"[a-z]+", segment.name.lower())
    bone = _bone_of_code(segment) or _bone_of_words(words)
    if bone is None:
        return UNKNOWN
    told = SIDE_CODES.get(segment.side.value) if segment.side is not None else None
    side = told or next((SIDE_WORDS[word] for word in words if word in SIDE_WORDS), None)
    if side is None or not bone.row.sided:
        return BoneName(bone, None, 1.0)
    return BoneName(bone, side, 1.0, 1.0)


def _bone_of_code(segment: Segment) -> Bone | None:
    value = segment.kind.value if segment.kind is not None else ""
    return next(
        (bone for bone in Bone if bone is not Bone.UNKNOWN and bone.row.snomed[0] == value), None
    )


def _bone_of_words(words: list[str]) -> Bone | None:
    joined = f"{'_'.join(words)}_"
    for bone in Bone:
        structures = [pattern.rstrip("*") for pattern in bone.row.totalsegmentator]
        if bone is not Bone.UNKNOWN and (
            bone in words or any(joined.startswith(f"{structure}_") for structure in structures)
        ):
            return bone
    return None
