"""Slice tables: what is read back, and what is refused in one line."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from PIL import Image
from tests.refusals import refused

from afunet.data.cases import SliceRecord, read_slice_table, refuse_leaks, side_of
from afunet.errors import InputError

HEADER = "case,patient,slice,split,status,labelled"
ROWS = (
    "knee02,p2,1,val,checked,1",
    "knee01,p1,10,train,auto,1",
    "knee01,p1,2,train,checked,1",
    "knee02,p2,0,val,rejected,0",
)


def write_table(folder: Path, rows: Iterable[str] = ROWS, header: str = HEADER) -> Path:
    (folder / "slices.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder


def write_images(folder: Path, levels: Iterable[int]) -> None:
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
        for level in levels:
            Image.new("L", (4, 4)).save(folder / kind / f"{level:02d}.png")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_images(tmp_path / "knee01", (2, 10))
    write_images(tmp_path / "knee02", (1,))
    return write_table(tmp_path)


def refuses(folder: Path, code: str, *facts: object) -> None:
    with refused(InputError, code, *facts):
        read_slice_table(folder)


def test_labelled_slices_come_by_case_and_level_with_their_files(folder: Path) -> None:
    records = read_slice_table(folder)
    assert [(record.case, record.level) for record in records] == [
        ("knee01", 2),
        ("knee01", 10),
        ("knee02", 1),
    ]
    first = records[0]
    assert (first.patient, first.split, first.status) == ("p1", "train", "checked")
    assert first.image == folder / "knee01" / "images" / "02.png"
    assert first.mask == folder / "knee01" / "masks" / "02.png"


def test_a_folder_that_is_a_single_case_has_its_images_at_the_top(tmp_path: Path) -> None:
    write_images(tmp_path, (0, 100))
    write_table(tmp_path, ["thigh,t,0,train,checked,1", "thigh,t,100,train,checked,1"])
    names = [record.image.relative_to(tmp_path).as_posix() for record in read_slice_table(tmp_path)]
    assert names == ["images/00.png", "images/100.png"]


def test_reading_twice_gives_equal_records(folder: Path) -> None:
    assert read_slice_table(folder) == read_slice_table(folder)


def test_a_table_without_the_labelled_column_lists_labelled_slices(folder: Path) -> None:
    write_table(folder, ["knee01,p1,2,train,auto"], "case,patient,slice,split,status")
    assert len(read_slice_table(folder)) == 1


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    refuses(tmp_path, "NO_SLICE_TABLE", "slices.csv")


def test_a_table_without_labelled_slices_is_refused(folder: Path) -> None:
    refuses(write_table(folder, [ROWS[3]]), "NO_LABELLED_SLICE", "slices.csv")
    refuses(write_table(folder, []), "NO_LABELLED_SLICE", "slices.csv")


@pytest.mark.parametrize("column", ["case", "patient", "slice", "split", "status"])
def test_a_missing_column_is_named(folder: Path, column: str) -> None:
    table = write_table(folder, header=HEADER.replace(column, "other"))
    refuses(table, "BAD_SLICE_TABLE", f"'{column}'")


def test_a_level_that_is_no_number_is_refused(folder: Path) -> None:
    refuses(write_table(folder, ["knee01,p1,two,train,auto,1"]), "BAD_SLICE_TABLE", "'two'")


def test_a_row_with_too_few_cells_is_refused(folder: Path) -> None:
    short = write_table(folder, ["1,knee01,p1"], "labelled,case,patient,slice,split,status")
    refuses(short, "BAD_SLICE_TABLE", "slices.csv")


def test_an_unknown_split_is_named_with_those_that_there_are(folder: Path) -> None:
    table = write_table(folder, ["knee01,p1,2,training,auto,1"])
    refuses(table, "BAD_SLICE_TABLE", "'training'", "'train', 'val', 'test'")


@pytest.mark.parametrize("kind", ["images", "masks"])
def test_a_missing_file_is_named(folder: Path, kind: str) -> None:
    (folder / "knee01" / kind / "10.png").unlink()
    refuses(folder, "BAD_SLICE_TABLE", f"knee01/{kind}/10.png")


def test_a_patient_in_two_splits_is_refused(folder: Path) -> None:
    leaking = [row.replace("p2", "p1") for row in ROWS]
    refuses(write_table(folder, leaking), "SPLITS_OVERLAP", 1, "val", "train")


def test_a_table_saved_by_a_spreadsheet_with_a_byte_order_mark_is_read(folder: Path) -> None:
    text = (folder / "slices.csv").read_text()
    (folder / "slices.csv").write_text(text, encoding="utf-8-sig")
    assert len(read_slice_table(folder)) == 3


def test_a_table_that_is_not_text_is_refused(folder: Path) -> None:
    (folder / "slices.csv").write_bytes(HEADER.encode() + b"\nknee\xff01,p1,2,train,auto,1\n")
    refuses(folder, "BAD_TEXT", "slices.csv")


def test_side_region_and_spacing_are_read_where_the_table_has_them(folder: Path) -> None:
    write_table(
        folder,
        ["knee01,p1,2,train,auto,1,L,knee,0.7", "knee02,p2,1,val,auto,1,X,,"],
        f"{HEADER},side,region,spacing_mm",
    )
    first, second = read_slice_table(folder)
    assert (first.side, first.region, first.spacing_mm) == ("L", "knee", (0.7, 0.7))
    assert (second.side, second.region, second.spacing_mm) == ("", "", None)


@pytest.mark.parametrize("spacing", ["wide", "0", "-1", "nan", "1000"])
def test_a_spacing_that_makes_no_sense_is_refused(folder: Path, spacing: str) -> None:
    write_table(folder, [f"knee01,p1,2,train,auto,1,{spacing}"], f"{HEADER},spacing_mm")
    refuses(folder, "BAD_SLICE_TABLE", f"spacing_mm {spacing!r}")


@pytest.mark.parametrize(
    ("text", "side"), [("L", "L"), ("left", "L"), (" r ", "R"), ("X", ""), ("", ""), (None, "")]
)
def test_sides_are_left_right_or_unknown(text: str | None, side: str) -> None:
    assert side_of(text) == side


def record(patient: str, split: str, fingerprint: str = "", by_slice: bool = False) -> SliceRecord:
    return SliceRecord("c", patient, 0, split, "auto", fingerprint=fingerprint, by_slice=by_slice)


def test_an_identical_image_of_two_patients_in_two_splits_is_a_leak() -> None:
    refuse_leaks([record("p1", "train", "same"), record("p2", "train", "same")])
    refuse_leaks([record("p1", "train"), record("p2", "val")])  # not taken, not compared
    with refused(InputError, "SPLITS_OVERLAP", 1) as caught:
        refuse_leaks([record("p1", "train", "same"), record("p2", "val", "same")])
    assert "p1" not in str(caught.value)


def test_a_split_by_slice_on_purpose_may_share_patients_but_no_image() -> None:
    refuse_leaks([record("p", "train", "a", True), record("p", "val", "b", True)])
    with refused(InputError, "SPLITS_OVERLAP"):
        refuse_leaks([record("p", "train", "a", True), record("p", "val", "a", True)])


def test_a_patient_split_by_slice_may_not_be_in_another_data_set() -> None:
    with refused(InputError, "SPLITS_OVERLAP"):
        refuse_leaks([record("p", "train", "a", True), record("p", "val", "b")])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", ", "])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_tables_are_read_as_spreadsheets_write_them(
    folder: Path, delimiter: str, encoding: str, line: str
) -> None:
    expected = read_slice_table(folder)
    text = line.join([HEADER, *ROWS, ""]).replace(",", delimiter)
    (folder / "slices.csv").write_bytes(text.encode(encoding))
    assert read_slice_table(folder) == expected
