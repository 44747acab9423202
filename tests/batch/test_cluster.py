"""A batch on a cluster: workers on two nodes of Ray claim the same jobs as those of one host."""

from __future__ import annotations

import csv
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.batch.conftest import Scans
from tests.conftest import Outcome
from tests.refusals import refused

from afunet.batch.cluster import connected
from afunet.batch.cluster_worker import ClusterWorker
from afunet.batch.crew import Post
from afunet.batch.orders import Settings
from afunet.batch.resources import GIB, USUAL_BYTES, Room, WorkerPlan, plan_cluster
from afunet.batch.run import JOBS
from afunet.batch.subjects import key_digest, key_of
from afunet.errors import ConfigError, DeviceError
from afunet.extras import installed
from afunet.workflows.segment import SegmentOptions
from benchmarks.chaos_parts.ray_nodes import Nodes, environment_of, ray_nodes

PLAN = WorkerPlan(1, 1, GIB)
TOKEN = "0123456789abcdef" * 3
SMALL = Room(2, 2 * USUAL_BYTES)
needs_ray = pytest.mark.skipif(not installed("ray"), reason="Ray is not installed")


@pytest.mark.parametrize(
    ("rooms", "wanted", "plan"),
    [
        ([SMALL, SMALL], None, WorkerPlan(4, 1, USUAL_BYTES)),
        ([Room(8, USUAL_BYTES), SMALL], None, WorkerPlan(3, 1, USUAL_BYTES)),
        ([Room(8, 2 * USUAL_BYTES)], None, WorkerPlan(2, 4, USUAL_BYTES)),
        ([SMALL, SMALL], 2, WorkerPlan(2, 2, 2 * USUAL_BYTES)),
        ([SMALL, SMALL], 3, WorkerPlan(3, 1, USUAL_BYTES)),
        ([SMALL, Room(64, GIB), Room(0, 1 << 40)], None, WorkerPlan(2, 1, USUAL_BYTES)),
    ],
)
def test_workers_are_planned_so_that_each_fits_on_every_node(
    rooms: list[Room], wanted: int | None, plan: WorkerPlan
) -> None:
    assert plan_cluster(rooms, wanted) == plan


@pytest.mark.parametrize(("rooms", "wanted"), [([], None), ([SMALL], 3), ([SMALL], 0)])
def test_a_cluster_without_room_is_refused(rooms: list[Room], wanted: int | None) -> None:
    with refused(ConfigError, "WORKERS_IMPOSSIBLE"):
        plan_cluster(rooms, wanted)


@pytest.fixture
def post(tmp_path: Path) -> Post:
    """That of a batch without a scan."""
    key_of(tmp_path / JOBS)
    return Post(tmp_path / JOBS, (), Settings.of(SegmentOptions()))


def test_a_worker_works_until_it_is_stopped(post: Post) -> None:
    worker = ClusterWorker(post, key_digest(post.jobs), PLAN)
    worker.stop()
    assert worker.work() is None


def test_a_node_without_the_results_folder_or_with_another_one_is_refused(post: Post) -> None:
    key, elsewhere = key_digest(post.jobs), post.jobs.with_name("elsewhere")
    for place in (elsewhere, elsewhere):  # without and with a folder of another batch
        failure = ClusterWorker(replace(post, jobs=place), key, PLAN).work()
        assert failure is not None
        assert failure.code == "FOLDER_NOT_SHARED"
        assert str(place) not in failure.message
        key_of(elsewhere)


def test_a_node_with_another_version_or_other_weights_is_refused(post: Post) -> None:
    key = key_digest(post.jobs)
    for other in ({"version": "0.0.1"}, {"weights_sha256": "0" * 64}):
        settings = replace(post.settings, **other)
        failure = ClusterWorker(replace(post, settings=settings), key, PLAN).work()
        assert failure is not None
        assert failure.code == "CLUSTER_DIFFERS"
        assert next(iter(other.values()))[:8] in failure.message


def test_without_ray_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with refused(ConfigError, "PACKAGE_MISSING", "afunet[cluster]"), connected("auto", None):
        pass


@needs_ray
@pytest.mark.parametrize("address", ["127.0.0.1:{closed}", "127.0.0.1:none", "127.0.0.1:{mute}"])
def test_an_address_where_no_cluster_answers_is_refused_in_seconds(address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = free.getsockname()[1]
    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as other:
        place = address.format(closed=closed, mute=other.getsockname()[1])
        with refused(DeviceError, "CLUSTER_NOT_FOUND", place), connected(place, None):
            pass
    assert time.monotonic() - began < 30


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with ray_nodes(2, TOKEN) as nodes:
        yield nodes


def run(nodes: Nodes, *words: str | Path, token: str = TOKEN) -> Outcome:
    options = ["--cluster", nodes.address, "--fast", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "afunet", "batch", *map(str, words), *options],
        env=environment_of(token),
        capture_output=True,
        text=True,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def claims(output: Path) -> list[Path]:
    return list(output.glob(f"{JOBS}/jobs/*/claim-*"))


@needs_ray
def test_a_batch_on_two_nodes_outlives_a_worker_and_a_driver(
    nodes: Nodes, scans: Scans, tmp_path: Path
) -> None:
    """The scans come from a store; first a worker is killed, then the driver; a token is wrong."""
    folder, output = scans(2), tmp_path / "out"
    (folder / "broken.nii.gz").write_bytes(b"\x1f\x8b no volume")
    stored = folder.rename(tmp_path / "stored").as_uri()
    words = ["batch", stored, "-o", str(output), "--cluster", nodes.address, "--fast", "--quiet"]
    with subprocess.Popen(
        [sys.executable, "-m", "afunet", *words],
        env=nodes.environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as driver:
        deadline = time.monotonic() + 240
        while len(claims(output)) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(claims(output)) >= 2, "no worker of the cluster claimed a case"
        os.kill(nodes.workers()[0].pid, 9)
        before = len(claims(output))
        while len(claims(output)) <= before and time.monotonic() < deadline:
            time.sleep(0.1)
        driver.kill()
        assert driver.stdout is not None
        assert driver.stdout.read().count("\n") <= 1  # the plan; Ray's own lines are left out
    again = run(nodes, stored, "-o", output)
    assert again.code == 1, again.err
    with (output / "summary.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["state"] for row in rows) == ["done"] * 2 + ["failed"]
    assert all(row["case"].startswith("case-") for row in rows)
    assert max(int(row["tries"]) for row in rows) > 1
    assert [row["code"] for row in rows if row["state"] == "failed"] == ["WRONG_KIND"]
    stranger = run(nodes, stored, "-o", tmp_path / "none", "--log", "json", token="f" * 48)
    said = [json.loads(line) for line in stranger.err.splitlines()]  # nothing but our own lines
    assert [line["code"] for line in said if "code" in line] == ["CLUSTER_REFUSED"]
    assert not (tmp_path / "none").exists()
