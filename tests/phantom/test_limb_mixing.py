"""Limbs drawn between others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import InputError
from afunet.phantom.skeleton.limb_mixing import mix_limbs

FACES = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]])


def _files(folder: Path, count: int) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = []
    for number in range(count):
        vertices = np.arange(12.0).reshape(4, 3) + rng.normal(0, [[1, 2, 3]], (4, 3))
        paths.append(folder / f"limb{number}.npz")
        np.savez(paths[-1], femur_l_v=vertices, femur_l_f=FACES, score=np.zeros(1))
    return paths


def test_mixed_limbs_have_the_mean_and_the_spread_of_the_files(tmp_path: Path) -> None:
    paths = _files(tmp_path, 6)
    given = np.stack([np.load(path)["femur_l_v"] for path in paths])
    drawn = []
    for seed in range(600):
        mix_limbs(paths, tmp_path / "mixed.npz", np.random.default_rng(seed), spread=1.0)
        drawn.append(np.load(tmp_path / "mixed.npz")["femur_l_v"])
    found = np.stack(drawn)
    assert np.abs(found.mean(axis=0) - given.mean(axis=0)).max() < 0.4
    assert found.std(axis=0) == pytest.approx(given.std(axis=0, ddof=1), rel=0.15)


def test_mixed_limbs_keep_the_triangles_and_nothing_else(tmp_path: Path) -> None:
    mix_limbs(_files(tmp_path, 4), tmp_path / "mixed.npz", np.random.default_rng(1))
    with np.load(tmp_path / "mixed.npz") as arrays:
        assert sorted(arrays) == ["femur_l_f", "femur_l_v"]
        assert (arrays["femur_l_f"] == FACES).all()


def test_two_files_or_files_of_two_models_are_refused(tmp_path: Path) -> None:
    paths, rng = _files(tmp_path, 4), np.random.default_rng(1)
    with refused(InputError, "TOO_FEW_LIMBS", 2):
        mix_limbs(paths[:2], tmp_path / "mixed.npz", rng)
    np.savez(paths[0], femur_l_v=np.zeros((5, 3)), femur_l_f=FACES)
    with refused(InputError, "LIMBS_DIFFER", "femur_l_v"):
        mix_limbs(paths, tmp_path / "mixed.npz", rng)
    np.savez(paths[0], femur_l_v=np.zeros((4, 3)), femur_l_f=FACES[::-1])
    with refused(InputError, "LIMBS_DIFFER", "femur_l_f"):
        mix_limbs(paths, tmp_path / "mixed.npz", rng)
    assert not (tmp_path / "mixed.npz").exists()
