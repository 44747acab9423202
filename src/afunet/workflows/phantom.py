"""Simulated legs: one as a scan with exact labels, or many slices for training."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from glob import glob
from pathlib import Path

from PIL import Image

from afunet.data.cases import SPLITS
from afunet.errors import ConfigError, InputError
from afunet.formats.label_names import LABEL_NAMES
from afunet.formats.nifti import write_nifti
from afunet.geometry import Volume
from afunet.phantom import (
    SIMULATOR,
    VERSION,
    LegConfig,
    Region,
    SimulatedLeg,
    draw_leg,
    simulate,
    training_slices,
)
from afunet.phantom.dicom import write_dicom_series
from afunet.phantom.drawing.damage import BROKEN
from afunet.phantom.drawing.examples import (
    KNEE_GRID,
    clean_knee,
    fractured_knee,
    leg_of_meshes,
    whole_limb,
    with_joint_tissue,
    with_screws,
)
from afunet.preprocessing import BONE_WINDOW
from afunet.report.not_written import NotWritten
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.attempts import Attempts, WrittenResults
from afunet.workflows.staging import check_writable, staged_folder

BONES, FRAGMENTS, MASK = "bones.nii.gz", "fragments.nii.gz", "truth.nii.gz"
WRITING = "writing the leg"


class ScanFormat(StrEnum):
    """How the simulated scan is written."""

    DICOM = "dicom"
    NIFTI = "nifti"


@dataclass(frozen=True)
class PhantomFiles:
    """The files of the scan and its ground truth: 0/1 mask, labels of bones and of fragments.

    `not_written` lists the missing ones.
    """

    scan: Path
    truth: Path
    bones: Path
    fragments: Path
    not_written: tuple[NotWritten, ...] = ()


def write_phantom(
    config: LegConfig,
    folder: Path,
    scan_format: ScanFormat = ScanFormat.DICOM,
    *,
    watch: Watch = UNWATCHED,
) -> tuple[SimulatedLeg, PhantomFiles]:
    """Simulate a leg and write scan, labels and their names; the same config gives the same files.

    A file that cannot be written is listed in `not_written`; the others are still written. Raises
    `OutputError` if none can be written.
    """
    check_writable(folder, "phantom")
    leg = simulate(config, watch=watch)
    scan = "dicom" if scan_format is ScanFormat.DICOM else "ct.nii.gz"
    attempts = Attempts()
    with staged_folder(folder, "phantom") as stage:
        written = WrittenResults(stage, attempts)
        listed = _results(leg, scan, config.seed)
        for done, (what, write) in enumerate(listed.items()):
            watch.tell(WRITING, done, len(listed))
            written.write(what, write)
        written.write_stacks()
        written.require_any()
        watch.tell(WRITING, len(listed), len(listed))
    return leg, PhantomFiles(
        folder / scan,
        folder / MASK,
        folder / BONES,
        folder / FRAGMENTS,
        tuple(attempts.missing),
    )


def _results(leg: SimulatedLeg, scan: str, seed: int) -> dict[str, Callable[[Path], Sequence[str]]]:
    """Return the writers of a leg's files by result; each returns the names of its files."""

    def series(folder: Path) -> list[str]:
        paths = write_dicom_series(leg.volume, folder / scan, seed=seed)
        return [f"{scan}/{path.name}" for path in paths]

    def volume(volume: Volume, name: str, description: str, folder: Path) -> list[str]:
        write_nifti(volume, folder / name, f"{description}, {SIMULATOR}")
        return [name]

    def names(folder: Path) -> list[str]:
        known: dict[str, object] = {"simulator": {"version": VERSION, "seed": seed}}
        known |= {"bones": leg.bones.names, "fragments": leg.fragments.names}
        (folder / LABEL_NAMES).write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
        return [LABEL_NAMES]

    of_labels = "exact labels"
    image = partial(volume, leg.volume, scan, "simulated CT, HU")
    return {
        scan: series if scan == "dicom" else image,
        MASK: partial(volume, leg.bones.foreground(), MASK, "exact bone mask"),
        BONES: partial(volume, leg.bones.volume, BONES, of_labels),
        FRAGMENTS: partial(volume, leg.fragments.volume, FRAGMENTS, of_labels),
        LABEL_NAMES: names,
    }


def write_training_slices(
    folder: Path,
    count: int,
    *,
    seed: int = 0,
    limb_files: Sequence[Path] = (),
    split: str = "train",
    per_leg: int = 12,
    regions: Sequence[Region] = (),
    fractured: bool = False,
    joint_tissue: bool = False,
    foot_files: Sequence[Path] = (),
    watch: Watch = UNWATCHED,
) -> None:
    """Write simulated slices in the layout of docs/data.md; each leg is one case of one patient.

    `regions` are taken in turn and need limb files; if none is named, they are drawn at random.
    With `fractured` every leg is broken, except a trunk. With `joint_tissue` every knee, hip and
    ankle holds dense tissue. `foot_files` give the legs of the limb files feet.
    """
    if split not in SPLITS or count < 1:
        raise ConfigError(f"cannot write {count} slices of split {split!r}: splits are {SPLITS}")
    if regions and not limb_files:
        raise ConfigError(
            "--region needs the bones of LLP26 files: give --limbs, or leave out --region",
            code="OPTIONS_CLASH",
        )
    if foot_files and not limb_files:
        raise ConfigError(
            "--feet needs the legs of LLP26 files: give --limbs, or leave out --feet",
            code="OPTIONS_CLASH",
        )
    check_writable(folder, "phantom")
    rows = []
    with staged_folder(folder, "phantom") as stage:
        levels: dict[str, int] = {}
        for item in training_slices(
            seed,
            count,
            limb_files,
            per_leg=per_leg,
            regions=regions,
            broken=1.0 if fractured else BROKEN,
            joint_tissue=1.0 if joint_tissue else None,
            foot_files=foot_files,
            watch=watch,
        ):
            case = f"sim{item.seed:05d}"
            level = levels[case] = levels.get(case, -1) + 1
            for kind, pixels in (("images", BONE_WINDOW.to_grey(item.hu)), ("masks", item.mask)):
                path = stage / case / kind / f"{level:02d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
            rows.append([case, case, level, split, "exact", 1, f"{item.spacing_mm:.4f}", VERSION])
            watch.tell("simulating slices", len(rows), count)
        with (stage / "slices.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(
                [
                    "case",
                    "patient",
                    "slice",
                    "split",
                    "status",
                    "labelled",
                    "spacing_mm",
                    "simulator",
                ]
            )
            writer.writerows(rows)


def scan_format_of(name: str) -> ScanFormat:
    """Return a `ScanFormat` by its name; raise `ConfigError` for others."""
    if name not in list(ScanFormat):
        raise ConfigError(f"unknown scan format {name!r}: choose from {', '.join(ScanFormat)}")
    return ScanFormat(name)


def regions_of(names: Sequence[str]) -> list[Region]:
    """Return regions by their names; raise `ConfigError` for others."""
    for name in names:
        if name not in list(Region):
            raise ConfigError(f"unknown region {name!r}: choose from {', '.join(Region)}")
    return [Region(name) for name in names]


def choose_leg(
    seed: int,
    *,
    fractured: bool = False,
    metal: bool = False,
    random: bool = False,
    bones: Path | None = None,
    joint_tissue: bool = False,
) -> LegConfig:
    """Return a leg to simulate: an intact or fractured knee, a random leg, or a leg of own bones.

    `metal` puts screws into the tibia of the knee. `bones` is a folder of watertight meshes in LPS
    mm or an LLP26 limb file (.npz). `joint_tissue` puts dense tissue into the knees.
    """
    if random + (fractured or metal) + (bones is not None) > 1:
        raise ConfigError(
            "options clash: choose --random, or --fractured and --metal, or --bones",
            code="OPTIONS_CLASH",
        )
    if random:
        return draw_leg(seed, grid=KNEE_GRID, joint_tissue=1.0 if joint_tissue else None)
    config = _example(seed, fractured=fractured, metal=metal, bones=bones)
    return with_joint_tissue(config) if joint_tissue else config


def _example(seed: int, *, fractured: bool, metal: bool, bones: Path | None) -> LegConfig:
    config = fractured_knee(seed) if fractured else clean_knee(seed)
    if bones is None:
        return with_screws(config) if metal else config
    return whole_limb(bones, seed) if bones.suffix == ".npz" else leg_of_meshes(bones, seed)


def limb_files(pattern: str, option: str = "--limbs") -> list[Path]:
    """Return the files that match a shell-like pattern; raise `InputError` if none does."""
    found = sorted(Path(name) for name in glob(pattern))
    if not found:
        raise InputError(f"no file matches {pattern!r}: check {option}", code="NO_SUCH_PATH")
    return found
