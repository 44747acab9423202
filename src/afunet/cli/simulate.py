"""The commands `phantom` and `demo`: simulated scans with exact ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afunet.cli.options import Output, Weights
from afunet.errors import ExitCode
from afunet.plan import Step
from afunet.terminal.show import print_case, print_files, print_lines, print_missing
from afunet.terminal.work import Work

PLAN = (Step("simulating", share=1), Step("writing the leg", share=0.1))
SLICES_PLAN = (Step("simulating slices", share=1),)


def phantom(
    output: Output,
    seed: Annotated[int, typer.Option(help="Same seed, same leg.")] = 0,
    scan_format: Annotated[str, typer.Option("--format", help="dicom or nifti.")] = "dicom",
    fractured: Annotated[
        bool, typer.Option("--fractured", help="Break the tibia, or a bone of every training leg.")
    ] = False,
    metal: Annotated[bool, typer.Option("--metal", help="Put screws into the tibia.")] = False,
    joint_tissue: Annotated[
        bool,
        typer.Option(
            "--joint-tissue", help="Put dense tissue into the knees, or every training leg's joint."
        ),
    ] = False,
    random: Annotated[
        bool, typer.Option("--random", help="Draw the whole leg at random from the seed.")
    ] = False,
    bones: Annotated[
        Path | None,
        typer.Option(
            help="Use these bones: a folder of watertight meshes (LPS mm) or an LLP26 .npz."
        ),
    ] = None,
    slices: Annotated[
        int, typer.Option(help="Write this many random training slices instead of a scan.")
    ] = 0,
    limbs: Annotated[
        str | None,
        typer.Option(help="Training slices: pattern of LLP26 limb files, e.g. 'llp26/*.npz'."),
    ] = None,
    feet: Annotated[
        str | None,
        typer.Option(
            help="Training slices: pattern of files with feet for these limbs, e.g. vhf-legs.npz."
        ),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(
            help="Training slices: ankle, shank, knee, thigh, hip, trunk; may be repeated."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Training slices: train, val or test.")] = "train",
    *,
    work: Work,
) -> None:
    """Simulate the CT of a leg with exact labels of every bone and every fragment."""
    from afunet.workflows import phantom as workflow
    from afunet.workflows.own_files import removal_note

    work.follow(SLICES_PLAN if slices else PLAN)
    if slices:
        limb_files = workflow.limb_files(limbs) if limbs else []
        workflow.write_training_slices(
            output,
            slices,
            seed=seed,
            limb_files=limb_files,
            split=split,
            regions=workflow.regions_of(region or ()),
            fractured=fractured,
            joint_tissue=joint_tissue,
            foot_files=workflow.limb_files(feet, "--feet") if feet else [],
            watch=work.watch,
        )
        print_lines((f"{slices} slices in {output}",))
        print_lines(removal_note(output, "phantom"))
        return
    config = workflow.choose_leg(
        seed,
        fractured=fractured,
        metal=metal,
        random=random,
        bones=bones,
        joint_tissue=joint_tissue,
    )
    leg, files = workflow.write_phantom(
        config,
        output,
        workflow.scan_format_of(scan_format),
        watch=work.watch,
    )
    shape = " × ".join(map(str, reversed(leg.volume.shape)))
    print_lines((f"{shape} voxels; {', '.join(leg.bones.names.values())}",))
    answer = (files.scan, files.truth, files.bones, files.fragments)
    print_files(path for path in answer if path.exists())
    print_missing(files.not_written)
    print_lines(removal_note(output, "phantom"))
    if files.not_written:
        raise typer.Exit(ExitCode.INCOMPLETE)


def demo(output: Output = Path("demo"), weights: Weights = None, *, work: Work) -> None:
    """Simulate a knee with a displaced fracture, segment it, and compare with the ground truth."""
    from afunet.workflows.demo import PLAN
    from afunet.workflows.demo import demo as run
    from afunet.workflows.segment import SegmentOptions
    from afunet.workflows.segment_many import worst

    work.follow(PLAN)
    options = SegmentOptions(weights=weights)
    done = run(output, options, watch=work.watch)
    print_case(done.case.folder, done.case.report)
    print_lines((f"against the ground truth: Dice {done.dice:.4f}", f"{done.told_apart}"))
    print_files([done.picture])
    if code := worst([done.case]):
        raise typer.Exit(code)
