"""Name the pieces of a mask: a network votes at each voxel by shape, position and neighbours.

A vote is not a confidence. How often a name is right is computed from the vote and other evidence
(`evidence`, `sureness`), and a piece gets no name if the confidence is too low.
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
    """When a piece gets a name.

    The bone needs a confidence of `least_bone`, the side one of `sides.least`. If the scan shows
    less than `least_seen_mm3` of bone in all, nothing gets a name. `parting` says when one piece is
    several bones; each of its parts needs the confidence of a name.
    """

    least_bone: float = 0.6
    least_seen_mm3: float = 5000.0
    sides: SideRules = field(default_factory=SideRules)
    parting: PartingRules = field(default_factory=PartingRules)


@dataclass(frozen=True)
class Networks:
    """The networks that name bones and find sides by shape, and the models of confidence.

    Without `sider`, only `namer` decides the side; without `judges`, the vote is the confidence.
    """

    namer: BoneNamer
    sider: LimbSider | None = None
    judges: Judges | None = None


@cache
def shipped_networks() -> Networks:
    """The networks that come with the package."""
    judges = Judges.load(shipped_path("name-sureness.json"))
    return Networks(shipped_namer(), shipped_sider(), judges)


@cache
def shipped_namer() -> BoneNamer:
    """The network for bones that comes with the package."""
    return BONE_NAMES.load(shipped_path("bone-names.onnx"))


@cache
def shipped_sider() -> LimbSider:
    """The network for the sides of legs that comes with the package."""
    return LIMB_SIDES.load(shipped_path("limb-sides.onnx"))


def name_pieces(
    labels: Volume,
    networks: Networks | None = None,
    rules: NamingRules | None = None,
    *,
    sides_known: bool = True,
) -> NamedLabels:
    """Name the labels of a map (from 1, without gaps, the largest first) in LPS mm.

    A piece that the networks recognise as several bones is split. `networks` defaults to those of
    the package. With `sides_known=False`, the patient's left and right are unknown and no name has
    a side.
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
    """The evidence for the likeliest bone and side of every label, and the confidence in both.

    `side_values` (labels, features) is the evidence for the side; the confidences are (labels,).
    """

    bones: tuple[Bone, ...]
    evidence: Evidence
    legs: Legs
    side_values: FloatArray
    sureness: FloatArray
    side_sureness: FloatArray

    def names(self, rules: NamingRules) -> tuple[BoneName, ...]:
        """The name of each label; unknown if its confidence is too low."""
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
    """Collect the evidence for bones and sides, and compute their confidence."""
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
    """The evidence with `SIDE_FEATURES` appended, (labels, features)."""
    told, own = (logit(left.clip(0.005, 0.995)) for left in (legs.left, votes.left))
    volumes = np.exp(evidence.values[:, FEATURES.index("volume")])
    of_leg = np.bincount(legs.leg + 1, volumes, legs.leg.max(initial=0) + 2)[legs.leg + 1]
    of_leg = np.where(legs.leg < 0, volumes, of_leg)
    more = [np.abs(told), own * np.sign(told), np.log(np.maximum(of_leg, 1.0))]
    return np.concatenate([evidence.values, np.stack(more, axis=1)], axis=1)
