"""Drawing bone quality and soft tissue, healthy or diseased, with or without contrast medium."""

from __future__ import annotations

import numpy as np

from afunet.phantom.config import Angiogram, BoneQuality, Clutter, Girth, Organs, SoftTissue
from afunet.phantom.shapes.arrays import Rng

THINNED, CONTRAST = 0.25, 0.1
"""Shares of the legs with very thin bone, and with contrast medium in the small vessels."""
_ENHANCED_HU = 80
"""HU above which arteries hold contrast medium; how often urine has it then, and otherwise."""
_URINE_ENHANCED, _URINE_PLAIN = 0.45, 0.1


def draw_bone(rng: Rng) -> BoneQuality:
    """Bone from dense to very thin."""
    if rng.random() < THINNED:
        return _thinned(rng)
    density = float(np.exp(rng.normal(-0.1, 0.38)))
    return BoneQuality(
        density=float(np.clip(density, 0.3, 1.35)),
        cortex=float(np.clip(density**0.7 * np.exp(rng.normal(-0.1, 0.2)), 0.35, 1.4)),
        cortex_hu=rng.uniform(1250, 1850),
        marrow_hu=rng.uniform(-80, 30),
        trabecula_mm=rng.uniform(1.2, 2.4),
        contrast=rng.uniform(0.15, 0.9),
        sclerosis_hu=rng.uniform(30, 330),
        scar_hu=rng.uniform(0, 220) * float(rng.random() < 0.6),
        cysts=int(rng.integers(1, 4)) if rng.random() < 0.12 else 0,
        tunnel=bool(rng.random() < 0.06),
        patchy=rng.uniform(0, 0.8) if rng.random() < 0.2 else 0.0,
    )


def _thinned(rng: Rng) -> BoneQuality:
    """Bone of an old or long unused limb: thin cortex and almost no bone at the ends."""
    return BoneQuality(
        density=rng.uniform(0.12, 0.55),
        cortex=rng.uniform(0.45, 0.95),
        cortex_hu=rng.uniform(850, 1600),
        marrow_hu=rng.uniform(-90, 10),
        trabecula_mm=rng.uniform(1.4, 2.8),
        contrast=rng.uniform(0.2, 1.1),
        sclerosis_hu=rng.uniform(0, 180),
        scar_hu=rng.uniform(0, 160) * float(rng.random() < 0.5),
        end_loss=rng.uniform(0, 0.7),
        patchy=rng.uniform(0, 0.9) * float(rng.random() < 0.6),
    )


def draw_soft(rng: Rng) -> SoftTissue:
    """Soft tissue from lean to fat, plain or with contrast medium."""
    contrast = rng.random() < CONTRAST
    return SoftTissue(
        girth=Girth(
            muscle=rng.uniform(0.84, 1.2),
            fat_mm=float(np.exp(rng.uniform(np.log(3), np.log(32)))),
            unevenness=rng.uniform(0.02, 0.07),
        ),
        muscle_hu=rng.uniform(46, 68),
        fat_hu=rng.uniform(-115, -85),
        skin_hu=rng.uniform(10, 60),
        septa=rng.uniform(0.05, 0.8),
        infiltration=float(0.7 * rng.beta(1.0, 5)),
        effusion=rng.uniform(0.2, 1.0) if rng.random() < 0.3 else 0.0,
        haze=rng.uniform(0.3, 1.0) if rng.random() < 0.3 else rng.uniform(0, 0.2),
        vessel_hu=rng.uniform(180, 420) if contrast else rng.uniform(38, 55),
        calcified=bool(rng.random() < 0.15),
        gas=bool(rng.random() < 0.03),
        flattened_mm=float(rng.choice([0.0, 3.0, 8.0, 14.0])),
        angiogram=_angiogram(rng),
        arthrogram_hu=rng.uniform(200, 1500) if rng.random() < 0.25 else 0.0,
    )


def _angiogram(rng: Rng) -> Angiogram | None:
    """Often None; else vessels with contrast medium, calcified walls, or both."""
    kind = rng.choice(["none", "contrast", "chalk", "both"], p=[0.56, 0.22, 0.1, 0.12])
    if kind == "none":
        return None
    artery = rng.uniform(100, 560) if kind != "chalk" else rng.uniform(38, 55)
    late = rng.uniform(0.1, 1.1)
    return Angiogram(
        artery_hu=artery,
        vein_hu=max(45.0, late * artery) if kind != "chalk" else rng.uniform(38, 55),
        branches=int(rng.integers(2, 16)),
        plaque=rng.uniform(0.1, 1.0) if kind != "contrast" else 0.0,
        plaque_hu=rng.uniform(300, 1300),
    )


def draw_organs(soft: SoftTissue, rng: Rng) -> Organs:
    """Organs of the trunk; enhanced if the vessels are."""
    look = soft.angiogram
    enhanced = look is not None and look.artery_hu > _ENHANCED_HU
    urine = rng.random() < (_URINE_ENHANCED if enhanced else _URINE_PLAIN)
    return Organs(
        tissue_hu=rng.uniform(75, 190) if enhanced else rng.uniform(35, 55),
        bowel_hu=rng.uniform(150, 800),
        opacified=rng.uniform(0.2, 0.95) if rng.random() < 0.4 else 0.0,
        urine_hu=float(np.exp(rng.uniform(np.log(120), np.log(1300)))) if urine else 8.0,
        layered=bool(rng.random() < 0.4),
        gas=rng.uniform(0.05, 0.7),
        psoas_mm=rng.uniform(13, 24),
    )


def draw_clutter_of(trunk: bool, rng: Rng) -> Clutter | None:
    """Often None; else a few kinds of dense objects in and on the soft tissue."""
    if rng.random() < 0.5:
        return None

    def some(most: int, chance: float) -> int:
        return int(rng.integers(1, most + 1)) if rng.random() < chance else 0

    return Clutter(
        chalk=some(40, 0.6),
        granulomas=some(14, 0.5 if trunk else 0.25),
        clips=some(8, 0.15),
        staples=some(20, 0.12),
        tubes=some(3, 0.3),
        electrodes=some(6, 0.25),
    )
