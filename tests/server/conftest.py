"""A server over a data folder with one finished case, made once and copied for each test."""

from __future__ import annotations

import io
import os
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from starlette.testclient import TestClient

from afunet.geometry import Volume
from afunet.jobs.ledger import Ledger
from afunet.jobs.process import ProcessPool
from afunet.jobs.worker import Worker
from afunet.server.app import application
from afunet.server.guard import Door
from afunet.server.home import CaseFacts, CaseFolder, Home, new_folder
from afunet.server.kinds import SEGMENT
from afunet.server.limits import Limits
from afunet.server.people import People
from afunet.server.serve import ServeOptions, Server, serving
from afunet.server.view import version_of
from afunet.server.workshop import TASKS, Workshop
from afunet.watch import Watch

ROOT = Path(__file__).parents[2]
PORT = 8765
BASE = f"http://127.0.0.1:{PORT}"
AFFINE = np.array([[1.0, 0, 0, -40], [0, 1.0, 0, -30], [0, 0, 2.0, 100], [0, 0, 0, 1]])
LIMITS = Limits(request_bytes=1 << 16, upload_bytes=8 << 20, upload_files=50, patience_s=5.0)
ANN, BEN = "ann", "ben"


@pytest.fixture(scope="session")
def two_bones() -> Volume:
    """12 slices of 64 × 80 with two round bones of 9 and 6 voxels in flesh, in HU."""
    _, row, column = np.mgrid[:12, :64, :80]
    flesh = np.hypot(row - 32, (column - 40) / 1.3) < 28
    hu = np.where(flesh, 50, -1000)
    for middle, radius in (((30, 26), 9), ((36, 54), 6)):
        hu = np.where(np.hypot(row - middle[0], column - middle[1]) < radius, 900, hu)
    return Volume(hu.astype(np.int16), AFFINE)


@pytest.fixture(scope="session")
def zipped(
    two_bones: Volume, write_dicom: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> bytes:
    """The two bones as a zip of DICOM files."""
    folder = write_dicom(tmp_path_factory.mktemp("dicom"), two_bones, PatientName="Jabberwock^Jane")
    return zip_of({path.name: path.read_bytes() for path in sorted(folder.iterdir())})


def zip_of(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.fixture(scope="session")
def finished_home(
    zipped: bytes, weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A data folder in which ann has one case that is done, and the id of the case."""
    from afunet.server import tasks

    home = Home(tmp_path_factory.mktemp("serve") / "data")
    case = CaseFolder(new_folder(home.user(ANN).cases))
    case.input.mkdir()
    (case.input / "000000.zip").write_bytes(zipped)
    case.write(CaseFacts("Case 1", "2026-01-01T00:00:00+00:00", "1", False))
    request = {"case": str(case.path), "series": "1", "fast": False, "title": "Case 1"}
    with pytest.MonkeyPatch.context() as patched:
        options = tasks.SegmentOptions
        patched.setattr(tasks, "SegmentOptions", lambda fast: options(weights=weights, fast=fast))
        tasks.segment(request, Watch())
    ledger = Ledger(home.ledger)
    ledger.add(ANN, case.id, SEGMENT, request)
    claimed = ledger.claim()
    assert claimed is not None
    assert ledger.finish(claimed[1])
    ledger.close()
    return home.path, case.id


@dataclass(eq=False)
class Served:
    """A server in this process, without workers unless a test starts them."""

    shop: Workshop
    people: People
    app: Any
    case: str
    token: str

    def client(self, token: str | None = None, **options: Any) -> TestClient:
        """A client that sends the token and the header of the page."""
        headers = {"x-afunet": "1", "authorization": f"Bearer {token or self.token}"}
        return TestClient(self.app, BASE, headers=headers, raise_server_exceptions=False, **options)

    @property
    def version(self) -> str:
        return version_of(self.folder)

    @property
    def folder(self) -> CaseFolder:
        return self.shop.home.user(ANN).case(self.case)


@pytest.fixture(scope="session")
def pool() -> Iterator[ProcessPool]:
    """The processes of short tasks, for all tests: each would wait seconds for its own."""
    pool = ProcessPool(TASKS)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", f"{ROOT / 'src'}{os.pathsep}{ROOT}")
        yield pool
    pool.close()


@pytest.fixture
def served(finished_home: tuple[Path, str], pool: ProcessPool, tmp_path: Path) -> Iterator[Served]:
    source, case = finished_home
    home = Home(tmp_path / "data")
    shutil.copytree(source, home.path)
    ledger = Ledger(home.ledger)
    workers = (Worker(ledger, TASKS, keeps_process=True),)
    shop = Workshop(home, ledger, pool, workers, LIMITS)
    people = People.of(home.people)
    token = people.new_token(ANN)
    yield Served(shop, people, application(shop, people, Door(PORT)), case, token)
    shop.closing.set()
    for worker in shop.workers:
        worker.stop()
    ledger.close()


@pytest.fixture
def client(served: Served) -> TestClient:
    return served.client()


def refusal(response: httpx2.Response) -> tuple[int, str]:
    """The status and code of a refusal, whose message is one line."""
    told = response.json()
    assert set(told) == {"code", "message"}
    assert "\n" not in told["message"]
    return response.status_code, told["code"]


@dataclass(eq=False)
class Live:
    """A server at a real socket of this computer, in a thread of this process."""

    server: Server
    case: str
    folder: CaseFolder

    @property
    def port(self) -> int:
        return self.server.door.port

    def token(self, user: str = ANN) -> str:
        link = next(one.link for one in self.server.addresses if one.user == user)
        return link.partition("token=")[2]

    def client(self, user: str = ANN) -> httpx2.Client:
        headers = {"x-afunet": "1", "authorization": f"Bearer {self.token(user)}"}
        return httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=120)


@pytest.fixture(scope="session")
def live(
    finished_home: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    source, case = finished_home
    data = tmp_path_factory.mktemp("live") / "data"
    shutil.copytree(source, data)
    options = ServeOptions(data, users=(ANN, BEN), limits=LIMITS)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", f"{ROOT / 'src'}{os.pathsep}{ROOT}")
        with serving(options) as server:
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()
            yield Live(server, case, Home(data).user(ANN).case(case))
            server.stop()
            thread.join(30)
