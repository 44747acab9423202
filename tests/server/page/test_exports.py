"""Export: the files that the page offers, downloaded as a user does and read back."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from tests.server.page.visit import Visit

BIG, FLESH, SLICE = (53, 33), (40, 50), 6
TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("spare", "<u2")])
VOXEL_MM3 = 2.0


def test_the_downloads_hold_the_corrected_bones(bench: Visit) -> None:
    page = bench.page
    bench.choose(list(bench.pieces().values())[1])
    bench.press("r")
    page.locator("dialog select").select_option("left patella")
    bench.saved(lambda: page.locator("dialog button[value=ok]").click())
    bench.take("Brush", 9)
    bench.move_to((*BIG, SLICE))
    bench.click((*FLESH, SLICE))
    wanted(bench, "STL surfaces", "RTSTRUCT")
    exported(bench)  # saves what is painted
    assert bench.unsaved() == 0
    labels, pieces = bench.labels(), bench.pieces()
    assert labels[*FLESH, SLICE] == pieces["left patella"]

    rtstruct = pydicom.dcmread(io.BytesIO(downloaded(page, ".dcm")))
    regions = {one.ROINumber: one.ROIName for one in rtstruct.StructureSetROISequence}
    areas = {
        regions[one.ReferencedROINumber]: sum(area(contour) for contour in one.ContourSequence)
        for one in rtstruct.ROIContourSequence
    }
    voxels = {name: int(np.count_nonzero(labels == label)) for name, label in pieces.items()}
    assert sorted(areas.values()) == [
        pytest.approx(count, rel=0.1) for count in sorted(voxels.values())
    ]

    with zipfile.ZipFile(io.BytesIO(downloaded(page, "All files as a zip"))) as archive:
        surfaces = {name: archive.read(name) for name in archive.namelist() if ".stl" in name}
        assert any(name.endswith(".dcm") for name in archive.namelist())
    volumes = sorted(volume(content) for content in surfaces.values())
    expected = sorted(VOXEL_MM3 * count for count in voxels.values())
    assert volumes[: len(expected)] == [pytest.approx(one, rel=0.15) for one in expected]


def test_what_was_exported_is_forgotten_with_the_next_correction(bench: Visit) -> None:
    wanted(bench, "STL surfaces")
    exported(bench)
    links = bench.page.locator("[data-part=downloads] a")
    assert links.count() > 1
    bench.choose(list(bench.pieces().values())[1])
    bench.saved(lambda: bench.press("Delete"))
    assert links.count() == 0


def test_a_scan_that_is_no_dicom_is_offered_no_dicom(bench: Visit) -> None:
    offered = """async fromDicom => {
        const made = (name) => document.createElement(name);
        const parts = { export: made("form"), downloads: made("ul") };
        const { showExport } = await import("/static/case/exports.js");
        showExport(parts, afunet.state.id, fromDicom, async () => true);
        return [...parts.export.querySelectorAll("input")].map((box) => box.value);
    }"""
    every, others = (bench.page.evaluate(offered, kind) for kind in (True, False))
    assert set(every) - set(others) == {"seg", "rtstruct", "seg,sr"}
    assert set(others) < set(every)


def test_an_export_of_no_format_is_refused_on_the_page(bench: Visit) -> None:
    wanted(bench)
    bench.button("Export").click()
    bench.page.locator(".notice.bad").last.wait_for()
    with bench.api as api:
        assert api.get(f"/api/cases/{bench.case}/export").json()["state"] is None


def wanted(bench: Visit, *formats: str) -> None:
    """Check these formats alone."""
    for box in bench.page.locator("[data-part=export] label").all():
        box.locator("input").set_checked(box.inner_text().strip() in formats)


def exported(bench: Visit) -> None:
    bench.button("Export").click()
    bench.page.get_by_role("link", name="All files as a zip").wait_for()


def downloaded(page: Any, name: str) -> bytes:
    """Click a link and return the file that comes."""
    with page.expect_download() as coming:
        page.locator("[data-part=downloads] a", has_text=name).first.click()
    return Path(coming.value.path()).read_bytes()


def area(contour: Dataset) -> float:
    """The area of a contour in an axial plane, mm²."""
    x, y, _ = np.reshape(np.array(contour.ContourData, dtype=float), (-1, 3)).T
    return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)


def volume(stl: bytes) -> float:
    """The volume in a closed surface, mm³."""
    corners = np.frombuffer(stl, TRIANGLE, offset=84)["corners"].astype(float)
    return float(abs(np.linalg.det(corners).sum()) / 6)
