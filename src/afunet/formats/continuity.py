"""Check that each slice continues its neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.findings import Finding, slices_named, warning
from afunet.formats.slice_values import surroundings

Picture = NDArray[np.float32]

# Slices are compared on a grid of at most this many pixels a side, from fat to cortex.
SIDE = 64
FROM_HU, TO_HU = -300, 700
# Neighbours that differ by the first share of their content may be a jump, by the second are one.
MAY_JUMP, IS_JUMP = 0.05, 0.35
# A jump is so many times the steps beside it, or the step over the slice that does not belong; at
# most this share of it remains once one slice is flipped or shifted. Neighbours in 13 real scans,
# with all slices or every second or fourth: at most 1.6 and 1.05 times, and at least 0.85 remains.
BESIDE, OVER, EXPLAINED = 2.0, 1.3, 0.75
# If one slice shows less than this share of the next, a limb ends.
LEAST_ALIKE_IN_SIZE = 0.5


def continuity_findings(voxels: NDArray[Any]) -> tuple[Finding, ...]:
    """Warn about slices (slice, row, column) in HU that are empty or unlike both neighbours.

    `EMPTY_SLICE`: one value throughout, between slices with a body or beside a body that does not
    taper off. `SLICES_JUMP`: a slice that differs from its neighbours although they agree, or a
    step between two consistent runs of slices. The step is larger than in any body, or it vanishes
    if a slice is flipped or shifted.
    """
    pictures = [_picture(hu) for hu in voxels]
    empty = _empty(voxels, pictures)
    shown = [index for index in range(len(voxels)) if index not in empty]
    jumps = _jumps([pictures[index] for index in shown])
    return _empty_findings(empty, len(voxels)) + _jump_findings(
        [(shown[at] + 1, shown[at + 1] + 1) for at in jumps]
    )


def _picture(hu: NDArray[Any]) -> Picture:
    """The part of a slice that is at least as bright as fat, from 0 to 1000."""
    step = max(1, -(-max(hu.shape) // SIDE))
    return np.asarray(np.clip(hu[::step, ::step], FROM_HU, TO_HU) - FROM_HU, dtype=np.float32)


def _empty(voxels: NDArray[Any], pictures: Sequence[Picture]) -> list[int]:
    """Indices of the slices that have one value where a body should be."""
    sizes = [float(picture.sum()) for picture in pictures]
    flat = [index for index, hu in enumerate(voxels) if _is_flat(hu)]
    full = [index for index in range(len(voxels)) if index not in set(flat) and sizes[index] > 0]
    if not flat or not full:
        return []
    tapers = LEAST_ALIKE_IN_SIZE * max(sizes[index] for index in full)
    wrong = []
    for index in flat:
        nearest = min(max(index, full[0]), full[-1])
        beyond = nearest != index
        ends = sizes[nearest] < tapers or _is_around(voxels[index], voxels[nearest])
        if not (beyond and ends):
            wrong.append(index)
    return wrong


def _is_around(flat: NDArray[Any], beside: NDArray[Any]) -> bool:
    """Whether the one value of a slice is that around the body beside it, or that of its air.

    So it is without noise, and in a scan that was cut out around a bone.
    """
    air = beside[beside < FROM_HU]
    if air.size and (air == flat[0, 0]).mean() >= LEAST_ALIKE_IN_SIZE:
        return True
    return bool(surroundings(beside) == flat[0, 0])


def _is_flat(hu: NDArray[Any]) -> bool:
    return bool((hu[0] == hu[0, 0]).all() and (hu == hu[0, 0]).all())


def _jumps(pictures: Sequence[Picture]) -> list[int]:
    """The index of the first of two neighbours, for each place where they do not match."""
    if len(pictures) < 3:
        return []
    steps = [_difference(pictures[at], pictures[at + 1]) for at in range(len(pictures) - 1)]
    across = [_difference(pictures[at], pictures[at + 2]) for at in range(len(pictures) - 2)]
    return [
        at
        for at, step in enumerate(steps)
        if step >= MAY_JUMP
        and (_stands_alone(at, steps, across) or _is_step(at, steps, pictures))
        and (step >= IS_JUMP or _is_explained(step, pictures[at], pictures[at + 1]))
    ]


def _stands_alone(at: int, steps: Sequence[float], across: Sequence[float]) -> bool:
    """Whether one of two neighbours differs from the slices around it although these agree."""
    over = [across[near] for near in (at - 1, at) if 0 <= near < len(across)]
    return steps[at] >= OVER * min(over)


def _is_step(at: int, steps: Sequence[float], pictures: Sequence[Picture]) -> bool:
    """Whether the slices on each side agree and both sides show as much, so no limb ends here."""
    beside = [steps[near] for near in (at - 1, at + 1) if 0 <= near < len(steps)]
    sizes = sorted(float(picture.sum()) for picture in pictures[at : at + 2])
    return steps[at] >= BESIDE * max(beside) and sizes[0] >= LEAST_ALIKE_IN_SIZE * sizes[1]


def _is_explained(step: float, one: Picture, other: Picture) -> bool:
    return any(_difference(moved, other) <= EXPLAINED * step for moved in _moved(one, other))


def _moved(one: Picture, other: Picture) -> Iterator[Picture]:
    """The slice in every flip and quarter turn, each shifted to where it fits the other best."""
    turned = [one, one[::-1], one[:, ::-1], one[::-1, ::-1]]
    if one.shape[0] == one.shape[1]:
        turned += [picture.T for picture in turned]
    for picture in turned:
        product = np.fft.rfft2(other) * np.conj(np.fft.rfft2(picture))
        fits = np.fft.irfft2(product, s=picture.shape)
        rows, columns = np.unravel_index(int(fits.argmax()), fits.shape)
        yield np.roll(picture, (int(rows), int(columns)), (0, 1))


def _difference(one: Picture, other: Picture) -> float:
    """The share of two slices' content that they do not have in common, 0 if both are empty."""
    total = float(one.sum() + other.sum())
    return float(np.abs(one - other).sum()) / total if total else 0.0


def _empty_findings(empty: Sequence[int], total: int) -> tuple[Finding, ...]:
    if not empty:
        return ()
    message = (
        f"{slices_named(empty, total)} have one value throughout where others show a body: no bone "
        "can be found there"
    )
    return (warning("EMPTY_SLICE", message),)


def _jump_findings(jumps: Sequence[tuple[int, int]]) -> tuple[Finding, ...]:
    if not jumps:
        return ()
    places = "one place" if len(jumps) == 1 else f"{len(jumps)} places"
    message = (
        f"the image content jumps at {places}, first between slices {jumps[0][0]} and "
        f"{jumps[0][1]}: slices may be flipped, shifted, swapped or from another scan"
    )
    return (warning("SLICES_JUMP", message),)
