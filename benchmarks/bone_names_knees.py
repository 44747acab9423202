"""Names and sides of the bones of real knees, from their labels.

    .venv/bin/python -m benchmarks.bone_names_knees

The knees of training and validation: the network for names saw none of them, it saw no CT at all.
Their millimetres are not known, so the widest bone of each is taken as 78 mm wide and the 30 levels
as 3, 4 and 5 mm apart in turn. Which way a series runs and which side it is was read by eye, the
side from where the fibula lies (one knee full of metal is left out). A level without a label has
that of the nearest. Right is the side and a name that can be: tibia or fibula for what reaches the
lowest level, femur or patella for what reaches the highest, any of the four for what reaches none.
Pieces below 800 mm³ do not count.

Prints a Markdown row a spacing, and what was wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cc3d
import numpy as np
from numpy.typing import NDArray
from skimage.io import imread

from afunet.anatomy.bones import Bone
from afunet.anatomy.naming import name_pieces
from afunet.geometry import Volume
from afunet.reconstruction.instances import split_instances
from benchmarks.bench import data_set, parser_of
from benchmarks.bone_names import Outcome, outcome_of, print_outcomes

LEVELS_MM, WIDEST_MM, SMALLEST_MM3 = (3.0, 4.0, 5.0), 78.0, 800.0
ABOVE, BELOW = (Bone.FEMUR, Bone.PATELLA), (Bone.TIBIA, Bone.FIBULA)
DOWNWARDS = {
    "left": "02 09 19 28R 33R",
    "right": "01 03 04L 07 15L 28L 31 33L 40 41",
}
UPWARDS = {
    "left": "06 11L 16L 35 43L",
    "right": "04R 11R 14 15R 16R 26 32 36 37 42 43R",
}


def mask_of(case: Path) -> NDArray[np.bool_]:
    """All levels (z, y, x) as they lie in the series."""
    levels = sorted((case / "images").glob("*.png"))
    found = {
        number: imread(case / "masks" / path.name) > 0
        for number, path in enumerate(levels)
        if (case / "masks" / path.name).exists()
    }
    nearest = [min(found, key=lambda known: abs(known - level)) for level in range(len(levels))]
    return np.stack([found[number] for number in nearest])


def widest(mask: NDArray[np.bool_]) -> int:
    """Pixels from left to right of the widest bone on any level."""
    boxes = [
        cc3d.statistics(cc3d.connected_components(level, connectivity=8))["bounding_boxes"][1:]
        for level in mask
    ]
    return max(int(box[1].stop - box[1].start) for level in boxes for box in level)


def could_be(piece: NDArray[np.bool_]) -> tuple[Bone, ...]:
    """The bones of a knee that a piece (z, y, x) can be by the levels that it reaches."""
    lowest, highest = piece[0].any(), piece[-1].any()
    return BELOW if lowest and not highest else ABOVE if highest and not lowest else ABOVE + BELOW


def main(argv: Sequence[str] | None = None) -> None:
    parser_of(__doc__).parse_args(argv)
    knees = data_set("knee")
    rows = {mm: Counter[Outcome]() for mm in LEVELS_MM}
    wrong = []
    for upwards, sides in ((False, DOWNWARDS), (True, UPWARDS)):
        for side, name in ((side, name) for side, names in sides.items() for name in names.split()):
            mask = mask_of(knees / f"knee{name}")[:: 1 if upwards else -1]
            pixel = WIDEST_MM / widest(mask)
            for mm, row in rows.items():
                found = name_pieces(split_instances(Volume(mask, np.diag([pixel, pixel, mm, 1.0]))))
                sizes = np.bincount(found.labels.voxels.ravel())[1:] * pixel**2 * mm
                for label, (told, size) in enumerate(zip(found.names, sizes, strict=True), 1):
                    if size < SMALLEST_MM3:
                        continue
                    possible = could_be(found.labels.voxels == label)
                    truth = told.bone if told.bone in possible else possible[0]
                    outcome = outcome_of(told, f"{truth} {side}")
                    row[outcome] += 1
                    if outcome is not Outcome.RIGHT:
                        wrong.append(f"knee{name}, {mm:.0f} mm, {side}: {size:.0f} mm³ is {told}")
    print_outcomes("levels, mm", {f"{mm:.0f}": row for mm, row in rows.items()})
    print("\n" + "\n".join(wrong))


if __name__ == "__main__":
    main()
