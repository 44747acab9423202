"""Which bone every piece is: votes of its voxels, by a network that sees shape, place, neighbours.

A vote is no sureness: how often a name is right is told from the vote and what else speaks for it
(`evidence`, `sureness`), and a name that is not sure is none.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from afunet.anatomy.bone_network import BONE_NAMES, BoneNamer
from afunet.anatomy.bones import LEG, Bone, Side
from afunet.anatomy.coarse_grid import LabelSampling
from afunet.anatomy.evidence import FEATURES, Evidence, evidence_of
from afunet.anatomy.legs import Legs, SideRules, find_legs
from afunet.anatomy.named_grid import Votes, bones_of, named_grid, votes_of
from afunet.anatomy.names import UNKNOWN, BoneName, NamedLabels
from afunet.anatomy.parting import PartingRules, joined_again, parted_by_votes
from afunet.anatomy.side_network import LIMB_SIDES, LimbSider
from afunet.anatomy.sureness import Judges
from afunet.geometry import Volume
from afunet.models.shipped import shipped_path

FloatArray = NDArray[np.float64]
SIDE_FEATURES = ("side", "own side", "volume of leg")


@dataclass(frozen=True)
class NamingRules:
    """When a name is told: a bone's from a sureness of `least_bone`, a side's from `sides.least`.

    Where less than `least_seen_mm3` of bone is seen in all, nothing has a name. `parting` tells
    when a piece is several bones; each of its parts needs the sureness of a name.
    """

    least_bone: float = 0.6
    least_seen_mm3: float = 5000.0
    sides: SideRules = field(default_factory=SideRules)
    parting: PartingRules = field(default_factory=PartingRules)


@dataclass(frozen=True)
class Networks:
    """Who names bones, who tells sides by shape, and who tells how sure they are.

    Without a sider a side is told by the namer alone; without judges a vote is its own sureness.
    """

    namer: BoneNamer
    sider: LimbSider | None = None
    judges: Judges | None = None


@cache
def shipped_networks() -> Networks:
    """What comes with the package."""
    judges = Judges.load(shipped_path("name-sureness.json"))
    return Networks(shipped_namer(), shipped_sider(), judges)


@cache
def shipped_namer() -> BoneNamer:
    """The network for bones that comes with the package."""
    return BONE_NAMES.load(shipped_path("bone-names.safetensors"))


@cache
def shipped_sider() -> LimbSider:
    """The network for the sides of legs that comes with the package."""
    return LIMB_SIDES.load(shipped_path("limb-sides.safetensors"))


def name_pieces(
    labels: Volume,
    networks: Networks | None = None,
    rules: NamingRules | None = None,
    *,
    sides_known: bool = True,
) -> NamedLabels:
    """Names for the labels (from 1, without gaps, the largest first) of a map in LPS mm.

    A piece that the networks, None being those of the package, take for several bones is parted.
    There are no sides where the patient's are not known.
    """
    networks, rules = networks or shipped_networks(), rules or NamingRules()
    sampling = LabelSampling.of(labels, networks.namer.config.step_mm)
    if sampling is None:
        return NamedLabels(labels, ())
    if np.count_nonzero(labels.voxels) * labels.voxel_volume_mm3 < rules.least_seen_mm3:
        return NamedLabels.unnamed(labels)
    named = named_grid(sampling, networks.namer)
    votes = votes_of(sampling, named)
    parted, origin = parted_by_votes(labels, named, votes, rules.parting)
    if parted is not labels:
        votes = votes_of(_sampling(parted, networks), named)
        sure = hear(_sampling(parted, networks), votes, networks, rules).sureness
        labels = joined_again(parted, origin, sure >= rules.least_bone)
        sampling = _sampling(labels, networks)
        votes = votes_of(sampling, named)
    names = hear(sampling, votes, networks, rules).names(rules)
    if not sides_known:
        names = tuple(replace(name, side=None, side_sureness=0.0) for name in names)
    return NamedLabels(labels, names)


def _sampling(labels: Volume, networks: Networks) -> LabelSampling:
    found = LabelSampling.of(labels, networks.namer.config.step_mm)
    assert found is not None
    return found


@dataclass(frozen=True, eq=False)
class Heard:
    """What speaks for the likeliest bone and side of every label, and how sure they are (labels,).

    `side_values` is the evidence for the side, (labels, features).
    """

    bones: tuple[Bone, ...]
    evidence: Evidence
    legs: Legs
    side_values: FloatArray
    sureness: FloatArray
    side_sureness: FloatArray

    def names(self, rules: NamingRules) -> tuple[BoneName, ...]:
        """The name of each label; none where it is not sure."""
        return tuple(self._name(label, rules) for label in range(len(self.sureness)))

    def _name(self, label: int, rules: NamingRules) -> BoneName:
        bone, sure = self.bones[self.evidence.best[label]], float(self.sureness[label])
        alone = bone in LEG and not self.legs.of_leg[label]
        if bone is Bone.UNKNOWN or sure < rules.least_bone or alone:
            return UNKNOWN
        side = Side.LEFT if self.legs.left[label] >= 0.5 else Side.RIGHT
        side_sure = float(self.side_sureness[label])
        if side_sure < rules.sides.least or not bone.row.sided:
            return BoneName(bone, None, sure)
        return BoneName(bone, side, sure, side_sure)


def hear(sampling: LabelSampling, votes: Votes, networks: Networks, rules: NamingRules) -> Heard:
    """Everything that speaks for names and sides."""
    bones = bones_of(networks.namer)
    not_leg = bones.index(Bone.UNKNOWN) if Bone.UNKNOWN in bones else None
    evidence = evidence_of(sampling, votes, networks.namer, not_leg)
    of_leg = np.array([bones[best] in LEG for best in evidence.best])
    legs = find_legs(sampling, of_leg, votes.left, networks.sider, rules.sides)
    side_values = _side_values(evidence, votes, legs)
    sureness = votes.bone.max(axis=1)
    side_sureness = np.maximum(legs.left, 1 - legs.left)
    if networks.judges:
        sureness = networks.judges.bone.sureness(evidence.best, evidence.values)
        side_sureness = networks.judges.side.sureness(evidence.best, side_values)
    return Heard(bones, evidence, legs, side_values, sureness, side_sureness)


def _side_values(evidence: Evidence, votes: Votes, legs: Legs) -> FloatArray:
    """The evidence and `SIDE_FEATURES` beside it."""
    told, own = (logit(left.clip(0.005, 0.995)) for left in (legs.left, votes.left))
    volumes = np.exp(evidence.values[:, FEATURES.index("volume")])
    of_leg = np.bincount(legs.leg + 1, volumes, legs.leg.max(initial=0) + 2)[legs.leg + 1]
    of_leg = np.where(legs.leg < 0, volumes, of_leg)
    more = [np.abs(told), own * np.sign(told), np.log(np.maximum(of_leg, 1.0))]
    return np.concatenate([evidence.values, np.stack(more, axis=1)], axis=1)
