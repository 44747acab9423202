"""A round trip with a real archive: images out of Orthanc, results back into it."""

from __future__ import annotations

import io
import os
import signal
import time
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import requests
from pydicom.uid import generate_uid
from tests.conftest import THRESHOLD_HU
from tests.node.conftest import PATIENT, Orthanc, Program, copies, free_port, started, until

from afunet.geometry import Volume
from afunet.node.home import Home
from afunet.node.status import status_of

RESULTS = ("SEG", "RTSTRUCT", "SR")
CONFIG = """
ae_title = "AFUNET"
port = {node_port}
health_port = {health_port}
data = "data"
free_mib = 1
lease_s = 15.0
retry_s = 1.0

[[peers]]
name = "pacs"
ae_title = "PACS"
host = "127.0.0.1"
port = {port}
commitment = true

[[peers]]
name = "web"
web = "{web}/dicom-web"

[[pulls]]
peer = "pacs"
every_s = 3.0

[[rules]]
name = "knees"
description = "knee"
least_slices = 5
quiet_s = 2.0
counted_by = "pacs"

[results]
send_to = ["pacs", "web"]
weights = "{weights}"
"""


@pytest.fixture(scope="module")
def node(
    orthanc: Orthanc, weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    path = tmp_path_factory.mktemp("node") / "node.toml"
    path.write_text(
        CONFIG.format(
            node_port=orthanc.node_port,
            health_port=free_port(),
            port=orthanc.port,
            web=orthanc.web,
            weights=weights,
        )
    )
    with started(path) as program:
        yield program


def encoded(image: pydicom.Dataset) -> bytes:
    file = io.BytesIO()
    image.save_as(file)
    return file.getvalue()


def pushed(orthanc: Orthanc, images: list[pydicom.Dataset]) -> None:
    for image in images:
        series = orthanc.take(encoded(image))
    assert orthanc.push(series)["FailedInstancesCount"] == 0


def delivered(node: Program) -> dict[str, int]:
    return dict(status_of(Home(node.config.parent / "data")).results)


def a_study_goes_round_and_the_segmentation_is_the_mask(
    orthanc: Orthanc, node: Program, series: list[Path], cylinder: Volume
) -> None:
    (images,) = copies(series)
    study = images[0].StudyInstanceUID
    known = {modality: len(orthanc.found(modality)) for modality in RESULTS}
    pushed(orthanc, images)
    until(lambda: delivered(node).get("delivered") == 6, pause_s=1.0)
    for modality in RESULTS:
        assert len(orthanc.found(modality)) == known[modality] + 1, modality
    (uid,) = (
        one["0020000E"]["Value"][0]
        for one in orthanc.found("SEG")
        if one["0020000D"]["Value"][0] == study
    )
    (instance,) = (
        orthanc.get(f"/series/{one}")["Instances"][0]
        for one in orthanc.get("/series")
        if orthanc.get(f"/series/{one}")["MainDicomTags"]["SeriesInstanceUID"] == uid
    )
    content = requests.get(f"{orthanc.web}/instances/{instance}/file", timeout=30).content
    segmentation = highdicom.seg.segread(io.BytesIO(content))
    planes = [image.SOPInstanceUID for image in images]
    bone = segmentation.get_pixels_by_source_instance(planes, combine_segments=True, relabel=True)
    assert np.array_equal(bone > 0, cylinder.voxels > THRESHOLD_HU)
    assert node.said("commitment answered", parcels=3, failed=0)


def the_log_the_status_and_the_names_of_files_hold_nothing_of_the_patient(
    node: Program, series: list[Path]
) -> None:
    said = node.log.read_text() + node.call("status")
    said += "".join(map(str, (node.config.parent / "data").rglob("*")))
    image = pydicom.dcmread(series[0])
    for word in (*PATIENT.split("^"), image.PatientID, image.StudyInstanceUID[:20]):
        assert word not in said


def killed_parts_lose_nothing_and_double_nothing(
    orthanc: Orthanc, node: Program, series: list[Path]
) -> None:
    before = {modality: len(orthanc.found(modality)) for modality in RESULTS}
    count, (first, second) = delivered(node)["delivered"], copies(series, 2)
    pushed(orthanc, first)
    node.kill("receiver")
    until(lambda: len(node.said("listening")) == 2)
    pushed(orthanc, second)
    until(lambda: len(node.said("job queued")) >= 2)
    node.kill("worker")
    node.kill("sender")
    until(lambda: delivered(node) == {"delivered": count + 12}, pause_s=0.5)
    for modality, known in before.items():
        assert len(orthanc.found(modality)) == known + 2
    stored = [(line["job"], line["peer"], line["file"]) for line in node.said("result stored")]
    assert len(set(stored)) == 18


def a_study_of_today_is_pulled_once(orthanc: Orthanc, node: Program, series: list[Path]) -> None:
    (images,), study = copies(series), generate_uid()
    for image in images:
        image.StudyDate, image.StudyInstanceUID = f"{date.today():%Y%m%d}", study
        orthanc.take(encoded(image))
    (pulled,) = until(lambda: node.said("series pulled"))
    until(lambda: node.said("job queued", series=pulled["series"], images=6))
    time.sleep(7)  # it is asked twice more
    assert len(node.said("series pulled")) == 1


def the_health_page_and_the_end(node: Program) -> None:
    port = tomllib.loads(node.config.read_text())["health_port"]
    answer = requests.get(f"http://127.0.0.1:{port}/health", timeout=30)
    assert answer.status_code == 200
    assert answer.json()["parts"]["receiver"]["well"]
    os.kill(node.process.pid, signal.SIGTERM)
    assert node.process.wait(60) == 143


def a_main_process_that_is_killed_takes_its_parts_along(node: Program) -> None:
    roles = ("receiver", "worker", "sender", "puller")
    with started(node.config) as again:
        until(lambda: all(map(again.pid_of, roles)))
        again.process.kill()
        until(lambda: not any(map(again.pid_of, roles)))
    with started(node.config) as again:
        assert all(map(again.pid_of, roles))
        assert again.call("status").startswith("images")


def test_an_archive_and_a_node_through_studies_kills_and_ends(
    orthanc: Orthanc, node: Program, series: list[Path], cylinder: Volume
) -> None:
    """One test, as each step goes on with the node of the one before."""
    a_study_goes_round_and_the_segmentation_is_the_mask(orthanc, node, series, cylinder)
    the_log_the_status_and_the_names_of_files_hold_nothing_of_the_patient(node, series)
    killed_parts_lose_nothing_and_double_nothing(orthanc, node, series)
    a_study_of_today_is_pulled_once(orthanc, node, series)
    the_health_page_and_the_end(node)
    a_main_process_that_is_killed_takes_its_parts_along(node)
