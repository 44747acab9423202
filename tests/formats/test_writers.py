"""The contract of every mask format."""

import numpy as np
import pytest
from tests.refusals import require

from afunet.errors import OutputError
from afunet.formats.readers import read_labels
from afunet.formats.writers import MASK_WRITERS


@pytest.fixture(params=sorted(MASK_WRITERS))
def writer(request):
    return MASK_WRITERS[request.param]


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16])
def test_a_mask_is_read_back_at_the_same_place(writer, tmp_path, oblique, dtype):
    mask = (oblique.voxels % 3 == 0).astype(dtype)
    path = tmp_path / "deep" / f"mask{writer.suffix}"
    writer.write(oblique.with_voxels(mask), path, "afunet mask")
    volume = read_labels(path)
    assert volume.voxels.dtype == np.uint8
    np.testing.assert_array_equal(volume.voxels, mask)
    np.testing.assert_allclose(volume.affine, oblique.affine, atol=1e-5)


def test_an_empty_mask_is_written_too(writer, tmp_path, oblique):
    path = tmp_path / f"mask{writer.suffix}"
    writer.write(oblique.with_voxels(np.zeros(oblique.shape, np.uint8)), path, "")
    assert not read_labels(path).voxels.any()


def test_a_place_that_cannot_be_written_leaves_nothing(writer, tmp_path, oblique, refusal):
    (tmp_path / "file").write_text("in the way")
    path = tmp_path / "file" / f"mask{writer.suffix}"
    require(refusal(OutputError, writer.write, oblique, path, ""), "EEXIST", path)
    assert [item.name for item in tmp_path.iterdir()] == ["file"]
