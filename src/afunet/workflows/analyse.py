"""The middle of the main job: a scan and a network in; its mask, surfaces, pieces and doubts out.

Without the mask there is no result. What comes after it is tried on its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from afunet.formats.scan import Scan
from afunet.geometry import Mesh, Volume
from afunet.inference.cleanup import CleanUp, CleanUpRules, clean_up
from afunet.inference.predictor import Predictor
from afunet.inference.volume import FreshPrediction, predict_volume
from afunet.models.checkpoint import Header
from afunet.plan import Step
from afunet.reconstruction.pieces import Instances
from afunet.watch import Watch
from afunet.workflows.attempts import Attempts
from afunet.workflows.case_pages import sides_known
from afunet.workflows.dividing import NAMES, PIECES, SURFACE, Dividing
from afunet.workflows.stopwatch import Stopwatch
from afunet.workflows.trust import Trust, judge

CONFIDENCE = "confidence"
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
    prediction: FreshPrediction
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
    watch: Watch,
) -> Analysis:
    """Find the bones in a scan. Raises `Cancelled`, and whatever keeps the mask from being made."""
    with stopwatch.stage("network"):
        prediction = predict_volume(
            scan.volume,
            predictor,
            header,
            spacing_known=scan.source.spacing_known,
            watch=watch,
        )
    with stopwatch.stage("clean-up"):
        mask, cleaned = clean_up(prediction.mask, scan.volume, rules.cleanup, watch=watch)
    dividing = Dividing(attempts, rules.max_triangles, rules.max_error_mm, watch)
    with stopwatch.stage(SURFACE):
        mesh = dividing.surface(mask)
    with stopwatch.stage(PIECES):
        instances = dividing.pieces(
            mask,
            scan.volume,
            spacing_known=scan.source.spacing_known,
            sides_known=sides_known(scan),
        )
    trust = None
    with stopwatch.stage(CONFIDENCE), attempts.at(CONFIDENCE):
        watch.tell(CONFIDENCE, 0, 1)
        trust = judge(
            scan,
            prediction,
            mask,
            instances,
            cleaned,
            rules.cleanup,
            header,
            watch=watch,
        )
        watch.tell(CONFIDENCE, 1, 1)
    return Analysis(scan, prediction, mask, cleaned, mesh, instances, trust)
