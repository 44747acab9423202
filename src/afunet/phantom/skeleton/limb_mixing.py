"""New limbs between those of a statistical shape model: the same vertices, other shapes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from afunet.errors import InputError
from afunet.phantom.shapes.arrays import Rng


def mix_limbs(paths: Sequence[Path], output: Path, rng: Rng, spread: float = 1.2) -> None:
    """Write a limb drawn from the normal distribution that LLP26 files span.

    Vertices are the mean of all files plus their deviations from it, each times a normal number
    of standard deviation `spread` / √(files − 1): with 1 new limbs differ as much as the files
    do. Corresponding vertices have the same number in all of them (Cootes et al. 1995). Raises
    `InputError` for fewer than three files and for files whose triangles differ.
    """
    if len(paths) < 3:
        raise InputError(
            f"{len(paths)} limbs: give three or more to draw others between them",
            code="TOO_FEW_LIMBS",
        )
    limbs = []
    for path in paths:
        with np.load(path) as arrays:
            limbs.append({name: arrays[name] for name in arrays if name.endswith(("_v", "_f"))})
    weights = rng.standard_normal(len(limbs)) * spread / np.sqrt(len(limbs) - 1)
    weights += (1 - weights.sum()) / len(limbs)
    mixed = {}
    for name, first in limbs[0].items():
        every = [limb.get(name) for limb in limbs]
        if any(one is None or one.shape != first.shape for one in every):
            raise InputError(
                f"{name} differs in shape between the limbs: give files of one model",
                code="LIMBS_DIFFER",
            )
        stacked = np.stack(every)  # type: ignore[arg-type]
        if name.endswith("_f"):
            if not (stacked == first).all():
                raise InputError(
                    f"{name} differs between the limbs: give files of one model",
                    code="LIMBS_DIFFER",
                )
            mixed[name] = first
        else:
            mixed[name] = np.tensordot(weights, stacked, axes=1)
    np.savez(output, **mixed)
