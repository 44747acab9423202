"""The patterns of fractures: which bones have them, and which function cuts them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from afunet.anatomy.bones import Bone as BoneKind
from afunet.errors import ConfigError
from afunet.phantom.config import FracturePattern as Name
from afunet.phantom.skeleton import fracture_ankle as ankle
from afunet.phantom.skeleton import fracture_hip as hip
from afunet.phantom.skeleton import fracture_knee as knee
from afunet.phantom.skeleton.fracture_site import Pattern, Site, Split

_ZONE_MM = 30.0


def pattern_of(name: Name, bone: str) -> Pattern:
    """The function that cuts a pattern; `ConfigError` if this bone does not break like that."""
    kind = BoneKind.of(bone)
    for kinds, patterns in PATTERNS:
        if name in patterns:
            if kinds and kind not in kinds:
                raise ConfigError(
                    f"a fracture {name.value!r} is one of the {' or '.join(sorted(kinds))}, not of "
                    f"the bone {bone!r}: choose another pattern or bone"
                )
            return patterns[name]
    raise ConfigError(f"there is no pattern {name.value!r} of fractures with rough surfaces")


def _random(site: Site) -> Iterator[Split]:
    height = np.abs(site.points_mm[:, 2] - site.fracture.centre_mm)
    near = site.points_mm[height < _ZONE_MM * site.size]
    if len(near):
        for count in range(1, site.fracture.pieces):
            centre = 0.5 * near[site.rng.integers(len(near))] + 0.5 * near.mean(axis=0)
            cell = int(site.rng.integers(count))
            yield Split(cell, site.plane(centre, site.rng.standard_normal(3)))


def _crack(site: Site) -> Iterator[Split]:
    yield from ()


PATTERNS: tuple[tuple[tuple[BoneKind, ...], dict[Name, Pattern]], ...] = (
    ((), {Name.RANDOM: _random, Name.CRACK: _crack}),
    (
        (BoneKind.TIBIA,),
        {
            Name.PLATEAU_SPLIT: knee.plateau_split,
            Name.PLATEAU_SPLIT_DEPRESSION: knee.plateau_split_depression,
            Name.PLATEAU_DEPRESSION: knee.plateau_depression,
            Name.PLATEAU_MEDIAL: knee.plateau_medial,
            Name.PLATEAU_BICONDYLAR: knee.plateau_bicondylar,
            Name.PLATEAU_SHAFT: knee.plateau_shaft,
            Name.PILON: ankle.pilon,
            Name.MEDIAL_MALLEOLUS: ankle.medial_malleolus,
            Name.POSTERIOR_MALLEOLUS: ankle.posterior_malleolus,
        },
    ),
    ((BoneKind.FIBULA,), {Name.LATERAL_MALLEOLUS: ankle.lateral_malleolus}),
    (
        (BoneKind.FEMUR, BoneKind.TIBIA, BoneKind.FIBULA),
        {
            Name.TRANSVERSE: ankle.transverse,
            Name.OBLIQUE: ankle.oblique,
            Name.SPIRAL: ankle.spiral,
            Name.BUTTERFLY: ankle.butterfly,
        },
    ),
    (
        (BoneKind.FEMUR,),
        {
            Name.FEMORAL_NECK: hip.femoral_neck,
            Name.TROCHANTERIC: hip.trochanteric,
            Name.SUPRACONDYLAR: knee.supracondylar,
            Name.INTERCONDYLAR: knee.intercondylar,
            Name.CONDYLE: knee.condyle,
            Name.HOFFA: knee.hoffa,
        },
    ),
    (
        (BoneKind.PATELLA,),
        {
            Name.PATELLA_TRANSVERSE: knee.patella_transverse,
            Name.PATELLA_STELLATE: knee.patella_stellate,
        },
    ),
    (
        (BoneKind.PELVIS,),
        {
            Name.ANTERIOR_COLUMN: hip.anterior_column,
            Name.POSTERIOR_COLUMN: hip.posterior_column,
            Name.ACETABULUM_TRANSVERSE: hip.acetabulum_transverse,
            Name.RAMI: hip.rami,
            Name.ILIAC_WING: hip.iliac_wing,
            Name.SACRAL_ALA: hip.sacral_ala,
        },
    ),
)
"""Bones (none: any) and the patterns that they may have."""
