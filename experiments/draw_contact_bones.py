"""Draw bones with known contacts for the contact network: real broken bones, and virtual breaks.

    .venv/bin/python -m experiments.draw_contact_bones -o pool --breaks 12 --copies 4

Each bone of `fractures` (below `AFUNET_DATA`) is drawn as it is and in `--copies` coarser, blurred
and noisier pictures; its fragments, and the whole bone, are broken `--breaks` times.
A file is one bone on the network's grid: HU, fragments and depth in 1/16 mm. What exists is kept.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from afunet.fragments.contact_input import depth_of
from afunet.fragments.even_grid import EvenGrid, even_bone
from afunet.geometry import bounding_box
from afunet.models.contact_network import ContactConfig
from benchmarks.bench import data_set, parser_of

STEP_MM = ContactConfig().step_mm
DEPTH_UNIT = 16
Hu = NDArray[np.float32]
Labels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Bone:
    """HU and fragments (D, H, W) with voxels of `spacing_mm`."""

    hu: Hu
    fragments: Labels
    spacing_mm: tuple[float, float, float]


def real_bone(path: Path) -> Bone:
    """A bone of `fractures` by its file of fragments."""
    image = nib.load(path)
    spacing: Any = tuple(float(mm) for mm in image.header.get_zooms()[:3])
    hu = nib.load(str(path).replace("_fragments", "_ct")).dataobj
    fragments = np.asarray(image.dataobj).astype(np.uint8)
    return Bone(np.asarray(hu, dtype=np.float32), fragments, spacing)


def on_grid(bone: Bone, step_mm: float = STEP_MM) -> Bone:
    """The bone in its box on a grid of cubic voxels."""
    box = bounding_box(bone.fragments)
    assert box is not None
    grid = EvenGrid.around(box, bone.spacing_mm, step_mm)
    fragments = bone.fragments[box]
    even = even_bone(fragments > 0, bone.hu[box], grid)
    shares = np.stack([grid.even(fragments == label) for label in range(1, fragments.max() + 1)])
    labels = np.where(even.mask, shares.argmax(axis=0) + 1, 0).astype(np.uint8)
    return Bone(even.hu, labels, (step_mm,) * 3)


def pictured(rng: np.random.Generator, bone: Bone) -> Bone:
    """The bone as another scanner shows it: coarser, blurred, noisier, the mask off a little."""
    spacing = (rng.uniform(0.4, 1.5), rng.uniform(0.4, 1.5), rng.uniform(0.5, 3.0))
    if rng.random() < 0.5:
        spacing = (spacing[0], spacing[0], rng.uniform(0.5, 1.5))
    mask = bone.fragments > 0
    sigma = [0.4 * max(mm - own, 0) / own for mm, own in zip(spacing, bone.spacing_mm, strict=True)]
    sigma = [one + rng.uniform(0, 0.35) for one in sigma]
    smooth = ndimage.gaussian_filter(np.where(mask, bone.hu, 0), sigma)
    share = ndimage.gaussian_filter(mask.astype(np.float32), sigma)
    hu = np.where(mask, smooth / np.maximum(share, 0.1), 0)
    grain = ndimage.gaussian_filter(rng.normal(size=mask.shape), rng.uniform(0, 0.9))
    hu = hu + grain / max(float(grain.std()), 1e-6) * rng.uniform(0, 40) * mask
    fragments = bone.fragments
    if rng.random() < 0.5:
        fragments = _redrawn(rng, fragments)
        hu = np.where((fragments > 0) & ~mask, rng.uniform(-60, 150), hu)
    factor = [own / mm for own, mm in zip(bone.spacing_mm, spacing, strict=True)]
    coarse = ndimage.zoom(np.where(fragments > 0, hu, 0), factor, order=1, mode="nearest")
    weight = ndimage.zoom((fragments > 0).astype(np.float32), factor, order=1, mode="nearest")
    labels = ndimage.zoom(fragments, factor, order=0, mode="nearest")
    hu = np.where(labels > 0, coarse / np.maximum(weight, 0.3), 0).astype(np.float32)
    exact: Any = tuple(
        mm * old / new
        for mm, old, new in zip(bone.spacing_mm, fragments.shape, labels.shape, strict=True)
    )
    return Bone(hu, labels, exact)


def _redrawn(rng: np.random.Generator, fragments: Labels) -> Labels:
    """Fragments under a mask that is a little too large or too small in places, gaps painted."""
    mask = fragments > 0
    padded = np.pad(mask, 2)
    off = ndimage.gaussian_filter(rng.normal(size=padded.shape), 3)
    off *= rng.uniform(0, 0.8) / max(float(off.std()), 1e-6)
    signed = ndimage.distance_transform_edt(padded) - ndimage.distance_transform_edt(~padded)
    drawn = (signed + off + rng.uniform(-0.6, 0.6) > 0)[2:-2, 2:-2, 2:-2]
    if rng.random() < 0.5:
        drawn |= ndimage.binary_closing(np.pad(drawn, 2), iterations=1)[2:-2, 2:-2, 2:-2]
    near = ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)
    return np.where(drawn, fragments[tuple(near)], 0).astype(np.uint8)


def broken(rng: np.random.Generator, bone: Bone) -> Bone:
    """The bone on its cubic grid, broken once to three times, each time one of its parts."""
    hu, labels = bone.hu.copy(), (bone.fragments > 0).astype(np.uint8)
    for _ in range(int(rng.choice([1, 2, 3], p=[0.5, 0.3, 0.2]))):
        sizes = np.bincount(labels.ravel())[1:]
        whole = int(rng.choice(len(sizes), p=sizes / sizes.sum())) + 1
        hu, labels = _cut(rng, hu, labels, whole)
    if rng.random() < 0.5:
        hu = _incomplete(rng, hu, labels)
    for _ in range(int(rng.integers(0, 4))):
        hu = _channel(rng, hu, labels > 0)
    return Bone(hu, _clean(labels), bone.spacing_mm)


def _cut(rng: np.random.Generator, hu: Hu, labels: Labels, whole: int) -> tuple[Hu, Labels]:
    part = labels == whole
    height = _surface(rng, part)
    side = part & (height > 0)
    if min(side.sum(), part.sum() - side.sum()) * STEP_MM**3 < 60:
        return hu, labels
    moved_hu, moved = _moved(rng, np.where(side, hu, 0), side)
    others = (labels > 0) & ~side
    front = moved & ~(others & (labels != whole))
    found = np.where(others, labels, 0)
    impacted = front & others & (found == whole)
    found[front] = labels.max() + 1
    new = np.where(others, hu, 0)
    new = np.where(front, moved_hu, new)
    if impacted.any():
        new = np.where(impacted, new + rng.uniform(0, 300), new)
    one, other = found == labels.max() + 1, found == whole
    return _line(rng, new, found, one, other)


def _line(
    rng: np.random.Generator,
    hu: Hu,
    labels: Labels,
    one: NDArray[np.bool_],
    other: NDArray[np.bool_],
) -> tuple[Hu, Labels]:
    """The two sides with what lies between them: a gap labelled as the nearer one, a band."""
    to_one, to_other = (ndimage.distance_transform_edt(~side) for side in (one, other))
    widest = rng.choice([0.0, 1.5, 3.0, 4.0])
    gap = ~(labels > 0) & (to_one + to_other <= widest + 1) & (np.minimum(to_one, to_other) < 2.1)
    gap &= ndimage.binary_closing(one | other, iterations=2)
    fluid = rng.normal(rng.uniform(0, 90), 25, hu.shape)
    hu = np.where(gap, fluid, hu)
    labels = np.where(
        gap,
        np.where(to_one < to_other, labels[one].max(), labels[other].max() if other.any() else 0),
        labels,
    )
    line = (labels > 0) & (np.maximum(to_one, to_other) <= rng.choice([1.0, 1.5, 2.0])) & ~gap
    if rng.random() < 0.5:
        line &= ndimage.gaussian_filter(rng.normal(size=hu.shape), 4) > rng.normal(0, 0.01)
    kind = rng.random()
    if kind < 0.6:
        hu = np.where(line, hu * rng.uniform(0.2, 0.95) + rng.uniform(-60, 60), hu)
    elif kind < 0.85:
        hu = np.where(line, hu + rng.uniform(20, 300), hu)
    return hu.astype(np.float32), labels.astype(np.uint8)


def _surface(rng: np.random.Generator, part: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Height above a rough, bent surface through the part."""
    places = np.argwhere(part)
    centre = places[rng.integers(len(places))]
    normal = rng.normal(size=3)
    normal /= np.linalg.norm(normal)
    grid = np.indices(part.shape, dtype=np.float32)
    height = sum(n * (axis - c) for n, axis, c in zip(normal, grid, centre, strict=True))
    size, rough = 32.0, rng.uniform(0, 5)
    while size >= 2 and rough > 0:
        height = height + rough * _noise(rng, part.shape, size)
        size, rough = size / 2, rough * 0.57
    if rng.random() < 0.3:
        across = rng.normal(size=3)
        across -= across @ normal * normal
        across /= np.linalg.norm(across)
        bent = sum(n * (axis - c) for n, axis, c in zip(across, grid, centre, strict=True))
        height = height + rng.uniform(0.2, 1.0) * np.abs(bent)
    return np.asarray(height, dtype=np.float32)


def _noise(rng: np.random.Generator, shape: tuple[int, ...], size: float) -> NDArray[np.float32]:
    """Smooth noise of about unit height with waves of `size` voxels."""
    few = [int(np.ceil(side / size)) + 3 for side in shape]
    drawn = rng.normal(size=few).astype(np.float32)
    for axis, side in enumerate(shape):
        at = np.arange(side) / size + 1
        low = at.astype(int)
        part = (at - low).reshape([-1 if k == axis else 1 for k in range(3)]).astype(np.float32)
        drawn = drawn.take(low, axis) * (1 - part) + drawn.take(low + 1, axis) * part
    return drawn


def _moved(
    rng: np.random.Generator, hu: Hu, side: NDArray[np.bool_]
) -> tuple[Hu, NDArray[np.bool_]]:
    """One side shifted and turned a little."""
    if rng.random() < 0.25:
        return hu, side
    centre = np.argwhere(side).mean(axis=0)
    axis, angle = rng.normal(size=3), np.radians(abs(rng.normal(0, 2.0)))
    axis /= np.linalg.norm(axis)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    shift = rng.normal(size=3)
    shift *= abs(rng.normal(0, 1.5)) / np.linalg.norm(shift)
    offset = centre - turn @ (centre + shift)
    share = ndimage.affine_transform(side.astype(np.float32), turn, offset, order=1)
    sums = ndimage.affine_transform(hu, turn, offset, order=1)
    moved = share >= 0.5
    return np.where(moved, sums / np.maximum(share, 0.5), 0), moved


def _incomplete(rng: np.random.Generator, hu: Hu, labels: Labels) -> Hu:
    """A line that ends inside the bone."""
    mask = labels > 0
    height = _surface(rng, mask)
    places = np.argwhere(mask & (np.abs(height) < 1))
    if not len(places):
        return hu
    grid = np.indices(mask.shape, dtype=np.float32)
    centre = places[rng.integers(len(places))]
    away = np.sqrt(sum((axis - c) ** 2 for axis, c in zip(grid, centre, strict=True)))
    line = mask & (np.abs(height) < rng.uniform(0.5, 1.0)) & (away < rng.uniform(4, 12))
    return np.where(line, hu * rng.uniform(0.2, 0.8), hu).astype(np.float32)


def _channel(rng: np.random.Generator, hu: Hu, mask: NDArray[np.bool_]) -> Hu:
    """A vessel's channel, or a dense strand: a straight tube through the bone."""
    places = np.argwhere(mask)
    centre, along = places[rng.integers(len(places))], rng.normal(size=3)
    along /= np.linalg.norm(along)
    grid = np.indices(mask.shape, dtype=np.float32)
    away = [axis - c for axis, c in zip(grid, centre, strict=True)]
    run = sum(a * n for a, n in zip(away, along, strict=True))
    off = np.sqrt(np.maximum(sum(a * a for a in away) - run * run, 0))
    tube = mask & (off < rng.uniform(0.7, 2.2)) & (np.abs(run) < rng.uniform(5, 25))
    filled = rng.uniform(-20, 80) if rng.random() < 0.7 else hu + rng.uniform(50, 300)
    return np.where(tube, filled, hu).astype(np.float32)


def _clean(labels: Labels) -> Labels:
    """Connected fragments of 50 mm³ and more; crumbs go to the neighbour that is nearest."""
    kept = np.zeros_like(labels)
    number = 0
    for label in range(1, int(labels.max()) + 1):
        parts, count = ndimage.label(labels == label)
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        for part in range(1, count + 1):
            if sizes[part] * STEP_MM**3 >= 50:
                number += 1
                kept[parts == part] = number
    near = ndimage.distance_transform_edt(kept == 0, return_distances=False, return_indices=True)
    return np.where(labels > 0, kept[tuple(near)], 0).astype(np.uint8)


def save(path: Path, bone: Bone) -> None:
    """Write HU, fragments and depth (3, D, H, W) of a bone on the network's grid."""
    even = on_grid(bone)
    depth = depth_of(even.fragments > 0, STEP_MM) * DEPTH_UNIT
    whole = np.stack([even.hu.round(), even.fragments, depth.round()]).astype(np.int16)
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.save(file, whole)
    unfinished.rename(path)


def draw(folder: Path, name: str, number: int, bone: Bone, *, virtual: bool) -> None:
    """Draw one bone unless its file is there."""
    path = folder / f"{name}_{'break' if virtual else 'real'}{number:03d}.npy"
    if path.exists():
        return
    rng = np.random.default_rng([number, zlib.crc32(name.encode()), virtual])
    if virtual:
        parts = bone.fragments == rng.integers(0, bone.fragments.max()) + 1
        box = bounding_box(parts if rng.random() < 0.8 else bone.fragments)
        chosen = parts[box] if parts[box].any() else bone.fragments[box] > 0
        alone = Bone(np.where(chosen, bone.hu[box], 0), chosen.astype(np.uint8), bone.spacing_mm)
        bone = broken(rng, on_grid(alone))
    save(path, pictured(rng, bone) if virtual or number else bone)


def main(argv: Sequence[str] | None = None) -> None:
    """Draw, bone after bone."""
    parser = parser_of(__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--breaks", type=int, default=12)
    parser.add_argument("--copies", type=int, default=4)
    args = parser.parse_args(argv)
    args.output.mkdir(parents=True, exist_ok=True)
    bones = {
        path.name.removesuffix("_fragments.nii.gz"): real_bone(path)
        for path in sorted(data_set("fractures").glob("*_fragments.nii.gz"))
    }
    for number in range(max(args.copies + 1, args.breaks)):
        for name, bone in bones.items():
            if number <= args.copies:
                draw(args.output, name, number, bone, virtual=False)
            if number < args.breaks:
                draw(args.output, name, number, bone, virtual=True)


if __name__ == "__main__":
    main()
