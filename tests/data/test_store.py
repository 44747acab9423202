"""What was written is read back, lazily; what was changed is noticed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.refusals import refused

from afunet.data.cases import SliceRecord
from afunet.data.labelled import load_labelled, read_records
from afunet.data.slices import LabelledSlice
from afunet.data.store import check_store, is_store, open_store
from afunet.data.writing import StoreWriter, fingerprint
from afunet.errors import Cancelled, InputError
from afunet.watch import CancelToken, Watch

RECORD = SliceRecord("a", "p", 0, "train", "checked", "L", "knee", (0.5, 0.75))


def item(level: int, split: str = "train", case: str = "a", rows: int = 4) -> LabelledSlice:
    """A slice of grey 10 · level with one brighter pixel, one row of bone."""
    grey = np.full((1, rows, 6), 10 * level, dtype=np.uint8)
    grey[0, 0, 0] += 1 + ord(case)
    mask = np.zeros((rows, 6), dtype=np.uint8)
    mask[level % rows] = 1
    patient = f"p{case}{split}"
    return LabelledSlice(
        grey, mask, replace(RECORD, case=case, patient=patient, level=level, split=split)
    )


ITEMS = (item(1), item(2), item(3), item(7), item(1, "val", "b", 5), item(2, "val", "b", 5))


def write(folder: Path, *items: LabelledSlice, by_slice: bool = False) -> Path:
    folder.mkdir()
    with StoreWriter(folder) as writer:
        for one in items:
            writer.append(one)
        records = [entry.record for entry in writer.entries]
        writer.finish(records, {"split": {"by_slice": by_slice}})
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return write(tmp_path / "store", *ITEMS)


def refuses(call: Callable[[Path], object], folder: Path, code: str, *facts: object) -> None:
    with refused(InputError, code, *facts):
        call(folder)


def test_slices_masks_and_records_come_back_as_written(store: Path) -> None:
    slices = load_labelled(store, "train")
    assert len(slices) == 4
    for one, original in zip(slices, ITEMS, strict=False):
        assert np.array_equal(one.grey, original.grey)
        assert np.array_equal(one.mask, original.mask)
        print_of = fingerprint(original.grey[0])
        assert one.record == replace(original.record, fingerprint=print_of)
    assert [one.mask.shape for one in load_labelled(store, "val")] == [(5, 6), (5, 6)]
    assert load_labelled(store, "test") == ()
    assert len(read_records(store)) == 6


def test_a_spacing_that_is_not_known_stays_unknown(tmp_path: Path) -> None:
    unknown = replace(ITEMS[0], record=replace(RECORD, spacing_mm=None, side="", region=""))
    (record,) = read_records(write(tmp_path / "store", unknown))
    assert (record.spacing_mm, record.side, record.region) == (None, "", "")


def test_five_slices_are_the_nearest_levels_of_the_case(store: Path) -> None:
    stacks = [one.grey[:, 1, 1].tolist() for one in load_labelled(store, "train", 5)]
    # Levels 1, 2, 3 and 7: level 4 is nearest to 3, 5 lies between 3 and 7.
    assert stacks == [
        [10, 10, 10, 20, 30],
        [10, 10, 20, 30, 30],
        [10, 20, 30, 30, 30],
        [30, 70, 70, 70, 70],
    ]


def test_pixels_are_mapped_not_read_and_torch_takes_them(store: Path) -> None:
    opened = open_store(store)
    for one in (*opened.slices("train"), opened.slices("train", 3)[1]):
        assert np.shares_memory(one.grey, opened.images)
        assert np.shares_memory(one.mask, opened.masks)
        torch.from_numpy(one.grey)


def test_writing_to_a_slice_changes_no_file(store: Path) -> None:
    load_labelled(store, "train")[0].grey[:] = 0
    check_store(store)


def test_an_intact_store_passes_its_check_and_says_how_far_it_is(store: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    check_store(store, Watch(lambda *progress: seen.append(progress)))
    ends = [(done, total) for stage, done, total in seen if "images.u8" in stage]
    assert ends[-1] == (156, 156)  # 4 slices of 4 × 6, 2 of 5 × 6


@pytest.mark.parametrize("name", ["images.u8", "masks.u8"])
def test_one_changed_byte_is_found_by_the_check_alone(store: Path, name: str) -> None:
    content = bytearray((store / name).read_bytes())
    content[50] ^= 1
    (store / name).write_bytes(content)
    open_store(store)
    refuses(check_store, store, "STORE_CHANGED", name)


@pytest.mark.parametrize("name", ["images.u8", "masks.u8", "slices.csv"])
def test_a_cut_or_missing_file_is_found_at_opening(store: Path, name: str) -> None:
    whole = (store / name).read_bytes()
    (store / name).write_bytes(whole[:-1])
    refuses(open_store, store, "STORE_CHANGED", name, len(whole) - 1, len(whole))
    (store / name).unlink()
    refuses(open_store, store, "STORE_CHANGED", name, 0, len(whole))


def change_header(store: Path, **changes: object) -> None:
    path = store / "store.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_another_version_and_no_description_are_refused(store: Path) -> None:
    change_header(store, version=99)
    refuses(open_store, store, "STORE_VERSION", "afunet-store 99", "afunet-store 1")
    (store / "store.json").write_text("{}")
    refuses(open_store, store, "STORE_BROKEN", "store.json")
    assert is_store(store)
    (store / "store.json").unlink()
    assert not is_store(store)
    refuses(open_store, store, "NO_STORE", "store.json")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (",train,", ",traim,", "'traim'"),
        (",126,", ",999,", "images.u8"),
        (",checked,", ",c,0.5,", "slices.csv"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(store: Path, old: str, new: str, named: str) -> None:
    table = store / "slices.csv"
    table.write_text(table.read_text().replace(old, new))
    files = json.loads((store / "store.json").read_text())["files"]
    files["slices.csv"]["bytes"] = table.stat().st_size
    change_header(store, files=files)
    refuses(open_store, store, "BAD_SLICE_TABLE", named)


def test_a_store_with_a_leak_is_not_trained_on_unless_split_so_on_purpose(tmp_path: Path) -> None:
    leaking = [
        replace(one, record=replace(one.record, patient="p", split=split))
        for one, split in zip(ITEMS[:2], ("train", "val"), strict=True)
    ]
    leak = write(tmp_path / "leak", *leaking)
    refuses(read_records, leak, "SPLITS_OVERLAP")
    refuses(lambda f: load_labelled(f, "train"), leak, "SPLITS_OVERLAP")
    records = read_records(write(tmp_path / "paper", *leaking, by_slice=True))
    assert all(record.by_slice for record in records)


def test_a_check_can_be_cancelled(store: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        check_store(store, watch=Watch(cancel=cancel))


def test_a_fingerprint_tells_images_and_their_shape_apart_but_not_blank_ones() -> None:
    image = np.arange(12, dtype=np.uint8)
    assert fingerprint(image.reshape(3, 4)) == fingerprint(image.reshape(3, 4).copy())
    assert fingerprint(image.reshape(3, 4)) != fingerprint(image.reshape(4, 3))
    assert fingerprint(np.zeros((3, 4), np.uint8)) == ""
