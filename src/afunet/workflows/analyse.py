"""The middle of the main job: a scan and a network in; its mask, surfaces, pieces and doubts out.

Without the mask there is no result. What comes after it is tried on its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afunet.formats.scan import Scan
from afunet.geometry import Mesh, Volume
from afunet.inference.cleanup import CleanUp, CleanUpRules, clean_up
from afunet.inference.naming import bone_namer
from afunet.inference.predictor import Predictor
from afunet.inference.volume import Prediction, predict_volume
from afunet.models.checkpoint import Header
from afunet.progress import CancelToken, Progress
from afunet.reconstruction.anatomy import UNKNOWN, NamedLabels
from afunet.reconstruction.pieces import Instances, find_pieces
from afunet.reconstruction.surface import surface
from afunet.watch import Step
from afunet.workflows.attempts import Attempts
from afunet.workflows.case_pages import sides_known
from afunet.workflows.stopwatch import Stopwatch
from afunet.workflows.trust import Trust, judge

SURFACE, PIECES, NAMES, CONFIDENCE = "surface", "pieces", "names", "confidence"
# Measured on 46 slices of 512 x 512 pixels on one CPU; what follows the network counts only.
PLAN = (
    Step("unpacking"),
    Step("reading headers"),
    Step("reading slices"),
    Step("segmenting", share=1),
    Step("cleaning up", share=0.01),
    Step(SURFACE, share=0.01),
    Step("instances", share=0.01),
    Step(NAMES, share=0.01, seconds=0.3),
    Step("surfaces of pieces", share=0.01),
    Step("mirrored slices", share=0.1),
    Step(CONFIDENCE, share=0.01),
)


@dataclass(frozen=True)
class AnalysisRules:
    """How the mask is cleaned, and how far its surfaces are simplified (`decimated`)."""

    cleanup: CleanUpRules
    max_triangles: int | None = None
    max_error_mm: float | None = None


@dataclass(frozen=True, eq=False)
class Analysis:
    """What was found. Of what could not be made `mesh` is None, `instances` has no pieces.

    `trust` is then None; the attempts tell why.
    """

    scan: Scan
    prediction: Prediction
    mask: Volume
    cleaned: CleanUp
    mesh: Mesh | None
    instances: Instances
    trust: Trust | None


def analyse(
    scan: Scan,
    predictor: Predictor,
    header: Header,
    rules: AnalysisRules,
    *,
    attempts: Attempts,
    stopwatch: Stopwatch,
    progress: Progress,
    cancel: CancelToken,
) -> Analysis:
    """Find the bones in a scan. Raises `Cancelled`, and whatever keeps the mask from being made."""
    with stopwatch.stage("network"):
        prediction = predict_volume(
            scan.volume,
            predictor,
            header,
            spacing_known=scan.source.spacing_known,
            progress=progress,
            cancel=cancel,
        )
    with stopwatch.stage("clean-up"):
        mask, cleaned = clean_up(
            prediction.mask, scan.volume, rules.cleanup, progress=progress, cancel=cancel
        )
    mesh, instances, trust = None, _undivided(mask), None
    with stopwatch.stage(SURFACE), attempts.at(SURFACE):
        mesh = surface(
            mask,
            max_triangles=rules.max_triangles,
            max_error_mm=rules.max_error_mm,
            progress=progress,
            cancel=cancel,
        )
    with stopwatch.stage(PIECES), attempts.at(PIECES):
        instances = _pieces(scan, mask, rules, attempts, progress, cancel)
    with stopwatch.stage(CONFIDENCE), attempts.at(CONFIDENCE):
        progress(CONFIDENCE, 0, 1)
        trust = judge(
            scan,
            prediction,
            mask,
            instances,
            cleaned,
            rules.cleanup,
            predictor,
            header,
            progress=progress,
            cancel=cancel,
        )
        progress(CONFIDENCE, 1, 1)
    return Analysis(scan, prediction, mask, cleaned, mesh, instances, trust)


def _pieces(
    scan: Scan,
    mask: Volume,
    rules: AnalysisRules,
    attempts: Attempts,
    progress: Progress,
    cancel: CancelToken,
) -> Instances:
    """The pieces, without names where these cannot be given; names need millimetres."""

    def namer(labels: Volume) -> NamedLabels:
        progress(NAMES, 0, 1)
        with attempts.at(NAMES):
            named = bone_namer(sides_known=sides_known(scan))(labels)
            progress(NAMES, 1, 1)
            return named
        return NamedLabels(labels, (UNKNOWN,) * int(labels.voxels.max()))

    return find_pieces(
        mask,
        scan.volume,
        namer=namer if scan.source.spacing_known else None,
        max_triangles=rules.max_triangles,
        max_error_mm=rules.max_error_mm,
        progress=progress,
        cancel=cancel,
    )


def _undivided(mask: Volume) -> Instances:
    """All bone under one label, and no piece measured."""
    return Instances(mask.with_voxels((mask.voxels != 0).astype(np.uint8)), ())
