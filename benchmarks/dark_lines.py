"""Dark lines that training ignores: right on simulated fractures, rare in real bone.

    .venv/bin/python -m benchmarks.dark_lines [--legs 4] [--data knee] [--every 6]

Simulated knees have one fracture with little displacement, in slices near it. The label of each
slice closes the gap as real labels do: a closing of each bone by 3 px, near a fracture. The
pixels that it adds are the true ones. Recall is the share of these that is found; a found pixel is
right if it is one of them or touches one. Then, for each case of the training split, the
share of bone pixels that would be ignored, of every so many slices, and the largest of a slice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import disk

from afunet.data.dark_lines import dark_lines
from afunet.data.labelled import load_labelled
from afunet.phantom import SIMULATOR, LegConfig, axial_grid, simulate
from afunet.preprocessing import BONE_WINDOW
from benchmarks.bench import data_set, parser_of, print_heading, print_row
from benchmarks.fragments import FIELD_MM, KNEES_APART_MM, fractured_leg
from benchmarks.gaps import gap_voxels

FIRST_SEED = 8000
SLICES, STEP_MM, CLOSED_PX = 12, 1.5, 3

Pixels = NDArray[np.bool_]
Sample = tuple[NDArray[np.float32], Pixels, Pixels]


def thin_break(seed: int) -> LegConfig:
    """A knee with one broken bone, its fragments close together, in slices near the fracture."""
    rng = np.random.default_rng([seed, 12])
    config = fractured_leg(seed)
    fracture = replace(
        config.fractures[0],
        chips=0,
        displacement_mm=rng.uniform(0, 1),
        tilt_deg=rng.uniform(0, 1),
        gap_mm=rng.uniform(0.8, 2.5),
    )
    pixel_mm = rng.uniform(0.4, 0.8)
    pixels = int(FIELD_MM / pixel_mm)
    outward = 1 if fracture.bone.endswith("left") else -1
    centre = (outward * KNEES_APART_MM / 2, 10.0, fracture.centre_mm)
    grid = axial_grid((SLICES, pixels, pixels), pixel_mm, STEP_MM, centre)
    return replace(config, fractures=(fracture,), grid=grid)


def simulated(legs: int) -> Iterator[Sample]:
    """HU, label and true line pixels (H, W) of each slice."""
    for seed in range(FIRST_SEED, FIRST_SEED + legs):
        leg = simulate(thin_break(seed))
        near = ndimage.binary_dilation(gap_voxels(leg), np.ones((1, 3, 3)), CLOSED_PX)
        for hu, bones, close in zip(leg.volume.voxels, leg.bones.volume.voxels, near, strict=True):
            bone = bones > 0
            label = bone | (_closed(bones) & close)
            seen = BONE_WINDOW.from_grey(BONE_WINDOW.to_grey(hu))
            yield seen, label, label & ~bone


def _closed(bones: NDArray[np.integer]) -> Pixels:
    """The bones (H, W), each closed by itself."""
    padded, closed = np.pad(bones, CLOSED_PX), np.zeros(bones.shape, dtype=bool)
    inner = (slice(CLOSED_PX, -CLOSED_PX),) * 2
    for bone in np.unique(bones[bones > 0]):
        closed |= ndimage.binary_closing(padded == bone, disk(CLOSED_PX))[inner]
    return closed


def on_simulated(samples: Sequence[Sample]) -> str:
    true = found = hit = right = bone = 0
    for hu, label, line in samples:
        seen = dark_lines(hu, label)
        beside = ndimage.binary_dilation(line, np.ones((3, 3)))
        true, found, bone = true + line.sum(), found + seen.sum(), bone + label.sum()
        hit, right = hit + (seen & line).sum(), right + (seen & beside).sum()
    return (
        f"{len(samples)} simulated slices, {true} line pixels in {bone} of bone: recall "
        f"{hit / max(true, 1):.3f}, precision {right / max(found, 1):.3f} of {found}"
    )


def on_real(data: str, every: int) -> None:
    print_heading("case", "slices:", "ignored, % of bone:", "most of a slice, %:", "untouched:")
    cases: dict[str, list[tuple[int, int]]] = {}
    for item in load_labelled(data_set(data), "train")[::every]:
        mask = item.mask > 0
        lines = dark_lines(BONE_WINDOW.from_grey(item.grey[0]), mask)
        cases.setdefault(item.record.case, []).append((int(lines.sum()), int(mask.sum())))
    for case, counts in [*cases.items(), ("all", [one for part in cases.values() for one in part])]:
        ignored, bone = np.array(counts).T
        share = 100 * ignored.sum() / max(bone.sum(), 1)
        most = (100 * ignored / np.maximum(bone, 1)).max()
        print_row(case, len(counts), f"{share:.2f}", f"{most:.2f}", int((ignored == 0).sum()))


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--legs", type=int, default=4)
    parser.add_argument("--data", default="knee")
    parser.add_argument("--every", type=int, default=6)
    options = parser.parse_args(argv)
    print(f"{SIMULATOR}\n\n{on_simulated(list(simulated(options.legs)))}\n")
    on_real(options.data, options.every)


if __name__ == "__main__":
    main()
