"""Flags from the scan: metal, implausible values, noise, missing slices, bone that is cut off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from afunet.findings import Flag, Severity
from afunet.inference.trust.evidence import Evidence
from afunet.inference.trust.limits import LIMITS
from afunet.inference.trust.places import largest_patch, runs_of, runs_text, slices_text
from afunet.inference.trust.signs import Signs, median
from afunet.inference.trust.tissue import AIR_BELOW_HU

NEAR_METAL_MM = 15.0
SPOILT_BY_METAL_MM = 5.0
MOST_AIR = 0.3  # share of air around metal; streaks of an implant are as dark, but not all around
MISSED_BEYOND_MM = 5.0  # how far bone is assumed to go on beyond the field, to weigh a cut
ROUND_FIELD = 0.95


def metal(signs: Signs) -> list[Flag]:
    """Flag values that only metal has, with their volume and whether bone is near."""
    evidence = signs.evidence
    dense = [int(k) for k in range(len(evidence.hu)) if evidence.hu[k].max() >= LIMITS.metal_hu]
    voxels = {k: int((evidence.hu[k] >= LIMITS.metal_hu).sum()) for k in dense}
    total = sum(voxels.values())
    if total < LIMITS.metal_voxels:
        return []
    worst = max(dense, key=lambda k: voxels[k])
    near_mm = min(_metal_to_bone_mm(evidence, k) for k in dense)
    where = slices_text(evidence, dense[0], dense[-1])
    size = evidence.volume(total)
    box = largest_patch(evidence.hu[worst] >= LIMITS.metal_hu)
    bare = all(_bare(evidence, k) for k in dense)
    if bare or near_mm > NEAR_METAL_MM:
        place = "outside the body" if bare else "away from the bone"
        message = f"metal in {where} ({size}), {place}"
        return [Flag("METAL", Severity.INFO, message, index=worst, box=box)]
    spoilt = sum(_spoilt(evidence, k) for k in dense) * evidence.voxel_volume
    beside = "in or against the bone" if near_mm < 1 else "beside the bone"
    message = (
        f"metal {beside} in {where} ({size}): its streaks may hide bone or look like bone, and "
        "metal within the outline is counted as bone"
    )
    return [Flag("METAL", Severity.WARNING, message, index=worst, box=box, doubtful_mm3=spoilt)]


def _bare(evidence: Evidence, index: int) -> bool:
    """Whether air surrounds the metal of a slice, as with a zip, a button or a clip on the skin."""
    dense = evidence.hu[index] >= LIMITS.metal_hu
    distance = ndimage.distance_transform_edt(~dense, evidence.pixel_mm)
    ring = (distance > SPOILT_BY_METAL_MM / 2) & (distance <= SPOILT_BY_METAL_MM)
    return bool((evidence.hu[index][ring] < AIR_BELOW_HU).mean() > MOST_AIR)


def _spoilt(evidence: Evidence, index: int) -> int:
    """Number of pixels of a slice that metal or its glare covers."""
    dense = evidence.hu[index] >= LIMITS.metal_hu
    distance = ndimage.distance_transform_edt(~dense, evidence.pixel_mm)
    return int((distance <= SPOILT_BY_METAL_MM).sum())


def _metal_to_bone_mm(evidence: Evidence, index: int) -> float:
    """Distance in mm from metal to bone within the slice; infinite if the slice has no bone."""
    bone = evidence.mask[index] != 0
    if not bone.any():
        return float("inf")
    distance = ndimage.distance_transform_edt(~bone, evidence.pixel_mm)
    return float(distance[evidence.hu[index] >= LIMITS.metal_hu].min())


def implausible_hu(signs: Signs) -> list[Flag]:
    """Flag air, muscle or bone with values that CT does not have: not HU, or rescaled wrongly."""
    if not signs.tissue:
        return []
    said = []
    checks = (
        ("air", "air", LIMITS.air_low_hu, LIMITS.air_high_hu),
        ("muscle", "muscle", LIMITS.muscle_low_hu, LIMITS.muscle_high_hu),
        ("bone", "bone as a whole", -np.inf, LIMITS.bone_high_hu),
    )
    dense_flesh = median([tissue.flesh for tissue in signs.tissue]) > LIMITS.flesh_high_hu
    for name, word, low, high in checks:
        value = median([getattr(tissue, name) for tissue in signs.tissue])
        if name == "muscle" and value > high and not dense_flesh:
            continue  # a cast or contrast medium, not the whole leg
        if value < low or value > high:
            expected = f"at most {high:.0f}" if low == -np.inf else f"{low:.0f} to {high:.0f}"
            said.append(f"{word} measures {value:.0f} HU (expected {expected})")
    if not said:
        return []
    message = (
        f"{' and '.join(said)}: the values may be shifted or scaled, which moves the bone's edge"
    )
    middle = signs.tissue[len(signs.tissue) // 2].index
    whole = sum(one.pixels for one in signs.slices) * signs.evidence.voxel_volume
    return [Flag("HU_IMPLAUSIBLE", Severity.WARNING, message, index=middle, doubtful_mm3=whole)]


def noise(signs: Signs) -> list[Flag]:
    """Flag more noise than the network was trained with."""
    level = median([tissue.noise for tissue in signs.tissue])
    if not level > LIMITS.noise_hu:
        return []
    worst = max(signs.tissue, key=lambda t: t.noise if np.isfinite(t.noise) else 0)
    message = (
        f"strong noise: {level:.0f} HU in muscle and fat, but the network was trained with up to "
        f"about {LIMITS.noise_hu:.0f}: thin bone, joint gaps and fracture lines may be wrong"
    )
    doubtful = signs.likely_wrong_px * signs.evidence.voxel_volume
    return [Flag("NOISE", Severity.WARNING, message, index=worst.index, doubtful_mm3=doubtful)]


def slice_dropped(signs: Signs) -> list[Flag]:
    """Flag a step between slices that is much larger than those around it.

    If the headers give the position of every slice, the readers have already checked that none is
    missing. If the bone changes far more than the image around it, a bone begins or ends there, as
    at a joint, and nothing is flagged.
    """
    evidence = signs.evidence
    if evidence.positions_known:
        return []
    leads = signs.steps.in_slices()
    missing = (leads > LIMITS.step_slices) & ~signs.steps.bone_alone()
    over = {int(k): float(leads[k]) for k in np.flatnonzero(missing)}
    bone = {one.index: one.pixels for one in signs.slices}
    beside = {k: (bone.get(k, 0) + bone.get(k + 1, 0)) / 2 for k in over}
    runs = runs_of({k: (lead - 1) * beside[k] for k, lead in over.items()})
    if not runs:
        return []
    worst = runs[0].worst
    pair = slices_text(evidence, worst, worst + 1).replace(" to ", " and ")
    others = f"; so do {runs_text(evidence, runs[1:])}" if runs[1:] else ""
    message = (
        f"between {pair} bone and soft tissue change as much as over {over[worst]:.1f} slices "
        f"nearby, as if slices were missing{others}: lengths across this place may be too short"
    )
    doubtful = sum(run.doubt for run in runs) * evidence.voxel_volume
    return [Flag("SLICE_DROPPED", Severity.WARNING, message, index=worst, doubtful_mm3=doubtful)]


def bone_cut(signs: Signs) -> list[Flag]:
    """Flag bone at the edge of the image, or of the round field that was reconstructed."""
    evidence = signs.evidence
    lengths = {}
    for index in evidence.with_bone:
        cut = _at_the_edge(evidence, int(index))
        if cut.any():
            lengths[int(index)] = float(cut.sum())
    if not lengths:
        return []
    worst = max(lengths, key=lambda k: lengths[k])
    where = slices_text(evidence, min(lengths), max(lengths))
    along = float(np.sqrt(evidence.spacing_mm[1] * evidence.spacing_mm[2]))
    face = sum(lengths.values()) * along * evidence.spacing_mm[0]
    size = f" over {evidence.area(face / evidence.pixel_area)}" if evidence.spacing_known else ""
    beyond = face * MISSED_BEYOND_MM if evidence.spacing_known else sum(lengths.values())
    message = (
        f"bone is cut off{size} at the edge of the field of view in {where}: the rest is missing, "
        "and the surface has a false flat face there"
    )
    box = largest_patch(_at_the_edge(evidence, worst))
    return [Flag("BONE_CUT", Severity.WARNING, message, index=worst, box=box, doubtful_mm3=beyond)]


def _at_the_edge(evidence: Evidence, index: int) -> NDArray[np.bool_]:
    """Bone pixels of a slice that are next to the edge of the imaged field, (row, column)."""
    bone = evidence.mask[index] != 0
    imaged = np.pad(~_padding(evidence.hu[index]), 1)
    beside = imaged[:-2, 1:-1] & imaged[2:, 1:-1] & imaged[1:-1, :-2] & imaged[1:-1, 2:]
    near = ~beside if imaged[1:-1, 1:-1].all() else ndimage.binary_dilation(~beside)
    return np.asarray(bone & near)


def _padding(plane: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Pixels outside a round field of view: those connected to the corners with their value.

    If these pixels reach further in than the corners of a round field, they are air, and none
    counts.
    """
    corners = plane[[0, 0, -1, -1], [0, -1, 0, -1]]
    nothing = np.zeros(plane.shape, dtype=np.bool_)
    if not (corners == corners[0]).all():
        return nothing
    parts, count = ndimage.label(plane == corners[0])
    at_corner = np.zeros(count + 1, dtype=np.bool_)
    at_corner[parts[[0, 0, -1, -1], [0, -1, 0, -1]]] = True
    outside = at_corner[parts]
    rows, columns = (np.arange(size) - (size - 1) / 2 for size in plane.shape)
    inner = np.hypot(rows[:, None], columns) < ROUND_FIELD * max(plane.shape) / 2
    return nothing if (outside & inner).any() else np.asarray(outside)


def bone_ends(signs: Signs) -> list[Flag]:
    """Flag bone that continues beyond the lowest or highest slice: usual, but worth knowing."""
    evidence = signs.evidence
    if len(evidence.mask) < 2:
        return []
    ends = {"lowest": 0, "highest": len(evidence.mask) - 1}
    areas = {name: int((evidence.mask[k] != 0).sum()) for name, k in ends.items()}
    cut = [f"the {name} slice ({evidence.area(areas[name])})" for name in ends if areas[name]]
    if not cut:
        return []
    worst = max(ends, key=lambda name: areas[name])
    message = f"bone continues beyond {' and '.join(cut)}: the surface ends flat there"
    return [Flag("BONE_ENDS_AT_SCAN", Severity.INFO, message, index=ends[worst])]
