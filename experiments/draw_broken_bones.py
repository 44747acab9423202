"""Draw broken bones with exact labels: real ones, whole or single fragments, broken virtually.

    .venv/bin/python -m experiments.draw_broken_bones -o broken --bones 0 300 --leave-out 001

Bone number n is drawn from the random numbers of n alone, so that a stopped run goes on and two
runs share the work. The bones to break are read from `--source`, by default `fractures` below
`AFUNET_DATA`: `<name>_ct.nii.gz` in HU and `<name>_fragments.nii.gz`. A file holds `hu` (int16) and
`fragments` (slice, row, column), their `affine` to LPS mm and the `name` of the bone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from afunet.formats.readers import read_labels
from afunet.fragments.broken_bone import BrokenBone
from afunet.phantom.hybrid import broken, draw_break
from afunet.whole_file import whole_file
from benchmarks.bench import data_set, parser_of

LEAST_MM3 = 20_000.0
"""A smaller fragment is not broken further."""


@dataclass(frozen=True, eq=False)
class Source:
    """One fragment of a bone in files, by its label."""

    name: str
    bone: BrokenBone


def read_bone(path: Path) -> BrokenBone:
    """A bone by its file of fragments, `<name>_fragments.nii.gz`."""
    labels = read_labels(path)
    # Without air and flesh these HU are no scan for read_scan: they are read as numbers.
    stored = read_labels(path.with_name(path.name.replace("_fragments", "_ct")))
    hu = stored.with_voxels(stored.voxels.astype(np.float32))
    hu.require_same_grid(labels, f"the label map of {path.name}")
    return BrokenBone(hu, labels.with_voxels(labels.voxels.astype(np.uint8)))


def whole_fragments(folder: Path, left_out: Sequence[str]) -> list[Source]:
    """Every fragment of 20 cm³ and more, but of the patients left out, as a bone of its own."""
    sources: list[Source] = []
    for path in sorted(folder.glob("*_fragments.nii.gz")):
        name = path.name.removesuffix("_fragments.nii.gz")
        if name.partition("_")[0] in left_out:
            continue
        whole = read_bone(path)
        labels, hu = whole.fragments, whole.hu
        for label in np.flatnonzero(np.bincount(labels.voxels.ravel())[1:]) + 1:
            one = (labels.voxels == label).astype(np.uint8)
            if one.sum() * labels.voxel_volume_mm3 >= LEAST_MM3:
                bone = BrokenBone(hu, labels.with_voxels(one))
                sources.append(Source(f"{name} {label}", bone))
    return sources


def main(argv: Sequence[str] | None = None) -> None:
    """Draw what is not there."""
    parser = parser_of(__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--bones", type=int, nargs=2, default=(0, 300), help="first, end")
    parser.add_argument("--source", type=Path, help="folder of bones to break")
    parser.add_argument("--leave-out", nargs="*", default=(), help="patients, as 001")
    args = parser.parse_args(argv)
    args.output.mkdir(parents=True, exist_ok=True)
    sources = whole_fragments(args.source or data_set("fractures"), args.leave_out)
    for number in range(*args.bones):
        path = args.output / f"bone-{number:05d}.npz"
        if path.exists():
            continue
        rng = np.random.default_rng([number, 61])
        source = sources[int(rng.integers(len(sources)))]
        result = broken(source.bone, draw_break(rng, source.bone))
        with whole_file(path) as made:
            np.savez_compressed(
                made,
                hu=np.rint(result.hu.voxels).astype(np.int16),
                fragments=result.fragments.voxels,
                affine=result.hu.affine,
                name=source.name,
            )


if __name__ == "__main__":
    main()
