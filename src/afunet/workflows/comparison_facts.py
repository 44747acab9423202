"""From scored slices to what a comparison says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean

from afunet.data.slices import LabelledSlice
from afunet.evaluation.joint_line import joint_level, joint_line
from afunet.evaluation.overlap import METRICS
from afunet.evaluation.published import PublishedScores
from afunet.evaluation.slice_score import SliceScore
from afunet.evaluation.statistics import (
    PairedTest,
    dice_by,
    difference,
    estimates,
    holm,
    paired_wilcoxon,
)
from afunet.report import comparison_facts as facts
from afunet.training.config import TrainingConfig, config_to_json
from afunet.workflows.contenders import Contender

Scores = Sequence[Sequence[SliceScore]]  # by seed, then by slice
Levels = Mapping[str, frozenset[int]]  # of the joint line, by case


def bone_areas(slices: Sequence[LabelledSlice]) -> dict[str, dict[int, int]]:
    """Pixels of true bone by case and level."""
    areas: dict[str, dict[int, int]] = {}
    for item in slices:
        areas.setdefault(item.record.case, {})[item.record.level] = int((item.mask > 0).sum())
    return areas


def joint_lines(areas: Mapping[str, Mapping[int, int]]) -> dict[str, frozenset[int]]:
    """The joint-line levels of each case."""
    return {case: joint_line(levels) for case, levels in areas.items()}


def data_facts(
    folder: str,
    split: str,
    status: str | None,
    chosen: Sequence[LabelledSlice],
    areas: Mapping[str, Mapping[int, int]],
) -> facts.DataFacts:
    """What was judged."""
    lines = joint_lines(areas)
    cases = sorted({item.record.case for item in chosen})
    return facts.DataFacts(
        folder=folder,
        split=split,
        status=f"only those marked `{status}`" if status else "all that are labelled",
        slices=len(chosen),
        cases=len(cases),
        patients=len({item.record.patient for item in chosen}),
        slices_without_bone=sum(not item.mask.any() for item in chosen),
        joint_line_slices=sum(item.record.level in lines[item.record.case] for item in chosen),
        joint_levels={case: joint_level(areas[case]) for case in cases},
    )


def table_facts(
    title: str,
    contenders: Sequence[Contender],
    scores: Mapping[str, Scores],
    seconds: Mapping[str, float],
    lines: Levels,
) -> facts.TableFacts:
    """One table; `scores` and `seconds` per slice by the experiment's name."""
    reference = next((one for one in contenders if one.experiment.reference), None)
    others = [one for one in contenders if reference is not None and one is not reference]
    against: dict[str, facts.AgainstReference] = {}
    if reference is not None and others:
        names = [one.experiment.name for one in others]
        found = _against([scores[name] for name in names], scores[reference.experiment.name])
        against = dict(zip(names, found, strict=True))
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


def differences(contender: Contender, reference: Contender | None) -> tuple[str, ...]:
    """What in a network's training and windows is not as in the reference's."""
    if reference is None or contender is reference or not (contender.trained and reference.trained):
        return ()
    assert contender.experiment.training is not None
    assert reference.experiment.training is not None
    ours, theirs = (
        {**_flat(one.experiment.training), "windows": one.window}
        for one in (contender, reference)
        if one.experiment.training is not None
    )
    keys = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
    return tuple(f"{key} = {ours.get(key, 'default')}" for key in keys)


def _flat(training: TrainingConfig) -> dict[str, object]:
    """The configuration with dotted keys, without the seed."""
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
    against: facts.AgainstReference | None,
) -> facts.RowFacts:
    experiment = contender.experiment
    validations = [run.validation_dice for run in contender.runs]
    return facts.RowFacts(
        name=experiment.name,
        label=experiment.label,
        trained=contender.trained,
        seeds=experiment.seeds,
        window=contender.window,
        differs=differences(contender, reference),
        scores={
            way: {
                metric: facts.EstimateFacts(**asdict(estimate))
                for metric, estimate in by_metric.items()
            }
            for way, by_metric in estimates(scores).items()
        },
        hard=_hard_part(scores, lines),
        cost=facts.CostFacts(
            parameters=contender.cost.parameters if contender.cost else None,
            gflops=contender.cost.gflops if contender.cost else None,
            seconds_per_slice=seconds,
        ),
        against=against,
        paper=_paper(experiment.paper),
        validation_dice=tuple(dice for dice in validations if dice is not None),
        case_dice={str(case): dice for (case,), dice in dice_by(scores, "case").items()},
    )


def _paper(scores: PublishedScores | None) -> facts.PaperFacts | None:
    if scores is None:
        return None
    return facts.PaperFacts(
        **asdict(scores), pooled_iou=scores.pooled_iou, pooled_dice=scores.pooled_dice
    )


def _hard_part(scores: Scores, lines: Levels) -> facts.HardPartFacts:
    bony = [one for seed in scores for one in seed if one.has_bone]
    empty = [one for seed in scores for one in seed if not one.has_bone]
    seeds = len(scores)

    def mean_dice(at_joint_line: bool) -> float | None:
        chosen = [one for one in bony if (one.level in lines[one.case]) == at_joint_line]
        return fmean(METRICS["dice"](one.counts) for one in chosen) if chosen else None

    return facts.HardPartFacts(
        joint_line_dice=mean_dice(True),
        elsewhere_dice=mean_dice(False),
        small_pieces=sum(one.small_pieces for one in scores[0]),
        small_found=sum(one.small_found for one in bony) / seeds,
        stray_px=fmean(one.stray_px for seed in scores for one in seed),
        false_bone_px=fmean(one.stray_px for one in empty) if empty else None,
    )


def _against(rows: Sequence[Scores], reference: Scores) -> list[facts.AgainstReference]:
    """Differences and tests of every row against the reference, corrected over the rows."""
    by_unit: dict[str, list[facts.PairedTestFacts]] = {}
    for unit in facts.UNITS:
        theirs = dice_by(reference, unit)
        tests = [paired_wilcoxon(dice_by(row, unit), theirs) for row in rows]
        adjusted = holm([test.p for test in tests])
        by_unit[unit] = [_test(test, p) for test, p in zip(tests, adjusted, strict=True)]
    return [
        facts.AgainstReference(
            facts.EstimateFacts(**asdict(difference(row, reference))),
            {unit: tests[place] for unit, tests in by_unit.items()},
        )
        for place, row in enumerate(rows)
    ]


def _test(test: PairedTest, holm_p: float) -> facts.PairedTestFacts:
    return facts.PairedTestFacts(test.pairs, test.p, holm_p, test.smallest_p)
