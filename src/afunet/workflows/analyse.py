"""The analysis of a scan by a network: mask, surfaces, pieces and confidence.

It takes no path and writes nothing. Without a mask there is no result; every later result is tried
on its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from afunet.errors import InputError
from afunet.formats.scan import Scan
from afunet.geometry import Mesh, Volume
from afunet.inference.classes import classes_in
from afunet.inference.cleanup import CleanUp, CleanUpRules, clean_up
from afunet.inference.predictor import Predictor
from afunet.inference.volume import FreshPrediction, predict_volume
from afunet.plan import Step
from afunet.preprocessing.orientation import Axial
from afunet.reconstruction.decimation import require_limits
from afunet.reconstruction.pieces import Instances
from afunet.report.not_written import NotWritten
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.attempts import Attempts
from afunet.workflows.dividing import FRAGMENTS, INSTANCES, NAMES, SURFACE, Dividing, undivided
from afunet.workflows.network import Network
from afunet.workflows.stopwatch import Stopwatch
from afunet.workflows.trust import Trust, judge

CLASSES, CONFIDENCE = "classes", "confidence"
MAX_TRIANGLES = 2_000_000
# Measured on 46 slices of 512 x 512 pixels on one CPU; only the network and what follows count.
PLAN = (
    Step("unpacking"),
    Step("reading headers"),
    Step("reading slices"),
    Step("segmenting", share=1),
    Step("cleaning up", share=0.01),
    Step(SURFACE, share=0.01),
    Step(INSTANCES, share=0.01),
    Step(NAMES, share=0.01, seconds=0.3),
    Step(FRAGMENTS, share=0.02, seconds=1.0),
    Step("surfaces of pieces", share=0.01),
    Step("mirrored slices", share=0.03),
    Step(CONFIDENCE, share=0.01),
)


@dataclass(frozen=True)
class AnalysisRules:
    """The rules of the clean-up, how far surfaces are simplified (`decimated`), and what is made.

    No surface has more than `MAX_TRIANGLES`. `pieces` asks for bones and fragments with names,
    measurements and surfaces, and for the surface of all bone; `trust` asks for confidence and
    flags. `fast` leaves out the mirrored slices, and with them the flag `FLIPS_DISAGREE`.
    """

    cleanup: CleanUpRules = field(default_factory=CleanUpRules)
    max_triangles: int | None = None
    max_error_mm: float | None = None
    pieces: bool = True
    trust: bool = True
    fast: bool = False

    def __post_init__(self) -> None:
        require_limits(self.max_triangles, self.max_error_mm)


@dataclass(frozen=True, eq=False)
class Analysis:
    """What was found in a scan, by which network and rules, and the seconds of each stage.

    If a result was not asked for or could not be made, `mesh` or `trust` is None, or `instances`
    has no pieces. `missing` gives the reasons, and `stacks` the places of internal errors.
    `classes` holds the class of each voxel of the mask, numbered from 1 in the network's order; it
    is None if the network knows bone alone.
    """

    scan: Scan
    network: Network
    rules: AnalysisRules
    prediction: FreshPrediction
    mask: Volume
    classes: Volume | None
    cleaned: CleanUp
    mesh: Mesh | None
    instances: Instances
    trust: Trust | None
    seconds: Mapping[str, float]
    missing: tuple[NotWritten, ...] = ()
    stacks: tuple[str, ...] = ()


def analyse(
    scan: Scan, network: Network, rules: AnalysisRules | None = None, watch: Watch = UNWATCHED
) -> Analysis:
    """Find the bones in a scan. Raises `Cancelled`, and any error that prevents the mask."""
    if not isinstance(scan, Scan):
        raise InputError(
            f"got a {type(scan).__name__}, expected a Scan: read it with read_scan first",
            code="NOT_A_VOLUME",
        )
    return analyse_timed(scan, network, rules, watch, Stopwatch())


def analyse_timed(
    scan: Scan,
    network: Network,
    rules: AnalysisRules | None,
    watch: Watch,
    stopwatch: Stopwatch,
) -> Analysis:
    """Find the bones as `analyse` does; `stopwatch` times the stages beside those of its owner."""
    with stopwatch.stage("network"):
        prediction = predict(scan, network, watch)
    return concluded(scan, prediction, network, rules, watch, stopwatch)


def predict(scan: Scan, network: Network, watch: Watch = UNWATCHED) -> FreshPrediction:
    """Return what the network takes for bone, before the clean-up."""
    return predict_volume(
        Axial.of(scan.volume),
        Predictor.of(network.engine, network.header),
        network.header,
        spacing_known=scan.source.spacing_known,
        watch=watch,
    )


def concluded(
    scan: Scan,
    prediction: FreshPrediction,
    network: Network,
    rules: AnalysisRules | None = None,
    watch: Watch = UNWATCHED,
    stopwatch: Stopwatch | None = None,
) -> Analysis:
    """Make the analysis from a prediction: the cleaned mask and each result that follows."""
    rules, attempts = rules or AnalysisRules(), Attempts()
    stopwatch = stopwatch or Stopwatch()
    with stopwatch.stage("clean-up"):
        axial, cleaned = clean_up(prediction.mask, prediction.scan, rules.cleanup, watch=watch)
        mask = prediction.scan.restored(axial)
    classes, mesh, instances, trust = None, None, undivided(mask), None
    if len(network.header.classes) > 1:
        with stopwatch.stage(CLASSES), attempts.at(CLASSES):
            classes = prediction.scan.restored(classes_in(axial, prediction.mask))
    if rules.pieces:
        most = min(rules.max_triangles or MAX_TRIANGLES, MAX_TRIANGLES)
        dividing = Dividing(attempts, most, rules.max_error_mm, watch, stopwatch)
        mesh = dividing.surface(mask)
        instances = dividing.pieces(
            mask,
            scan.volume,
            spacing_known=scan.source.spacing_known,
            sides_known=scan.sides_known,
        )
    if rules.trust:
        with stopwatch.stage(CONFIDENCE), attempts.at(CONFIDENCE):
            watch.tell(CONFIDENCE, 0, 1)
            trust = judge(
                scan,
                prediction,
                axial,
                instances,
                cleaned,
                rules.cleanup,
                network.header,
                mirrored=not rules.fast,
                watch=watch,
            )
            watch.tell(CONFIDENCE, 1, 1)
    return Analysis(
        scan,
        network,
        rules,
        prediction,
        mask,
        classes,
        cleaned,
        mesh,
        instances,
        trust,
        stopwatch.seconds,
        tuple(attempts.missing),
        tuple(attempts.stacks),
    )
