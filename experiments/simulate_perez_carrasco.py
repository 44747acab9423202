"""Simulated volumes laid out like Pérez-Carrasco's set: 27 volumes of 20 patients.

    .venv/bin/python -m experiments.simulate_perez_carrasco OUT \
        --limbs "$AFUNET_DATA/shapes-llp26/*.npz"

The set itself was not at hand; this shows that its protocol runs. Each patient is one limb shape,
each volume a stretch of it: `OUT/P01/V1/ct.nii.gz` and `label.nii.gz`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from afunet.formats.nifti import write_nifti
from afunet.phantom import SIMULATOR, Region, draw_leg, simulate
from afunet.workflows.phantom import limb_files
from benchmarks.bench import parser_of

PATIENTS, VOLUMES = 20, 27
REGIONS = tuple(Region)


def main(argv: Sequence[str] | None = None) -> None:
    """Write the volumes; patients 1 to 7 have two."""
    parser = parser_of(__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--limbs", required=True)
    parser.add_argument("--slices", type=int, default=10)
    parser.add_argument("--volumes", type=int, default=VOLUMES)
    options = parser.parse_args(argv)
    limbs = limb_files(options.limbs)
    for number in range(options.volumes):
        patient, volume = number % PATIENTS, number // PATIENTS + 1
        region = REGIONS[number % len(REGIONS)]
        shape = [limbs[patient % len(limbs)]]
        leg = simulate(draw_leg(60_000 + number, region, shape, slices=options.slices))
        folder = options.output / f"P{patient + 1:02d}" / f"V{volume}"
        folder.mkdir(parents=True, exist_ok=True)
        mask = leg.bones.foreground()
        write_nifti(leg.volume, folder / "ct.nii.gz", f"simulated CT, HU, {SIMULATOR}")
        write_nifti(mask, folder / "label.nii.gz", f"exact bone mask, {SIMULATOR}")
        print(folder, region, flush=True)


if __name__ == "__main__":
    main()
