"""A server on the loopback address with MONAI Label's routes alone, and its own clients."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from tests.workflows.test_result_files import scan_of

from afunet.errors import AfunetError
from afunet.faults import code_of
from afunet.formats.nifti import write_nifti
from afunet.server.monailabel.desk import Desk
from afunet.server.monailabel.router import OPEN_PATHS, monai_label_router
from afunet.workflows.segment import SegmentOptions, segment

WHEEL = "monailabel==0.8.5"
CLIENTS = ("monailabel/client/client.py", "MONAILabelLib/client.py")
TOKEN = "a-token-that-nobody-guesses"


@dataclass(frozen=True)
class Served:
    """The server's address, the folder of its user, and how often a scan was segmented."""

    url: str
    folder: Path
    segmented: list[bool]


def app_of(desk: Desk) -> FastAPI:
    """The routes behind a bearer token, with refusals as the workbench answers them."""
    app = FastAPI()
    app.include_router(
        monai_label_router(lambda request: desk, lambda token: "ann" if token == TOKEN else None)
    )

    @app.middleware("http")
    async def only_with_token(request: Request, call: Callable[..., Any]) -> Response:
        given = request.headers.get("authorization", "")
        if request.url.path not in OPEN_PATHS and given != f"Bearer {TOKEN}":
            return JSONResponse({"code": "NO_TOKEN"}, 401)
        request.state.user = "ann"
        answer: Response = await call(request)
        return answer

    @app.exception_handler(AfunetError)
    async def refused(request: Request, error: AfunetError) -> JSONResponse:
        return JSONResponse({"code": code_of(error), "message": str(error)}, 422)

    return app


@pytest.fixture
def desk(tmp_path: Path, weights: Path) -> Iterator[tuple[Desk, list[bool]]]:
    """A desk that segments with the network of the tests, and what it segmented."""
    calls: list[bool] = []

    def work(scan: Path, results: Path, fast: bool) -> None:
        calls.append(fast)
        segment(scan, results, SegmentOptions(weights=weights, formats=("nifti",)))

    return Desk(tmp_path / "ann", work), calls


@pytest.fixture
def served(desk: tuple[Desk, list[bool]]) -> Iterator[Served]:
    config = uvicorn.Config(app_of(desk[0]), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Served(f"http://127.0.0.1:{port}", desk[0].folder, desk[1])
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    """Three cubes of bone as 3D Slicer would send them, under a patient's name."""
    path = tmp_path / "Doe John.nii.gz"
    write_nifti(scan_of(3), path)
    return path


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of MONAI Label, from the package index."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, WHEEL]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip(f"{WHEEL} cannot be downloaded here")
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(params=CLIENTS)
def client(
    request: pytest.FixtureRequest, wheel: Path, served: Served, tmp_path: Path
) -> Iterator[Any]:
    """The client of the wheel, or the one of its extension of 3D Slicer, logged in."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(request.param))
        path = tmp_path / "client.py"
        path.write_bytes(archive.read(name))
    spec = spec_from_file_location("client", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    with warnings.catch_warnings(action="ignore"):  # it imports cgi
        spec.loader.exec_module(module)
    (tmp_path / "got").mkdir()
    made = module.MONAILabelClient(served.url, tmpdir=str(tmp_path / "got"), client_id="slicer")
    assert made.auth_enabled()
    made.update_auth(made.auth_token("ann", TOKEN))
    yield made
    with warnings.catch_warnings(action="ignore"):  # it leaves its connections open
        gc.collect()
