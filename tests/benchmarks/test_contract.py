"""Every benchmark runs on tiny data and prints numbers where its page has numbers."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tests.tiny_sets import BROKEN_KNEE, Printed, simulate_only

from afunet.evaluation.surface import SURFACE_METRICS
from afunet.formats.nifti import write_nifti
from afunet.inference.cutting import Cutting
from afunet.inference.trust.flags import FLAGS
from afunet.phantom import SIMULATOR, Anatomy, Region, SimulatedLeg
from afunet.phantom.shapes.distance import Box
from afunet.phantom.skeleton.bones import Bone
from afunet.phantom.skeleton.build import build_bones
from afunet.phantom.views.limb_cuts import draw_cut
from benchmarks.peers_parts.plans import Plan
from benchmarks.runtimes import ways
from benchmarks.surface import STRAIGHT, Spacing
from benchmarks.trust_cases import EXPECTED

ROOT = Path(__file__).parents[2]
NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")
LIMBS = "shapes-llp26/*.npz"


@dataclass(frozen=True)
class Case:
    """How a benchmark is called, what is made smaller in it, and its tables' first column.

    Words of `arguments` in braces are paths of the `Place`.
    """

    arguments: str = ""
    smaller: dict[str, Any] = field(default_factory=dict)
    rows: Sequence[Sequence[str]] = ()
    lines: Sequence[str] = ()
    code: int | None = None


def coarse_bones(anatomy: Anatomy, seen: Box, seed: int) -> list[Bone]:
    """The same bones from surfaces a few millimetres fine."""
    return build_bones(replace(anatomy, surface_step_mm=4.0), seen, seed)


REGIONS = [str(region) for region in Region]
OURS = ["U-Net", "AFU-Net", "shipped weights"]
MASKS = ["exact mask", *(f"{name}, {how}" for name in OURS for how in ("raw", "cleaned"))]
CASES = {
    "bone_name_cuts": Case(
        "--sets simulated real fractures not-legs --cuts 2 --wrong",
        smaller={"draw_cut": partial(draw_cut, most_voxels=20_000)},
        lines=[r"### fractures\n\n\d+ pieces, \d+ named", r"001_left-hip, \d+ mm: pelvis left"],
    ),
    "bone_names": Case("--legs 1", rows=[[*REGIONS, "all"]]),
    "bone_names_knees": Case(
        smaller={"DOWNWARDS": {"left": "02"}, "UPWARDS": {}}, rows=[["3", "4", "5"]]
    ),
    "compress": Case(
        "{curve} --runs {folder} --knees {knee} --fractured {knee} --limbs {knee} "
        "--figure {out}.png",
        smaller={"PRODUCT": 64, "SIDE_PX": 64, "ROUNDS": 1},
        rows=[["passes bone through"]],
        lines=[r"one product of 64 × 64 matrices: \d+ ms", r"not made yet: pruned"],
    ),
    "context": Case(
        "{weights} 0.5,32 1.0,32 --limbs {limbs}",
        smaller={"LEGS": dict.fromkeys(Region, 1)},
        lines=[rf"{mm},32: ankle 0\.\d+.* trunk 0\.\d+; all 6 legs 0\.\d+" for mm in (0.5, 1.0)],
    ),
    "displacement": Case(
        "--legs 1 --moves 1",
        smaller={"fractured_leg": lambda seed: BROKEN_KNEE},
        rows=[
            ["3000 tibia left", *["001_left-hip"] * 4],
            ["simulated", "real, put apart", "real, cut, by the other side"],
        ],
    ),
    "false_bone": Case(
        "--weights {weights} --knees 1",
        smaller={"SHAPE": (16, 32, 32), "PIXEL_MM": 4.0, "STEP_MM": 5.0},
        rows=[["700000"], ["tophi", "all"]],
    ),
    "foreign_readers": Case(
        "--forms deflated",
        smaller={"shutil": SimpleNamespace(which=lambda program: None)},  # ITK is here always
        rows=[["deflated"]],
        code=0,
    ),
    "fragments": Case(
        "--legs 2 --predicted --weights {weights}",
        rows=[["2000", "2001"]],
        lines=[r"10 pieces, recall 0\.\d+, ", r"worst: 2000, 2001"],
    ),
    "fuzz_dicom": Case(
        "--inputs 8 --processes 1",
        smaller={"FORMS": ("plain",)},
        lines=[r"8 inputs, slowest \d\.\d+ s .* 0 findings", r"(read|refused|[A-Z_]+) \d"],
        code=0,
    ),
    "generalisation": Case(
        "tiny={weights} --limbs {limbs} --legs 1",
        rows=[["tiny"]],
        lines=[rf"tiny, simulated {region}: 0\.\d+; false bone \d+ mm²" for region in REGIONS],
    ),
    "corrections": Case(
        "{ct}", smaller={"SIZE": 64}, lines=[r"^rename: \d", r"^join", r"^erase", r"^paint"]
    ),
    "dark_lines": Case(
        "--legs 1 --every 400",
        rows=[["knee01", "all"]],
        lines=[r"16 simulated slices, \d+ line pixels in \d+ of bone: recall \d\.\d+, precision "],
    ),
    "gaps": Case(
        "--knees 1 --weights {weights}", smaller={"REACH_MM": 10.0}, rows=[["2000", "all"]]
    ),
    "holes": Case(
        "--unet {weights} --afunet {weights} --shipped {weights} --knees 1 --picture {out}.png",
        smaller={"PANEL_PX": (40, 40), "render_with_vtk": lambda *_: None},
        rows=[["2000"] * len(MASKS), MASKS],
        lines=[r"seed 2000 is in "],
    ),
    "measures": Case(
        "--pairs 1",
        smaller={"SHAPE": (8, 20, 20), "SPACINGS_MM": ((2.0, 0.7, 0.7),)},
        rows=[["2 × 0.7 × 0.7"] * len(SURFACE_METRICS)],
    ),
    "hours": Case(
        "{folder}/order.toml --slices 10 --crops 2 --steps 1 --tflops 1 --device cpu",
        rows=[["A"]],
        lines=[
            r"^\| A \| 3 \| 24 \|.*\| 0\.0 \| 0\.0 \|$",
            r"\b3 \w+: 0\.0 h",
        ],  # 6 steps of 4 crops
    ),
    "intact_bones": Case(
        "--bones 1 --limbs {limbs} --weights {weights}",
        rows=[["335000"]],
        lines=[r"\d of \d intact bones in pieces: \d by mask, \d by thickness, \d by network"],
    ),
    "memory": Case(
        "--slices 2 4 --folder {folder}",
        rows=[["2", "4"]],
        lines=[r"^-?\d+\.\d\d MB a slice$"],
    ),
    "node_load": Case(
        "--senders 2 --slices 5 --series 1 --day-slices 4 --weights {weights}",
        rows=[["2"], ["1"]],
        lines=[r"^the peer took 3 objects, 3 times$"],
    ),
    "odd_inputs": Case("{cases}", rows=[["21_torn"]], lines=[r"^0 not right"], code=0),
    "passes": Case("{weights} {knee} --limbs {limbs} --legs 1", rows=[[*map(str, Cutting)]] * 2),
    "peers": Case(
        "--weights afunet={weights} --threads 1 --slices 2 --rows afunet basic-unet dynunet",
        smaller={"SIZE_PX": 32, "PRODUCT": 64, "PLAN_2D": Plan((32, 32))},
        rows=[["**afunet**", "MONAI BasicUNet", "MONAI DynUNet, nnU-Net's 2D plan"]],
        lines=[r"^2 slices of 32 x 32 px", r"legs, .*: 4 at 3mm, 32 at 1\.5mm"],
    ),
    "pruning": Case(
        "{weights} --data {knee} --crop 32",
        smaller={"BATCHES": 1, "SHARES": (0.5,)},
        rows=[["0.5"]],
        lines=[r"whole network: Dice [01]\.\d+"],
    ),
    "real_fragments": Case(rows=[["001_left-hip"]], lines=[r"\d of 5 fragments found"]),
    "reconstruct": Case("--mask {mask} --runs 1", rows=[["afunet", "plain"]]),
    "runtimes": Case(
        "--sizes 64 96 --rounds 1 --product 128",
        rows=[[f"{name} {kind}" for name, kind in ways()]] * 2,
        lines=[r"### lean"],
    ),
    "segment": Case(
        "--slices 4 --weights {weights} --folder {folder}",
        lines=[
            r"network +\d+\.\d+ s/slice \(\d+ windows, \d+\.\d megapixels\)",
            r"network reaches \d+ GFLOP",
        ],
    ),
    "split_optimism": Case(
        "{weights} {weights} {knee} {knee}",
        lines=[r"12 slices of 2 patients", r"checked: .* lead \+0\.0000 \[\+0\.0000, \+0\.0000\]"],
    ),
    "landmarks": Case(lines=["0 of 2 bones measured"]),
    "landmark_truth": Case(
        "--limbs 0 --copies 2", lines=[r"^1 legs, 2 copies each, \d+ measures$"]
    ),
    "scale": Case(
        arguments="--scans 300 --workers 4 --rates 100 --measured 3",
        rows=[["queue", "claim", "renew", "finish"], ["4"]],
    ),
    "many_scans": Case(
        arguments="--scans 3 --broken 1 --kills 1",
        smaller={"SHORTEST_S": 1.0, "LONGEST_S": 2.0},
        lines=[r"^killed: the batch 1 times$"],
    ),
    "chaos": Case("--scans 2 --blows 1 --longest-s 4 --rows driver", rows=[["driver"]]),
    "serve": Case(
        "{ct} --kills 1 --users 2 --seconds 0.1 --upload-mib 2",
        rows=[
            [
                "page to first slice",
                "page to first mesh",
                "whole scan",
                "case",
                "mesh",
                "slab",
                "list",
                "3D Slicer's answer",
            ],
            ["1"],
        ],
        lines=[r"upload of 2 MiB: \d+\.\d s", r"4 queued jobs done, each once"],
    ),
    "startup": Case(
        "--runs 1",
        smaller={"CALLS": (("--version",), ("inspect", "nowhere"))},
        rows=[["python -c pass", "afunet --version", "afunet inspect nowhere"]],
    ),
    "surface": Case(
        smaller={
            "GRIDS": (Spacing((3.0, 3.0, 3.0), STRAIGHT),),
            "REFERENCE_MM": 2.5,
            "SAMPLES": 200,
            "build_bones": coarse_bones,
        },
        rows=[["3 × 3 × 3"] * 3],
    ),
    "threshold": Case(
        "{weights} {knee} --status checked",
        lines=[r"0\.20: Dice 0\.\d+, recall 0\.\d+, precision 0\.\d+", r"0\.55: Dice 0\.\d+"],
    ),
    "train": Case(
        "--config {root}/experiments/base.toml --rounds 1 --copies 1 --width 4 --device cpu",
        lines=[r"whole step +\d+\.\d ms, \d+\.\d crops/s", r"outside the network: \d+\.\d%"],
    ),
    "trust": Case(
        "--limbs {limbs} --weights {weights} --legs 1 --clean 1",
        rows=[list(EXPECTED), [*FLAGS, "any warning"], ["clean", "all cases"]],
        lines=[r"\d+ of \d+ slices have a true Dice below 0\.95: \d+ of them are expected below"],
    ),
    "windows": Case("{weights} {knee}", lines=[r"512 px: Dice 0\.\d+, worst case 0\.\d+"]),
}
SIMULATED = {
    "bone_name_cuts",
    "bone_names",
    "context",
    "dark_lines",
    "displacement",
    "false_bone",
    "fragments",
    "gaps",
    "generalisation",
    "holes",
    "hours",
    "intact_bones",
    "memory",
    "passes",
    "peers",
    "reconstruct",
    "segment",
    "surface",
    "train",
    "trust",
}
"""What they print depends on how legs are drawn."""


def test_every_benchmark_is_here() -> None:
    scripts = {
        path.stem for path in (ROOT / "benchmarks").glob("*.py") if "def main(" in path.read_text()
    }
    assert scripts == set(CASES)


@pytest.fixture
def places(tiny: Path, weights: Path, leg: SimulatedLeg, tmp_path: Path) -> dict[str, Path]:
    """What `Case.arguments` may name."""
    cases, mask = tmp_path / "cases", tmp_path / "mask.nii.gz"
    (tmp_path / "row.toml").write_text(
        "options = { width = 4 }\nsteps = 6\nbatch_size = 4\ncrop = { size_px = 32 }\n"
        "[[data]]\npath = 'knee'\n[experiment]\nlabel = 'A'\ntable = 'T'\n"
    )
    (tmp_path / "order.toml").write_text("rows = ['row.toml']\nseeds = [1, 2, 3]\n")
    cases.mkdir()
    (cases / "21_torn.py").write_text(
        "import pathlib, sys\n"
        "pathlib.Path(sys.argv[1], 'ct.nii.gz').write_bytes(b'\\x1f\\x8b torn')\n"
    )
    write_nifti(leg.bones.foreground(), mask, "exact bone")
    write_nifti(leg.volume, tmp_path / "ct.nii.gz")
    curve = tmp_path / "curve.toml"
    curve.write_text(
        f'[[point]]\nname = "whole"\nlabel = "passes bone through"\nof = "{weights}"\n'
        '[[point]]\nname = "pruned"\nlabel = "half of it"\nmethod = "prune"\nrecipe = "none.toml"\n'
    )
    return {
        "ct": tmp_path / "ct.nii.gz",
        "curve": curve,
        "weights": weights,
        "limbs": tiny / LIMBS,
        "knee": tiny / "knee",
        "cases": cases,
        "mask": mask,
        "folder": tmp_path,
        "out": tmp_path / "out",
        "root": ROOT,
    }


@pytest.fixture
def here(
    monkeypatch: pytest.MonkeyPatch, small_pictures: None, run_afunet: Callable[..., Any]
) -> None:
    """What benchmarks start as processes of their own runs in this one, and briefly."""
    from benchmarks import memory, reconstruct, segment, train

    def alone(way: str, mask: Path) -> dict[str, float]:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            reconstruct.measured(way, mask)
        return dict(json.loads(printed.getvalue().splitlines()[-1]))

    def peak(*_: object) -> float:
        return 1e3

    monkeypatch.setattr(memory, "alone", memory.segmented)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # peers sets it
    monkeypatch.setattr(reconstruct, "alone", alone)
    afunet = SimpleNamespace(run=lambda command, **_: run_afunet(*command[3:]), DEVNULL=None)
    monkeypatch.setattr(segment, "subprocess", afunet)
    for module in (segment, train):
        monkeypatch.setattr(module, "matmul_peak", peak)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("here")
def test_it_prints_its_numbers(
    name: str,
    places: dict[str, Path],
    leg: SimulatedLeg,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module, case = import_module(f"benchmarks.{name}"), CASES[name]
    simulate_only(leg, monkeypatch)
    for constant, value in case.smaller.items():
        monkeypatch.setattr(module, constant, value)
    arguments = case.arguments.format_map(places).split()
    assert code_of(module, arguments) == case.code
    printed = Printed(capsys.readouterr().out)
    for table in printed.tables:
        assert all(NUMBER.match(cell) for cell in table.numbers()), table
    assert (SIMULATOR in printed.text.splitlines()) == (name in SIMULATED)
    if case.rows:
        assert [[row[0] for row in table.rows] for table in printed.tables] == case.rows
    for line in case.lines:
        assert re.search(line, printed.text, re.MULTILINE), line
    assert case.lines or any(table.rows for table in printed.tables)


def code_of(module: ModuleType, arguments: list[str]) -> int | None:
    """What it returns or exits with."""
    try:
        return module.main(arguments)  # type: ignore[no-any-return]
    except SystemExit as stopped:
        return int(stopped.code or 0)
