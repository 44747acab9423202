"""MONAI Label's own clients work with the server, as its extension of 3D Slicer calls them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK
from tests.server.monailabel.conftest import Served
from tests.workflows.test_result_files import scan_of

from afunet.data.layouts.pair import Choice
from afunet.formats.nifti import write_nifti
from afunet.formats.readers import read_labels
from afunet.formats.seg_nrrd import write_seg_nrrd
from afunet.formats.segments import Segment
from afunet.geometry import Volume
from afunet.workflows.prepare import PrepareOptions, prepare

pytestmark = [
    pytest.mark.usefixtures("small_pictures"),
    # The clients leave their connections open.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def names_of(folder: Path) -> str:
    """Every name and every small text below a folder."""
    paths = sorted(folder.rglob("*"))
    texts = [path.read_text() for path in paths if path.suffix in (".json", ".html")]
    return "\n".join([*(path.relative_to(folder).as_posix() for path in paths), *texts])


def test_info_is_what_the_extension_reads(client: Any) -> None:
    assert client.auth_valid_token()
    info = client.info()
    assert {name: model["type"] for name, model in info["models"].items()} == {
        "afunet": "segmentation",
        "afunet-fast": "segmentation",
    }
    labels = info["models"]["afunet"]["labels"]
    assert sorted(labels.values()) == list(range(1, len(labels) + 1))
    assert info["labels"] == list(labels)
    assert {"left femur", "right tibia"} <= set(labels)
    assert (info["trainers"], info["strategies"]) == ({}, {})
    assert info["datastore"] == {"total": 0, "completed": 0, "label_tags": {}}
    assert not client.train_status(check_if_running=True)


def test_a_wrong_token_opens_nothing(client: Any) -> None:
    with pytest.raises(Exception) as refused:  # noqa: PT011 - the client's own kind
        client.auth_token("ann", "guessed")
    assert refused.value.status_code == 401
    client.update_auth({"token_type": "Bearer", "access_token": "guessed"})
    assert not client.auth_valid_token()
    with pytest.raises(Exception) as refused:  # noqa: PT011
        client.info()
    assert refused.value.status_code == 401


def test_a_session_is_segmented_and_its_labels_have_names(
    client: Any, served: Served, ct: Path
) -> None:
    session = client.create_session(str(ct))["session_id"]
    assert client.get_session(session)["name"] == session
    result, params = client.infer("afunet", "Doe John", {}, session_id=session)
    image = SimpleITK.ReadImage(result)
    labels = SimpleITK.GetArrayFromImage(image)
    assert np.array_equal(labels > 0, scan_of(3).voxels == 900)
    # Slicer names the labels of the map, in their order, by the names in the order of theirs.
    assert sorted(params["label_names"].values()) == np.unique(labels)[1:].tolist()
    assert image.GetOrigin() == pytest.approx(scan_of(3).origin_mm)
    assert image.GetSpacing() == pytest.approx(scan_of(3).spacing_mm)
    client.infer("afunet", "Doe John", {}, session_id=session)
    assert served.segmented == [False]  # what was found is kept
    client.infer("afunet-fast", "Doe John", {}, session_id=session)
    assert served.segmented == [False, True]
    assert "Doe" not in names_of(served.folder)
    assert client.remove_session(session)["name"] == session
    with pytest.raises(Exception) as gone:  # noqa: PT011
        client.get_session(session)
    assert gone.value.status_code == 404
    assert not list((served.folder / "sessions").iterdir())


def test_a_label_that_was_saved_is_trained_on(client: Any, served: Served, ct: Path) -> None:
    """As the extension saves: the image, the label with its names; then `afunet prepare`."""
    assert client.upload_image(str(ct), "Doe John") == {"image": "Doe John"}
    label = ct.with_name("label.nii.gz")
    voxels = (scan_of(3).voxels == 900).astype(np.uint8)
    voxels[:, :, 16:] *= 2
    write_nifti(scan_of(3).with_voxels(voxels), label)
    told = {"label_info": [{"name": "left femur", "idx": 1}, {"name": "Doe", "idx": 2}]}
    saved = client.save_label("Doe John", str(label), params=told)
    assert saved == {"image": "Doe John", "label": "Doe John"}
    stats = client.info()["datastore"]
    assert stats == {"total": 1, "completed": 1, "label_tags": {"final": 1}}
    ((key, entry),) = client.datastore()["objects"].items()
    assert entry == {
        "image": {"ext": ".nii.gz", "info": {}},
        "labels": {"final": {"ext": ".nii.gz", "info": {}}},
    }
    for name in ("Doe John", key):
        got = client.download_label(name, "final")
        assert np.array_equal(read_labels(Path(got)).voxels, voxels)
    (folder,) = (served.folder / "images").iterdir()
    assert json.loads((folder / "labels.json").read_text()) == {"1": "left femur", "2": "bone"}
    header = nibabel.load(folder / "label_final.nii.gz").header
    assert b"Doe" not in bytes(header.binaryblock)
    assert "Doe" not in names_of(served.folder)
    options = PrepareOptions(choice=Choice(bones=("all",)))
    made = prepare([served.folder / "images"], served.folder / "store", options)
    assert made.left_out == ()
    assert sum(one.with_bone for one in made.counts) == voxels.any(axis=(1, 2)).sum()


def test_a_cropped_segmentation_of_slicer_is_put_back_into_the_scan(
    client: Any, served: Served, ct: Path
) -> None:
    client.upload_image(str(ct), "ct")
    whole = scan_of(3)
    affine = whole.affine.copy()
    affine[:3, 3] = whole.to_mm([2, 2, 2])
    part = Volume((whole.voxels[2:12, 2:12, 2:12] == 900).astype(np.uint8), affine)
    path = ct.with_name("own.seg.nrrd")
    write_seg_nrrd(part, [Segment(1, "Femur_R")], path)
    client.save_label("ct", str(path))
    (folder,) = (served.folder / "images").iterdir()
    kept = read_labels(folder / "label_final.nii.gz")
    assert kept.same_grid(whole, 1e-3)
    assert np.array_equal(kept.voxels[2:12, 2:12, 2:12], part.voxels)
    assert kept.voxels.sum() == part.voxels.sum() > 0
    assert json.loads((folder / "labels.json").read_text()) == {"1": "right femur"}


def test_an_image_without_a_session_is_segmented_too(client: Any, ct: Path) -> None:
    client.upload_image(str(ct), "ct")
    by_name, _ = client.infer("afunet", "ct", {})
    expected = read_labels(Path(by_name)).voxels
    by_file, params = client.infer("afunet", "", {}, file=str(ct))
    assert np.array_equal(read_labels(Path(by_file)).voxels, expected)
    assert len(params["label_names"]) == 3


@pytest.mark.parametrize(
    ("model", "image", "said"),
    [("afunet", "none", "image"), ("deepedit", "ct", "model"), ("afunet", "../ann", "image")],
)
def test_what_is_not_there_is_said(
    client: Any, ct: Path, model: str, image: str, said: str
) -> None:
    client.upload_image(str(ct), "ct")
    with pytest.raises(Exception) as refused:  # noqa: PT011
        client.infer(model, image, {})
    assert "404" in refused.value.msg
    assert said in refused.value.msg


def test_a_refused_scan_and_a_label_of_another_grid_are_explained(
    client: Any, served: Served, ct: Path
) -> None:
    noise = ct.with_name("noise.nii.gz")
    noise.write_bytes(b"no image at all")
    session = client.create_session(str(noise))["session_id"]
    with pytest.raises(Exception) as refused:  # noqa: PT011
        client.infer("afunet", "noise", {}, session_id=session)
    assert "WRONG_KIND" in refused.value.msg or "FILE_BROKEN" in refused.value.msg
    assert str(served.folder) not in refused.value.msg
    client.upload_image(str(ct), "ct")
    other = ct.with_name("other.nii.gz")
    write_nifti(scan_of(2).with_voxels((scan_of(2).voxels == 900).astype(np.uint8)), other)
    with pytest.raises(Exception) as refused:  # noqa: PT011
        client.save_label("ct", str(other))
    assert "OTHER_GRID" in refused.value.msg
    assert not list((served.folder / "images").rglob("label*"))
