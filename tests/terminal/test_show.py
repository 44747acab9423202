"""Results on terminals of every width, and in files."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from afunet.terminal import show


def table_of(columns: int) -> Table:
    table = Table(title="Dice, %")
    for number in range(columns):
        table.add_column(f"measure {number}")
    table.add_row("[bold]leg[/]", *(f"0.{number}234" for number in range(columns - 2)), "")
    return table


@pytest.mark.parametrize("columns", [3, 12])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_of_a_table_is_wider_than_its_terminal(
    columns: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = io.StringIO()
    console = Console(file=text, width=width, force_terminal=True, color_system=None)
    monkeypatch.setattr(show, "console", console)
    show.print_table(table_of(columns))
    lines = text.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert "0.1234" in text.getvalue() or columns == 3
    is_table = width == 200 or columns == 3
    assert ("─" in text.getvalue()) == is_table


def test_rows_say_each_heading_and_leave_out_what_is_empty() -> None:
    assert list(show.as_rows(table_of(4))) == [
        "Dice, %",
        "leg",
        "  measure 1  0.0234",
        "  measure 2  0.1234",
    ]


def test_of_a_folder_with_many_files_their_number_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = io.StringIO()
    monkeypatch.setattr(show, "console", Console(file=text))
    bones = [Path("out", "bones", f"piece-{k}.stl") for k in range(53)]
    show.print_files([Path("out", "mask.nii.gz"), *bones, Path("out", "report.html")])
    mask, folder, report = (Path("out", name) for name in ("mask.nii.gz", "bones", "report.html"))
    assert text.getvalue() == f"  {mask}\n  {folder}: 53 files\n  {report}\n"
