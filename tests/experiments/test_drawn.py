"""Whole passes over what was drawn, each in another order, the same whenever asked for."""

from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.drawn import Drawn, load_drawn
from experiments.train_bone_names import Places
from experiments.train_limb_sides import Windows


def test_a_pass_shows_every_row_once_and_the_next_in_another_order() -> None:
    drawn = Drawn((torch.arange(12),), [])
    first, second = (
        torch.cat([drawn.rows(step, 4)[0] for step in range(begin, begin + 3)]) for begin in (0, 3)
    )
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(12))
    assert first.tolist() != second.tolist()


def test_what_does_not_fill_a_batch_is_left_out_of_a_pass() -> None:
    drawn = Drawn((torch.arange(11),), [])
    shown = torch.cat([drawn.rows(step, 4)[0] for step in range(2)])
    assert len(set(shown.tolist())) == 8


def test_a_step_is_the_same_whenever_it_is_asked_for() -> None:
    found = torch.randn(10, 3).half()
    places = Places(Drawn((found, torch.arange(10), torch.ones(10).double()), []))
    again = places.batch(5, 4)
    others = places.batch(6, 4)
    for one, same, other in zip(places.batch(5, 4), again, others, strict=True):
        assert torch.equal(one, same)
        assert not torch.equal(one, other)


def test_a_windows_mirror_image_is_of_the_other_side() -> None:
    left = torch.tensor([1.0, 0.0] * 8)
    windows = torch.zeros(16, 2, 8, 8, 8)
    windows[..., :4] = left[:, None, None, None, None]  # bone fills the half that names its side
    windows[..., 4:] = 1 - left[:, None, None, None, None]
    shown, sides = Windows(Drawn((windows.half(), left), [])).batch(0, 16)
    middle = shown[..., :3].mean(dim=(1, 2, 3, 4))
    assert set(sides.tolist()) == {0.0, 1.0}
    assert len({(float(m), float(s)) for m, s in zip(middle, sides, strict=True)}) == 2


def test_files_of_a_folder_are_one_set_and_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="draw some"):
        load_drawn(tmp_path, ("left",))
    for number in range(2):
        np.savez(tmp_path / f"{number}.npz", left=np.full(3, number), limbs=["b", "a"])
    drawn = load_drawn(tmp_path, ("left",))
    assert len(drawn) == 6
    assert drawn.limbs == ["a", "b"]
