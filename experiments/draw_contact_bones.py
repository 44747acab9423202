"""Draw bones with known contacts for the network for contacts: real ones, and virtual breaks.

    .venv/bin/python -m experiments.draw_contact_bones -o pool --copies 3 --breaks 10 \
        [--leg-seeds 0 40 --limbs 'limbs/*.npz'] [--knee-seeds 62000 62006]

Each bone of `--source` (`fractures` below `AFUNET_DATA`) is drawn as it is and in `--copies`
coarser, blurred and noisier pictures, and its fragments are broken virtually `--breaks` times.
`--leg-seeds` adds the bones around fractures of simulated legs, `--knee-seeds` the knees of
`benchmarks.fragments`, each under its exact mask and under the one that the shipped network
predicts, which paints gaps as bone. A file is one bone on the grid of the network for contacts: HU,
fragments, and depth in 1/16 mm. What exists is kept, so that a stopped run goes on.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from afunet.fragments.broken_bone import BrokenBone
from afunet.fragments.contact_input import depth_of
from afunet.fragments.even_grid import EvenGrid, even_bone
from afunet.geometry import Volume, bounding_box
from afunet.inference.device_choice import DeviceChoice
from afunet.models.contact_network import ContactConfig
from afunet.phantom import LegConfig
from afunet.phantom.hybrid import broken, draw_break
from afunet.phantom.picture.simulate import simulate
from afunet.phantom.views.broken_bones import broken_bones, draw_broken_place, under_mask
from afunet.whole_file import whole_file
from afunet.workflows.phantom import limb_files
from benchmarks.bench import Network, data_set, parser_of
from benchmarks.fragments import clinical_leg, fractured_leg
from experiments.draw_broken_bones import Source, read_bone, whole_fragments

STEP_MM = ContactConfig().step_mm
DEPTH_UNIT = 16
Pool = NDArray[np.int16]


def on_grid(bone: BrokenBone, step_mm: float = STEP_MM) -> Pool:
    """HU, fragments and depth (3, D, H, W) of a bone on a grid of cubic voxels."""
    box = bounding_box(bone.fragments.voxels)
    assert box is not None
    grid = EvenGrid.around(box, bone.fragments.array_spacing_mm, step_mm)
    fragments = bone.fragments.voxels[box]
    even = even_bone(fragments > 0, bone.hu.voxels[box], grid)
    best, labels = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.int16)
    for label in range(1, int(fragments.max()) + 1):
        share = grid.even(fragments == label)
        labels[share > best] = label
        best = np.maximum(best, share)
    depth = depth_of(even.mask, step_mm) * DEPTH_UNIT
    labels[~even.mask] = 0
    return np.stack([even.hu.round(), labels, depth.round()]).astype(np.int16)


def pictured(rng: np.random.Generator, bone: BrokenBone) -> BrokenBone:
    """The bone as another scanner shows it: coarser, blurred, noisier, the mask off a little."""
    spacing = np.array(bone.hu.array_spacing_mm)
    coarse = np.array([rng.uniform(0.5, 3.0), *rng.uniform(0.4, 1.5, 2)])
    coarse[2] = coarse[1] if rng.random() < 0.5 else coarse[2]
    mask = bone.fragments.voxels > 0
    sigma = 0.4 * np.maximum(coarse - spacing, 0) / spacing + rng.uniform(0, 0.35)
    smooth = ndimage.gaussian_filter(np.where(mask, bone.hu.voxels, 0).astype(np.float32), sigma)
    share = ndimage.gaussian_filter(mask.astype(np.float32), sigma)
    hu = np.where(mask, smooth / np.maximum(share, 0.1), 0)
    grain = ndimage.gaussian_filter(rng.normal(size=mask.shape), rng.uniform(0, 0.9))
    hu = hu + mask * grain * (rng.uniform(0, 40) / float(grain.std()))
    fragments = bone.fragments.voxels
    if rng.random() < 0.5:
        fragments = _redrawn(rng, fragments)
        hu = np.where((fragments > 0) & ~mask, rng.uniform(-60, 150), hu)
    factor = spacing / coarse
    sums = ndimage.zoom(np.where(fragments > 0, hu, 0), factor, order=1, mode="nearest")
    weight = ndimage.zoom((fragments > 0).astype(np.float32), factor, order=1, mode="nearest")
    labels = ndimage.zoom(fragments, factor, order=0, mode="nearest")
    shown = np.where(labels > 0, sums / np.maximum(weight, 0.3), 0).astype(np.float32)
    exact = spacing * np.array(mask.shape) / np.array(labels.shape)
    affine = np.diag([*exact[::-1], 1.0])
    return BrokenBone(Volume(shown, affine), Volume(labels, affine))


def _redrawn(rng: np.random.Generator, fragments: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fragments under a mask that is a little too large or too small in places, gaps painted."""
    mask = np.pad(fragments > 0, 2)
    off = ndimage.gaussian_filter(rng.normal(size=mask.shape), 3)
    off *= rng.uniform(0, 0.8) / float(off.std())
    signed = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
    drawn = signed + off + rng.uniform(-0.6, 0.6) > 0
    if rng.random() < 0.5:
        drawn |= ndimage.binary_closing(drawn, iterations=1)
    near = ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)
    padded = np.pad(fragments, 2)
    return np.where(drawn, padded[tuple(near)], 0)[2:-2, 2:-2, 2:-2].astype(np.uint8)


def save(path: Path, bone: BrokenBone) -> None:
    """Write a bone on the network's grid."""
    with whole_file(path) as made, made.open("wb") as file:
        np.save(file, on_grid(bone))


def draw_real(folder: Path, name: str, number: int, bone: BrokenBone) -> None:
    """Number 0 is the bone as it is."""
    path = folder / f"{name}_real{number:03d}.npy"
    if not path.exists():
        rng = np.random.default_rng([number, zlib.crc32(name.encode())])
        save(path, pictured(rng, bone) if number else bone)


def draw_virtual(folder: Path, source: Source, number: int) -> None:
    """A fragment or an intact bone broken virtually."""
    path = folder / f"{source.name.replace(' ', '-')}_break{number:03d}.npy"
    if not path.exists():
        rng = np.random.default_rng([number, zlib.crc32(source.name.encode())])
        save(path, broken(source.bone, draw_break(rng, source.bone)))


@cache
def _shipped() -> Network:
    return Network(device=DeviceChoice.CPU)


def draw_leg(folder: Path, name: str, config: LegConfig) -> None:
    """The bones of a simulated leg in view, under the exact and the predicted mask."""
    if next(folder.glob(f"{name}_*"), None) is None:
        leg = simulate(config)
        predicted = under_mask(leg, _shipped().mask(leg.volume))
        for kind, shown in (("exact", leg), ("predicted", predicted)):
            for bone, broken_bone in broken_bones(shown).items():
                path = folder / f"{name}_{bone.replace(' ', '-')}_leg-{kind}.npy"
                save(path, broken_bone)


def legs(
    seeds: Iterable[int], limbs: Sequence[Path], knees: Iterable[int]
) -> Iterator[tuple[str, LegConfig]]:
    """Legs around a fracture, and knees of `benchmarks.fragments` in halves and patterns."""
    for seed in seeds:
        yield f"leg{seed:04d}", draw_broken_place(seed, limbs)
    for seed in knees:
        yield f"leg{seed}h", fractured_leg(seed)
        yield f"leg{seed}c", clinical_leg(seed)


def real_bones(folder: Path) -> dict[str, BrokenBone]:
    """The bones of `fractures` by name."""
    found = {}
    for path in sorted(folder.glob("*_fragments.nii.gz")):
        name = path.name.removesuffix("_fragments.nii.gz")
        found[name] = read_bone(path)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Draw, bone after bone."""
    parser = parser_of(__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--source", type=Path, help="folder of bones and their fragments")
    parser.add_argument("--copies", type=int, default=3)
    parser.add_argument("--breaks", type=int, default=10)
    parser.add_argument("--leg-seeds", type=int, nargs=2, default=(0, 0), help="first, end")
    parser.add_argument("--knee-seeds", type=int, nargs=2, default=(0, 0), help="first, end")
    parser.add_argument("--limbs", default="", help="pattern of LLP26 limbs")
    args = parser.parse_args(argv)
    args.output.mkdir(parents=True, exist_ok=True)
    folder = args.source or data_set("fractures")
    bones, sources = real_bones(folder), whole_fragments(folder, ())
    for number in range(max(args.copies + 1, args.breaks)):
        for name, bone in bones.items():
            if number <= args.copies:
                draw_real(args.output, name, number, bone)
        for source in sources:
            if number < args.breaks:
                draw_virtual(args.output, source, number)
    limbs = limb_files(args.limbs) if args.limbs else ()
    for name, config in legs(range(*args.leg_seeds), limbs, range(*args.knee_seeds)):
        draw_leg(args.output, name, config)


if __name__ == "__main__":
    main()
