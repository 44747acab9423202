"""What a slice costs in afunet and in other networks, on the same slices and cores.

    OMP_WAIT_POLICY=passive python -m benchmarks.peers --results peers.json \
        --scan "$AFUNET_DATA/legs-dicom/dicom" --label "$AFUNET_DATA/legs-dicom/label.nii.gz"

Needs the extra `bench` (`pip install -c constraints.txt 'afunet[bench]'`); rows whose package is
missing are named and left out. `--rows` chooses rows, `--results` keeps finished ones, so that a
long table can be made in pieces. Without `--scan` the slices are of a simulated knee. Each
`--weights NAME=FILE` is one more row of afunet. docs/measurements/peers.md says what the rows
assume. The networks of other authors have random weights, so they have no Dice.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch

from afunet.inference.engines.runtimes import RUNTIMES
from afunet.models.cores import threads
from afunet.models.network_file import load_network_file
from afunet.models.shipped import shipped_path
from benchmarks.bench import parser_of
from benchmarks.peers_parts import monai_networks, nnunet
from benchmarks.peers_parts.ours import chosen, in_runtime
from benchmarks.peers_parts.plans import Field, Plan
from benchmarks.peers_parts.scene import Scene, real_scene, simulated_scene
from benchmarks.peers_parts.table import Results, print_table
from benchmarks.peers_parts.work import Work, measure

SIZE_PX, PRODUCT = 512, 4096
LEGS = Field((200, 512, 512), (1.0, 0.8, 0.8))
KNEE = Field((200, 512, 512), (1.0, 0.4, 0.4))
PLAN_2D = Plan((512, 512))
PLANS_3D = {"3mm": Plan((112, 112, 128), 3.0), "1.5mm": Plan((128, 128, 128), 1.5)}
DEFAULT = "afunet"
BASES = {"of afunet's": DEFAULT, "of afunet's in torch": f"{DEFAULT}-torch"}


@dataclass(frozen=True, eq=False)
class Row:
    """A line of the table: what it says, how its work is made, and the package it needs."""

    label: str
    work: Callable[[Scene], Work]
    package: str = "afunet"
    sha256: str = ""


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rows", nargs="+", metavar="ROW")
    parser.add_argument("--weights", nargs="+", default=[], metavar="NAME=FILE")
    parser.add_argument("--scan", type=Path)
    parser.add_argument("--label", type=Path)
    parser.add_argument("--slices", type=int, default=3)
    parser.add_argument("--threads", type=int, default=threads())
    parser.add_argument("--results", type=Path)
    options = parser.parse_args(argv)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)  # as onnxruntime and OpenVINO read it
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    scene, rows = scene_of(options, parser), {**afunet_rows(options.weights), **peer_rows()}
    wanted = options.rows or list(rows)
    if unknown := set(wanted) - set(rows):
        parser.error(f"unknown rows {', '.join(sorted(unknown))}: choose from {', '.join(rows)}")
    results = Results.at(options.results, settings_of(options, scene))
    missing = [name for name in wanted if find_spec(rows[name].package) is None]
    for name in wanted:
        row, kept = rows[name], results.rows.get(name)
        if name not in missing and (kept is None or kept.sha256 != row.sha256):
            results.rows[name] = measure(row.work(scene), PRODUCT, row.sha256)
            results.save(options.results)
    print(scene.source)
    print(f"{scene.slices} slices of {SIZE_PX} x {SIZE_PX} px, {options.threads} threads")
    bases = {column: results.rows.get(name) for column, name in BASES.items()}
    print_table(results.rows, {name: row.label for name, row in rows.items()}, bases)
    print_patches()
    if missing:
        print(f"left out: {', '.join(missing)}: pip install -c constraints.txt 'afunet[bench]'")


def scene_of(options: Namespace, parser: ArgumentParser) -> Scene:
    if options.scan is None:
        return simulated_scene(options.slices, SIZE_PX)
    if options.label is None:
        parser.error("--scan needs --label, its true bone")
    return real_scene(options.scan, options.label, options.slices, SIZE_PX)


def settings_of(options: Namespace, scene: Scene) -> dict[str, object]:
    """What rows must share to stand in one table."""
    return {
        "slices": scene.slices,
        "digest": scene.digest,
        "threads": options.threads,
        "torch": torch.__version__,
    }


def afunet_rows(named: Sequence[str]) -> dict[str, Row]:
    """The shipped weights, then those given as NAME=FILE; each as chosen and in every runtime."""
    files = {name: Path(path) for name, path in (pair.split("=", 1) for pair in named)}
    rows: dict[str, Row] = {}
    for name, path in {DEFAULT: shipped_path(), **files}.items():
        file = load_network_file(path)
        rows[name] = Row(f"**{name}**", chosen(file), sha256=file.sha256)
        for runtime, library in RUNTIMES.items():
            if library.runs(file):
                work = in_runtime(file, runtime)
                row = Row(f"{name} in {runtime}", work, library.package, file.sha256)
                rows[f"{name}-{runtime}"] = row
    return rows


def peer_rows() -> dict[str, Row]:
    """Networks of other authors, the cheapest to run first."""
    rows = {
        "attention-unet-16": Row(
            "MONAI AttentionUnet, 16 to 256", monai_networks.attention_unet(16), "monai"
        ),
        "basic-unet": Row("MONAI BasicUNet", monai_networks.basic_unet, "monai"),
        "dynunet": Row(
            "MONAI DynUNet, nnU-Net's 2D plan", monai_networks.dyn_unet(PLAN_2D), "monai"
        ),
        "attention-unet-64": Row(
            "MONAI AttentionUnet, 64 to 1024", monai_networks.attention_unet(64), "monai"
        ),
    }
    for name, plan in {"2d": PLAN_2D, **PLANS_3D}.items():
        for mirrored in (False, True):
            row, said = (f"nnunet-{name}-mirrored", "on") if mirrored else (f"nnunet-{name}", "off")
            work = nnunet.predicted(plan, LEGS, mirrored=mirrored)
            rows[row] = Row(f"nnU-Net {name}, mirroring {said}", work, "nnunetv2")
    for name, plan in PLANS_3D.items():
        work = nnunet.resampled(plan, LEGS)
        rows[f"resampling-{name}"] = Row(
            f"nnU-Net's resampling to {name} and back", work, "nnunetv2"
        )
    return rows


def print_patches() -> None:
    """How many patches nnU-Net needs for two fields of view."""
    for said, field in (("both legs", LEGS), ("one knee", KNEE)):
        counts = ", ".join(f"{plan.patches(field)} at {name}" for name, plan in PLANS_3D.items())
        mm = " x ".join(f"{step:g}" for step in field.spacing_mm)
        print(f"patches for {said}, {field.shape[0]} slices of {mm} mm: {counts}")


if __name__ == "__main__":
    main()
