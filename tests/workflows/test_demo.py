import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.refusals import refused

from afunet.errors import Cancelled, CheckpointError
from afunet.evaluation.fragments import match_fragments
from afunet.formats.readers import read_labels
from afunet.geometry import LabelMap, Volume
from afunet.phantom import LegConfig
from afunet.report.palette import colour_of
from afunet.report.surfaces.coloured_mesh import ColouredMesh
from afunet.report.surfaces.scene import Renderer, Scene
from afunet.watch import CancelToken, Watch
from afunet.workflows import demo as module
from afunet.workflows import demo_picture
from afunet.workflows.demo import ToldApart, demo, told_apart
from afunet.workflows.demo_picture import FRAGMENTS_PICTURE, NO_MATCH, fragments_picture
from afunet.workflows.segment import SegmentOptions

pytestmark = pytest.mark.usefixtures("small_pictures")


def test_the_demo_simulates_segments_and_compares(
    tiny_leg: LegConfig, weights: Path, tmp_path: Path
) -> None:
    done = demo(tmp_path / "demo", SegmentOptions(weights=weights), tiny_leg)
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {
        "phantom",
        "result",
        FRAGMENTS_PICTURE,
    }
    assert done.scan == tmp_path / "demo" / "phantom" / "dicom"
    assert done.case.folder == tmp_path / "demo" / "result"
    bones = tmp_path / "demo" / "phantom" / "bones.nii.gz"
    mask = read_labels(done.case.folder / "mask.nii.gz").voxels > 0
    truth = read_labels(tmp_path / "demo" / "phantom" / "truth.nii.gz").voxels > 0
    assert 0 < done.dice < 1
    assert done.told_apart.true_fragments == 0
    assert done.told_apart.true_bones == len(np.unique(read_labels(bones).voxels)) - 1
    assert done.dice == pytest.approx(2 * np.sum(mask & truth) / (mask.sum() + truth.sum()))


def test_the_demo_can_be_run_again(tiny_leg: LegConfig, weights: Path, tmp_path: Path) -> None:
    options = SegmentOptions(weights=weights)
    first, again = (demo(tmp_path / "demo", options, tiny_leg) for _ in range(2))
    assert first.dice == again.dice


def test_without_usable_weights_nothing_is_simulated(
    tiny_leg: LegConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "write_phantom", lambda *_, **__: pytest.fail("it was simulated"))
    with refused(CheckpointError, "NO_WEIGHTS"):
        demo(tmp_path / "demo", SegmentOptions(weights=tmp_path / "none"), tiny_leg)
    assert list(tmp_path.iterdir()) == []


def test_the_demo_can_be_cancelled(tiny_leg: LegConfig, weights: Path, tmp_path: Path) -> None:
    cancel = CancelToken()

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "segmenting":
            cancel.cancel()

    options = SegmentOptions(weights=weights)
    with pytest.raises(Cancelled):
        demo(tmp_path, options, tiny_leg, watch=Watch(progress, cancel))
    assert not (tmp_path / "result").exists()


def row_of(text: str) -> Volume:
    """A volume of 10 mm³ voxels in a row, a digit a label."""
    voxels = np.array([[[int(digit) for digit in text]]], dtype=np.uint8)
    return Volume(voxels, np.diag([10.0, 1, 1, 1]))


# A whole bone of six voxels, and one of eight that broke into three.
BONES, FRAGMENTS = row_of("11111100222222220"), row_of("11111100222333440")
NAMES = {1: "femur left", 2: "tibia left", 3: "tibia left 2", 4: "tibia left 3"}
LEG = LabelMap(BONES, {1: NAMES[1], 2: NAMES[2]}), LabelMap(FRAGMENTS, NAMES)


@pytest.mark.parametrize(
    ("found", "bones", "fragments"),
    [
        ("11111100222333440", 1, 3),  # all three fragments; none of them is the tibia
        ("11111100222222220", 2, 0),  # the fragments as one bone
        ("11111100222222440", 2, 2),  # a merged pair is taken for one of its two
        ("00000000222333440", 0, 3),
        ("00000000000000000", 0, 0),
    ],
)
def test_bones_and_fragments_that_are_pieces_of_their_own_are_counted(
    found: str, bones: int, fragments: int
) -> None:
    assert told_apart(row_of(found), *LEG, 15.0) == ToldApart(bones, 2, fragments, 3)


def test_fragments_as_small_as_specks_are_not_asked_for() -> None:
    assert told_apart(FRAGMENTS, *LEG, 25.0).true_fragments == 2


def numbers(told: ToldApart) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(told))]


def test_what_is_lost_is_said() -> None:
    lost, whole, unbroken = (ToldApart(4, 4, 1, 3), ToldApart(4, 4, 3, 3), ToldApart(1, 1, 0, 0))
    assert numbers(lost) == [4, 4, 1, 3]
    assert numbers(whole) == [4, 4, 3, 3]
    assert numbers(unbroken) == [1, 1]
    assert len(str(lost)) > len(str(whole))  # and why


def test_the_picture_shows_each_piece_in_the_colour_of_its_true_fragment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two true fragments of which one was found, and a piece that is none of them."""
    drawn: list[list[ColouredMesh]] = []

    def render(meshes: list[ColouredMesh], *, size: tuple[int, int]) -> Scene:
        drawn.append(meshes)
        return Scene(Image.new("RGB", size), Renderer.NONE)

    monkeypatch.setattr(demo_picture, "render_scene", render)
    truth, found = np.zeros((2, 8, 12, 20), dtype=np.uint8)
    truth[2:6, 2:10, 2:8], truth[2:6, 2:10, 8:11] = 1, 2
    found[2:6, 2:10, 2:11], found[2:6, 2:10, 15:18] = 1, 2
    fragments = LabelMap(Volume(truth, np.eye(4)), {1: "tibia left", 2: "tibia left 2"})
    pieces = fragments.volume.with_voxels(found)
    matches = match_fragments(pieces, fragments.volume, 15.0).matches
    picture = fragments_picture(fragments, pieces, matches)
    assert picture.height == 2 * demo_picture.SIZE[1]
    true, shown = ([(one.name, one.colour) for one in meshes] for meshes in drawn)
    tibia = [colour_of("tibia", rank, "left") for rank in (1, 2)]
    assert true == [("tibia left", tibia[0]), ("tibia left 2", tibia[1])]
    assert shown == [("tibia left", tibia[0]), NO_MATCH]
