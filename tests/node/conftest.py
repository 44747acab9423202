"""A small series, a node in a process of its own, and a real Orthanc to talk to."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pydicom
import pytest
import requests
from pydicom.uid import generate_uid
from pynetdicom.transport import AssociationSocket

from afunet.geometry import Volume
from afunet.node.config import NodeConfig, Peer, Rule
from afunet.node.database import Database
from afunet.node.home import Home
from afunet.node.images import ImageHeader, Images
from afunet.node.outbox import Outbox

PATIENT = "Jabberwock^Jane"
ORTHANC = shutil.which("Orthanc", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
DICOMWEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def until(what: Callable[[], Any], seconds: float = 300.0, pause_s: float = 0.1) -> Any:
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(pause_s)
    return found


@pytest.fixture(scope="session", autouse=True)
def _sockets_are_closed() -> Iterator[None]:
    """pynetdicom leaves the socket of a failed connection open, and pytest calls that an error."""
    shut_down = AssociationSocket._shutdown_socket

    def closed(self: AssociationSocket) -> None:
        opened = self.socket
        shut_down(self)
        if opened is not None:
            opened.close()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(AssociationSocket, "_shutdown_socket", closed)
        yield


def free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


def environment() -> dict[str, str]:
    """That of a child with the packages of this process."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


@pytest.fixture(scope="session")
def series(
    cylinder: Volume, write_dicom: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """Six images of a series."""
    folder = write_dicom(
        tmp_path_factory.mktemp("series"), cylinder, PatientName=PATIENT, SeriesDescription="Knee"
    )
    return sorted(folder.iterdir())


def copies(paths: list[Path], count: int = 1) -> Iterator[list[pydicom.Dataset]]:
    """Yield other series with the same pixels."""
    for _ in range(count):
        uid, images = generate_uid(), []
        for path in paths:
            image = pydicom.dcmread(path)
            image.SeriesInstanceUID, image.SOPInstanceUID = uid, generate_uid()
            image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
            images.append(image)
        yield images


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "data")
    home.prepare()
    return home


@pytest.fixture
def database(home: Home) -> Iterator[Database]:
    database = Database(home.database)
    yield database
    database.close()


@pytest.fixture
def images(home: Home, database: Database) -> Images:
    return Images(home, database)


@pytest.fixture
def outbox(database: Database) -> Outbox:
    return Outbox(database)


@pytest.fixture
def config(home: Home) -> NodeConfig:
    return NodeConfig(
        ae_title="AFUNET",
        data=str(home.path),
        port=free_port(),
        free_mib=1,
        rules=(Rule("legs", description="knee", least_slices=2, quiet_s=10.0),),
        peers=(Peer("sender", "SENDER"),),
    )


def header(number: int, series: str = "1.2.3", **others: Any) -> ImageHeader:
    made = ImageHeader(f"{series}.{number}", "1.2", series, "CT", "Left knee", 1)
    return replace(made, **others)


@dataclass(eq=False)
class Program:
    """`afunet node` as a process."""

    process: subprocess.Popen[bytes]
    config: Path
    log: Path

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def said(self, event: str, **facts: Any) -> list[dict[str, Any]]:
        lines = [line for line in self.lines if line["event"] == event]
        return [line for line in lines if all(line.get(key) == facts[key] for key in facts)]

    def pid_of(self, role: str) -> int | None:
        """The number of a part's process, without asking the node."""
        wanted = {b"afunet.node.process", role.encode(), str(self.config).encode()}
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if wanted <= set(path.read_bytes().split(b"\0")):
                    return int(path.parent.name)
        return None

    def kill(self, role: str) -> None:
        os.kill(until(lambda: self.pid_of(role), 30), signal.SIGKILL)

    def call(self, command: str, *options: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "afunet", "node", command, "-c", str(self.config), *options],
            capture_output=True,
            text=True,
            env=environment(),
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def started(config: Path) -> Iterator[Program]:
    log = config.with_suffix(f".{len(list(config.parent.glob('*.log')))}.log")
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "afunet", "node", "--config", str(config)],
            stderr=errors,
            env=environment(),
        )
    program = Program(process, config, log)
    try:
        until(lambda: process.poll() is not None or program.said("listening"))
        assert process.poll() is None, log.read_text()
        yield program
    finally:
        process.terminate()
        process.wait(60)


@dataclass(eq=False)
class Orthanc:
    """A running Orthanc: its addresses, and its REST interface."""

    web: str
    port: int
    node_port: int

    def get(self, path: str) -> Any:
        return requests.get(self.web + path, timeout=30).json()

    def take(self, image: bytes) -> str:
        answer = requests.post(f"{self.web}/instances", data=image, timeout=30)
        return str(answer.json()["ParentSeries"])

    def push(self, series: str) -> dict[str, Any]:
        answer = requests.post(f"{self.web}/modalities/afunet/store", data=series, timeout=120)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def found(self, modality: str) -> list[dict[str, Any]]:
        """The series of a modality, by QIDO."""
        query = {"Modality": modality}
        url = f"{self.web}/dicom-web/series"
        answer = requests.get(url, params=query, timeout=30)
        return list(answer.json()) if answer.status_code == 200 else []


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    if ORTHANC is None or not DICOMWEB.is_file():
        pytest.skip("no Orthanc here: apt-get install orthanc orthanc-dicomweb")
    folder = tmp_path_factory.mktemp("orthanc")
    http, port, node_port = free_port(), free_port(), free_port()
    node = {
        "AET": "AFUNET",
        "Host": "127.0.0.1",
        "Port": node_port,
        **{f"Allow{what}": True for what in ("Echo", "Find", "Get", "Move", "Store")},
        "AllowStorageCommitment": True,
    }
    settings = {
        "Name": "archive",
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "HttpPort": http,
        "DicomPort": port,
        "DicomAet": "PACS",
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowStore": False,
        "DicomAlwaysAllowEcho": False,
        "UnknownSopClassAccepted": True,
        "DicomModalities": {"afunet": node},
        "Plugins": [str(DICOMWEB)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([ORTHANC, str(folder / "orthanc.json")], stdout=log, stderr=log)
    made = Orthanc(f"http://127.0.0.1:{http}", port, node_port)
    try:
        until(lambda: _answers(made, process))
        yield made
    finally:
        process.terminate()
        process.wait(30)


def _answers(orthanc: Orthanc, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None
    try:
        return bool(orthanc.get("/system"))
    except requests.ConnectionError:
        return False
