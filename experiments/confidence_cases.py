"""Cases whose bone is known, as the network left them: what the expected Dice is fitted on.

    .venv/bin/python -m experiments.confidence_cases CACHE --data "$AFUNET_DATA/knee" --knees val
    .venv/bin/python -m experiments.confidence_cases CACHE --seed 360000 --legs 33 \
        --limbs "$AFUNET_DATA/shapes-llp26/sample1*.npz"
    .venv/bin/python -m experiments.confidence_cases CACHE --dicom FOLDER LABEL
    .venv/bin/python -m experiments.confidence_cases CACHE --again OTHER_CACHE --weights NEW

Every case goes the way of `afunet segment` as far as the network, and is kept in CACHE as one npz,
so that measures of doubt can be tried without it. Simulated scans are 8 slices without gaps of
limbs that no training saw, all regions in turn; half of them as drawn for the training (casts,
metal, contrast, breaks among it), half with one odd thing more.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from glob import glob
from itertools import chain, count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afunet.formats.readers import read_labels, read_scan
from afunet.geometry import Volume
from afunet.inference.cleanup import CleanUpRules, clean_up
from afunet.inference.trust.evidence import Evidence
from afunet.inference.volume import Prediction
from afunet.phantom import (
    Cast,
    Grid,
    LegConfig,
    Region,
    axial_grid,
    draw_leg,
    simulate,
)
from afunet.preprocessing.grid import WorkingGrid
from afunet.preprocessing.orientation import Axial
from afunet.reconstruction.instances import split_instances
from benchmarks.bench import Network, parser_of
from benchmarks.trust_cases import middle_of, with_metal

SLICES = 8
LEG_MM, TRUNK_MM = 200.0, 395.0


@dataclass(frozen=True, eq=False)
class KnownCase:
    """A scan in HU, its true mask 0/1, and which slices have one; slices from the feet."""

    name: str
    patient: str
    kind: str
    scan: Volume
    truth: Volume
    labelled: NDArray[np.bool_]
    checked: NDArray[np.bool_]
    spacing_known: bool = True


@dataclass(frozen=True, eq=False)
class SeenCase:
    """A case with the network's answer."""

    case: KnownCase
    prediction: Prediction

    def evidence(self) -> Evidence:
        """Cleaned and split as `afunet segment` does."""
        rules = CleanUpRules()
        scan = self.prediction.scan
        mask, cleaned = clean_up(self.prediction.mask, scan, rules)
        return Evidence.of(
            self.prediction,
            mask,
            split_instances(scan.restored(mask)),
            cleaned,
            spacing_known=self.case.spacing_known,
        )


def knees(folder: Path, split: str) -> Iterator[KnownCase]:
    """Every knee of a split whole; its pixels' size is not known."""
    with (folder / "slices.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    for name in dict.fromkeys(row["case"] for row in rows):
        own = [row for row in rows if row["case"] == name]
        scan = read_scan(folder / name / "images")
        truth = np.zeros(scan.volume.shape, dtype=np.uint8)
        labelled, checked = (np.zeros(len(truth), dtype=np.bool_) for _ in range(2))
        for row in own:
            path, k = folder / name / "masks" / f"{int(row['slice']):02d}.png", int(row["slice"])
            if row["labelled"] == "1" and path.is_file():
                truth[k] = read_labels(path).voxels[0]
                labelled[k], checked[k] = True, row["status"] == "checked"
        yield KnownCase(
            name,
            own[0]["patient"],
            "knee",
            scan.volume,
            scan.volume.with_voxels(truth),
            labelled,
            checked,
            spacing_known=False,
        )


def dicom(folder: Path, label: Path) -> KnownCase:
    """A scan with a label file on its grid."""
    scan = read_scan(folder)
    truth = read_labels(label)
    every = np.ones(len(truth.voxels), dtype=np.bool_)
    return KnownCase(folder.name, folder.name, "DICOM", scan.volume, truth, every, every)


def simulated(first_seed: int, legs: int, limbs: Sequence[Path]) -> Iterator[KnownCase]:
    """Regions and kinds in turn, each leg of its own seed."""
    seeds, kinds = count(first_seed), list(KINDS)
    regions = list(Region)
    for number in range(legs):
        region = regions[number % len(regions)]
        kind = kinds[number // 2 % len(kinds)] if number % 2 else AS_DRAWN
        whole = region in (Region.HIP, Region.TRUNK)
        while True:
            config = draw_leg(next(seeds), region, limbs)
            if whole or len(config.anatomy.sides) == 1:
                break
        config = replace(config, grid=_grid(config, whole, kind == THICK))
        leg = simulate(KINDS[kind](config) if kind in KINDS else config)
        every = np.ones(SLICES, dtype=np.bool_)
        name = f"sim{config.seed}-{region}-{kind.replace(' ', '-')}"
        yield KnownCase(
            name, name, kind, leg.volume, leg.bones.foreground(), every, np.asarray(every)
        )


def _grid(config: LegConfig, trunk: bool, thick: bool) -> Grid:
    """Slices without gaps in the middle of what was drawn, all of the leg in the field."""
    rng = np.random.default_rng([config.seed, 6])
    x, y, z = middle_of(config.grid)
    pixel = float(rng.uniform(0.85, 0.95) if trunk else rng.uniform(0.5, 0.9))
    size = round((TRUNK_MM if trunk else LEG_MM) / pixel)
    step = float(rng.choice([5.0, 6.0] if thick else [1.0, 1.5, 2.0, 3.0]))
    return axial_grid((SLICES, size, size), pixel, step, (0.0 if trunk else x, y, z))


def _scanner(**changed: float) -> Callable[[LegConfig], LegConfig]:
    return lambda config: replace(config, scanner=replace(config.scanner, **changed))  # type: ignore[arg-type]


def _cast(config: LegConfig) -> LegConfig:
    cast = Cast(hu=800.0, gap_mm=7.0, thickness_mm=11.0, grain=0.1, unevenness=0.2)
    return replace(config, surroundings=replace(config.surroundings, cast=cast))


def _faint(config: LegConfig) -> LegConfig:
    """Hardly any mineral in the bones, the ends most of all."""
    bone = replace(config.bone, density=0.2, cortex=0.5, cortex_hu=950.0, end_loss=0.6)
    return replace(config, bone=bone)


AS_DRAWN, THICK = "as drawn", "thick slices"
KINDS: Mapping[str, Callable[[LegConfig], LegConfig]] = {
    "noise": _scanner(noise_hu=70.0),
    "metal": with_metal,
    THICK: _scanner(thickness_mm=6.0),
    "cast": _cast,
    "low dose": _scanner(noise_hu=110.0, streaks=3.0, grain_mm=1.4),
    "faint bone": _faint,
}


def see(case: KnownCase, network: Network, cache: Path) -> None:
    """Predict and keep in CACHE, once."""
    path = cache / f"{case.name}.npz"
    if path.is_file():
        return
    prediction = network.predict(case.scan, spacing_known=case.spacing_known)
    np.savez_compressed(
        path,
        name=case.name,
        patient=case.patient,
        kind=case.kind,
        hu=case.scan.voxels,
        affine=case.scan.affine,
        truth=case.truth.voxels,
        labelled=case.labelled,
        checked=case.checked,
        spacing_known=case.spacing_known,
        predicted=prediction.scan.restored(prediction.mask).voxels,
        probability=prediction.scan.restored(prediction.probability).voxels,
        grid=np.array([prediction.grid.native, prediction.grid.working]),
    )


def load(path: Path) -> SeenCase:
    """A case from CACHE."""
    kept = np.load(path)
    scan = Volume(kept["hu"], kept["affine"])
    case = KnownCase(
        str(kept["name"]),
        str(kept["patient"]),
        str(kept["kind"]),
        scan,
        scan.with_voxels(kept["truth"]),
        kept["labelled"],
        kept["checked"],
        bool(kept["spacing_known"]),
    )
    native, working = (tuple(int(v) for v in pair) for pair in kept["grid"])
    axial = Axial.of(scan)
    prediction = Prediction(
        axial,
        axial.turned(scan.with_voxels(kept["predicted"])),
        WorkingGrid(native, working),  # type: ignore[arg-type]
        (axial.turned(scan.with_voxels(kept["probability"])),),
    )
    return SeenCase(case, prediction)


def main(argv: Sequence[str] | None = None) -> None:
    """Predict and keep, telling names on the error stream."""
    parser = parser_of(__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--data", type=Path, help="the folder of the knees")
    parser.add_argument("--knees", choices=("val", "test"))
    parser.add_argument("--limbs")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--legs", type=int, default=0)
    parser.add_argument("--dicom", type=Path, nargs=2, metavar=("FOLDER", "LABEL"))
    parser.add_argument("--again", type=Path, help="a cache whose cases are predicted again")
    parser.add_argument("--weights", type=Path, help="those shipped where not given")
    options = parser.parse_args(argv)
    network = Network(options.weights)
    options.cache.mkdir(parents=True, exist_ok=True)
    cases: list[Iterator[KnownCase]] = []
    if options.knees:
        cases.append(knees(options.data, options.knees))
    if options.seed is not None:
        limbs = [Path(name) for name in sorted(glob(options.limbs))]
        cases.append(simulated(options.seed, options.legs, limbs))
    if options.dicom:
        cases.append(iter([dicom(*options.dicom)]))
    if options.again:
        cases.append(load(path).case for path in sorted(options.again.glob("*.npz")))
    for case in chain.from_iterable(cases):
        see(case, network, options.cache)
        print(case.name, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
