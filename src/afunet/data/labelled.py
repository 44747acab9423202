"""Reading the slices of a store or a slice folder."""

from __future__ import annotations

from pathlib import Path

from afunet.data.cases import SliceRecord, read_slice_table, refuse_leaks, unlabelled_slices
from afunet.data.slices import LabelledSlice, load_slices
from afunet.data.store import BONE, is_store, open_store
from afunet.watch import UNWATCHED, Watch


def read_records(folder: Path) -> tuple[SliceRecord, ...]:
    """All labelled slices of a prepared store or a slice folder (docs/data.md).

    Raises `InputError` for a folder that is neither, and for a patient or an image in two splits.
    """
    if not is_store(folder):
        return read_slice_table(folder)
    records = open_store(folder).records
    refuse_leaks(records)
    return records


def classes_of(folder: Path) -> tuple[str, ...]:
    """Names of the mask values from 1 on; a slice folder has bone alone."""
    return open_store(folder).classes if is_store(folder) else BONE


def load_labelled(
    folder: Path, split: str, input_slices: int = 1, watch: Watch = UNWATCHED
) -> tuple[LabelledSlice, ...]:
    """The slices of one split with their neighbours; empty for an empty split.

    The slices of a store stay on disk until they are used; those of a slice folder are read at
    once. Raises what `read_records` and `load_slices` raise.
    """
    if is_store(folder):
        store = open_store(folder)
        refuse_leaks(store.records)
        return store.slices(split, input_slices)
    records = tuple(record for record in read_slice_table(folder) if record.split == split)
    return load_slices(records, input_slices, watch)


def load_unlabelled(
    folder: Path, split: str, input_slices: int = 1, watch: Watch = UNWATCHED
) -> tuple[LabelledSlice, ...]:
    """The slices of one split that have no label, with empty masks; a store has none.

    Raises what `read_records` and `load_slices` raise.
    """
    if is_store(folder):
        return ()
    records = unlabelled_slices(folder, split)
    return load_slices(records, input_slices, watch, labelled=False)
