"""The command `evaluate`: how well masks agree with the ground truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from afunet.cli.options import Device, Runtime, Weights
from afunet.errors import ConfigError, ExitCode
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.runtime_choice import RuntimeChoice
from afunet.plan import Step
from afunet.terminal.messages import print_failure
from afunet.terminal.show import print_files, print_lines, print_table
from afunet.terminal.work import Work

PLAN = (Step("evaluating", share=1),)


def evaluate(
    predictions: Annotated[
        list[Path] | None,
        typer.Argument(help="Predicted masks, in the order of --truth, or a folder of them."),
    ] = None,
    truth: Annotated[
        list[Path] | None,
        typer.Option(help="Ground truth; may be repeated. Or a folder, paired by file name."),
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option(
            help="JSON with a name for each label; default: labels.json beside the truth."
        ),
    ] = None,
    fragments: Annotated[
        bool, typer.Option("--fragments", help="Labels are pieces: match them to true pieces.")
    ] = False,
    smallest_mm3: Annotated[
        float, typer.Option(help="With --fragments: ignore pieces smaller than this.")
    ] = 50.0,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Instead of --truth: a store or slice folder to run the network on, or whose "
            "exported cases were predicted."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="With --data: train, val or test.")] = "val",
    status: Annotated[
        str | None, typer.Option(help="With --data: only slices of this status, e.g. checked.")
    ] = None,
    landmarks: Annotated[
        Path | None,
        typer.Option(
            help="Instead of masks: raters' landmarks (JSON), compared with a measures.json."
        ),
    ] = None,
    weights: Weights = None,
    device: Device = DeviceChoice.AUTO,
    runtime: Runtime = RuntimeChoice.AUTO,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write all scores to a .json or .csv file."),
    ] = None,
    *,
    work: Work,
) -> None:
    """Compare masks with the ground truth: Dice, IoU, recall, precision, NSD, HD95 and ASSD.

    Scores are given by case, by bone and by fragment, distances in mm. Label maps with several
    labels are also compared label by label. If a pair cannot be compared, the others are still
    compared, and the exit code is 1.

    For example:

    - `afunet evaluate out/mask.nii.gz --truth label.nii.gz`
    - `afunet evaluate predictions/ --truth labels/ -o scores.csv`
    - `afunet evaluate out/instances.nii.gz --truth leg/fragments.nii.gz --fragments`
    - `afunet evaluate --data knee --split val`
    - `afunet evaluate predictions/ --data store --split test`
    - `afunet evaluate legs/measures.json --landmarks raters.json`
    """
    from afunet.cli.evaluation_tables import findings_of, notes_of, tables_of
    from afunet.workflows.evaluate import (
        evaluate_masks,
        evaluate_network,
        evaluate_predictions,
    )
    from afunet.workflows.evaluated_pairs import pair_up
    from afunet.workflows.evaluation_files import require_writable_kind, write_evaluation

    if landmarks is not None and (truth or data is not None):
        raise ConfigError(
            "--landmarks is the truth: give it with one measures.json, without --truth and --data",
            code="OPTIONS_CLASH",
        )
    if landmarks is None and data is None and not predictions:
        raise ConfigError(
            "give predicted masks with --truth, or a slice folder with --data", code="NOTHING_GIVEN"
        )
    if data is not None and (truth or len(predictions or ()) > 1):
        raise ConfigError(
            "--data is the truth: give it with one folder of predicted masks, or alone",
            code="OPTIONS_CLASH",
        )
    if not 0 <= smallest_mm3 < float("inf"):
        raise ConfigError(f"--smallest-mm3 must be 0 or more, got {smallest_mm3}")
    if output is not None:
        require_writable_kind(output)
    work.follow(PLAN)
    if landmarks is not None:
        _print_landmarks(predictions or [], landmarks, output)
        return
    if data is not None and predictions:
        result = evaluate_predictions(predictions[0], data, split, status=status, watch=work.watch)
    elif data is not None:
        result = evaluate_network(
            data,
            split,
            weights=weights,
            status=status,
            device=device,
            runtime=runtime,
            watch=work.watch,
        )
    else:
        pairs, alone = pair_up(predictions or [], truth or [], fragments=fragments)
        result = evaluate_masks(
            pairs,
            names=names,
            fragments=fragments,
            smallest_mm3=smallest_mm3,
            watch=work.watch,
        )
        result = replace(result, failed=(*alone, *result.failed))
    for table in tables_of(result):
        print_table(table)
    print_lines(notes_of(result))
    print_lines(findings_of(result))
    if output is not None:
        write_evaluation(result, output)
        print_files((output,))
    for case in result.failed:
        print_failure(f"{case.name}: {case.reason}", case.code)
    if result.failed:
        raise typer.Exit(ExitCode.REFUSED)


def _print_landmarks(predictions: list[Path], truth: Path, output: Path | None) -> None:
    from afunet.cli.evaluation_tables import landmark_table
    from afunet.workflows.evaluate_landmarks import evaluate_landmarks, write_landmark_scores

    if len(predictions) != 1:
        raise ConfigError(
            f"--landmarks needs one measures.json, got {len(predictions)} files",
            code="NOTHING_GIVEN",
        )
    scores = evaluate_landmarks(predictions[0], truth)
    print_table(landmark_table(scores))
    if output is not None:
        write_landmark_scores(scores, output)
        print_files((output,))
