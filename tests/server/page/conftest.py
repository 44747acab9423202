"""A browser, and a server with finished cases of two bones: every test corrects its own copy."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.server.conftest import ANN, ROOT
from tests.server.page.visit import PATIENCE_MS, Visit

from afunet.jobs.ledger import Ledger
from afunet.server.home import CaseFolder, Home, new_id
from afunet.server.kinds import SEGMENT
from afunet.server.serve import ServeOptions, Server, serving

CHROMIUM = shutil.which("chromium")
SOFTWARE_GRAPHICS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--use-gl=angle",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]
COPIES = 60
SCREEN = {"width": 1280, "height": 800}


@dataclass(eq=False)
class Office:
    """A running server of one user, and the ids of cases that nobody has opened yet."""

    server: Server
    home: Home
    fresh: list[str] = field(default_factory=list)

    @property
    def link(self) -> str:
        """The address with the user's token."""
        return self.server.addresses[0].link

    def folder(self, case: str) -> CaseFolder:
        """The folder of a case."""
        return self.home.user(ANN).case(case)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE_GRAPHICS)
        yield opened
        opened.close()


@contextmanager
def running(data: Path) -> Iterator[Office]:
    """Run a server over a data folder in a thread of this process."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", f"{ROOT / 'src'}{os.pathsep}{ROOT}")
        with serving(ServeOptions(data, users=(ANN,))) as server:
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()
            yield Office(server, Home(data))
            server.stop()
            thread.join(30)


@pytest.fixture(scope="session")
def office(
    finished_home: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    """A server with many copies of the case that is done, of 12 slices of 64 × 80."""
    source, case = finished_home
    data = tmp_path_factory.mktemp("page") / "data"
    shutil.copytree(source, data)
    copies = [_copied(data, case) for _ in range(COPIES)]
    with running(data) as office:
        office.fresh.extend(copies)
        yield office


def _copied(data: Path, case: str) -> str:
    """Copy a case that is done, and its job."""
    cases = Home(data).user(ANN).cases
    copy = new_id()
    shutil.copytree(cases / case, cases / copy)
    ledger = Ledger(Home(data).ledger)
    ledger.add(ANN, copy, SEGMENT, {})
    claimed = ledger.claim()
    assert claimed is not None
    assert ledger.finish(claimed[1])
    ledger.close()
    return copy


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Hold the server's jobs, among them drawing, until this is called."""
    with monkeypatch.context() as held:
        held.setattr(Ledger, "claim", lambda *_: None)
        yield held.undo


@pytest.fixture
def new_visit(browser: Any, office: Office) -> Iterator[Callable[..., Visit]]:
    """Open the server's page in a window of its own; nothing may go wrong there."""
    opened: list[tuple[Any, Visit]] = []

    def visit(**options: Any) -> Visit:
        context = browser.new_context(**{"viewport": SCREEN, **options})
        seen = watched_visit(context.new_page(), office.link)
        opened.append((context, seen))
        return seen

    yield visit
    for context, seen in opened:
        context.close()
        assert seen.problems == []
        assert all(url.startswith(seen.base + "/") for url in seen.asked)


@pytest.fixture(scope="session")
def desk(browser: Any, office: Office) -> Iterator[Visit]:
    """The window in which the tests open their cases: a new one for each would cost seconds."""
    context = browser.new_context(viewport=SCREEN, accept_downloads=True)
    seen = watched_visit(context.new_page(), office.link)
    seen.page.goto(seen.link)
    yield seen
    context.close()


@pytest.fixture
def bench(desk: Visit, office: Office) -> Iterator[Visit]:
    """A visit of someone who has opened a case that is done; nothing may go wrong there."""
    desk.problems.clear()
    desk.open(office.fresh.pop())
    yield desk
    desk.of("() => { while (window.afunet?.labels?.undo()); }")  # else the page asks to save
    assert desk.problems == []
    assert all(url.startswith(desk.base + "/") for url in desk.asked)


def watched_visit(page: Any, link: str) -> Visit:
    """A visit that notes every request, and everything that the page complains of."""
    seen = Visit(page, link)
    page.set_default_timeout(PATIENCE_MS)
    page.on("request", lambda request: _noted(seen, request.url))
    page.on("pageerror", lambda error: seen.problems.append(str(error)))
    page.on("console", lambda said: said.type == "error" and seen.problems.append(_shown(said)))
    return seen


def _shown(said: Any) -> str:
    return f"{said.text} {said.location.get('url', '')}"


def _noted(seen: Visit, url: str) -> None:
    if not url.startswith(("data:", "blob:")):
        seen.asked.append(url)
