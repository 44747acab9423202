"""The facts of a comparison, computed from scored slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from afunet.evaluation.slice_score import SliceScore
from afunet.evaluation.statistics import dice_by, estimates
from afunet.report.comparison import facts
from afunet.report.comparison.against import AgainstReference, Pair, against_reference
from afunet.report.comparison.hard_part import HardPart
from afunet.training.config import TrainingConfig, config_to_json
from afunet.workflows.contenders import Contender

Scores = Sequence[Sequence[SliceScore]]  # by seed, then by slice
Levels = Mapping[str, frozenset[int]]  # of the joint line, by case


def table_facts(
    title: str,
    contenders: Sequence[Contender],
    scores: Mapping[str, Scores],
    seconds: Mapping[str, float],
    lines: Levels,
) -> facts.TableFacts:
    """Return one table; `scores` and `seconds` per slice are keyed by the experiment's name."""
    reference = next((one for one in contenders if one.experiment.reference), None)
    against: dict[str, AgainstReference] = {}
    if reference is not None:
        pairs = {
            one.experiment.name: pair
            for one in contenders
            if one is not reference and (pair := _of_same_seeds(one, reference, scores))
        }
        against = dict(zip(pairs, against_reference(list(pairs.values())), strict=True))
    rows = tuple(
        _row(
            one,
            reference,
            scores[one.experiment.name],
            seconds[one.experiment.name],
            lines,
            against.get(one.experiment.name),
        )
        for one in contenders
    )
    return facts.TableFacts(title, reference.experiment.name if reference else None, rows)


def _of_same_seeds(ours: Contender, theirs: Contender, scores: Mapping[str, Scores]) -> Pair | None:
    """Return the scores of both for the seeds that both have; None if they share none.

    A classical method has no seed and is compared with all runs of the other.
    """
    own, others = scores[ours.experiment.name], scores[theirs.experiment.name]
    if not (ours.trained and theirs.trained):
        return own, others
    shared = [seed for seed in ours.seeds if seed in theirs.seeds]
    if not shared:
        return None
    return (
        [own[ours.seeds.index(seed)] for seed in shared],
        [others[theirs.seeds.index(seed)] for seed in shared],
    )


def differences(contender: Contender, reference: Contender | None) -> tuple[str, ...]:
    """Return how a network's training and windows differ from the reference's."""
    if reference is None or contender is reference or not (contender.trained and reference.trained):
        return ()
    assert contender.experiment.training is not None
    assert reference.experiment.training is not None
    ours, theirs = (
        {
            **_flat(one.experiment.training),
            "windows": one.window,
            "threshold": one.experiment.threshold,
        }
        for one in (contender, reference)
        if one.experiment.training is not None
    )
    keys = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
    return tuple(f"{key} = {ours.get(key, 'default')}" for key in keys)


def _flat(training: TrainingConfig) -> dict[str, object]:
    """Return the configuration with dotted keys, without the seed."""
    flat: dict[str, object] = {}
    for key, value in config_to_json(training).items():
        if isinstance(value, dict):
            flat |= {f"{key}.{inner}": entry for inner, entry in value.items()}
        elif key != "seed":
            flat[key] = value
    return flat


def _row(
    contender: Contender,
    reference: Contender | None,
    scores: Scores,
    seconds: float,
    lines: Levels,
    against: AgainstReference | None,
) -> facts.RowFacts:
    experiment = contender.experiment
    validations = [run.validation_dice for run in contender.runs]
    return facts.RowFacts(
        name=experiment.name,
        label=experiment.label,
        trained=contender.trained,
        seeds=contender.seeds,
        window=contender.window,
        differs=differences(contender, reference),
        scores=estimates(scores),
        hard=HardPart.of(scores, lines),
        cost=facts.CostFacts(
            parameters=contender.cost.parameters if contender.cost else None,
            gflops=contender.cost.gflops if contender.cost else None,
            seconds_per_slice=seconds,
        ),
        against=against,
        paper=experiment.paper,
        weights=tuple(run.weights for run in contender.runs if run.weights is not None),
        validation_dice=tuple(dice for dice in validations if dice is not None),
        case_dice={str(case): dice for (case,), dice in dice_by(scores, "case").items()},
    )
