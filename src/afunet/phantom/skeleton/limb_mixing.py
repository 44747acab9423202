"""Drawing new limbs from those of a statistical shape model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from afunet.errors import InputError
from afunet.phantom.shapes.arrays import Rng


def mix_limbs(paths: Sequence[Path], output: Path, rng: Rng, spread: float = 1.2) -> None:
    """Write a limb drawn from the normal distribution that LLP26 files span.

    The vertices are the mean of all files plus the deviation of each file, multiplied by a normal
    random number of standard deviation `spread` / √(files − 1). With `spread` 1, new limbs vary as
    much as the files. Corresponding vertices have the same index in all files (Cootes et al.
    1995). Raises `InputError` for fewer than three files and for files whose triangles differ.
    """
    if len(paths) < 3:
        raise InputError(
            f"got {len(paths)} limb files, expected three or more: give more files",
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
                f"{name} is missing or has another shape in a file: give files of one model",
                code="LIMBS_DIFFER",
            )
        stacked = np.stack(every)  # type: ignore[arg-type]
        if name.endswith("_f"):
            if not (stacked == first).all():
                raise InputError(
                    f"{name} has different triangles in the files: give files of one model",
                    code="LIMBS_DIFFER",
                )
            mixed[name] = first
        else:
            mixed[name] = np.tensordot(weights, stacked, axes=1)
    np.savez(output, **mixed)
