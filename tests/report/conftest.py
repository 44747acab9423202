"""A page as a browser shows it: headless Chromium, where there is one."""

from __future__ import annotations

import io
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CONTAINER = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--virtual-time-budget=4000",
)
# After what is drawn at first, since the surfaces are unpacked beside the page's own scripts.
LATER_MS = 1500


@dataclass(frozen=True)
class Browser:
    """Opens pages without any network; `then` is a script that runs once the page stands."""

    program: str
    folder: Path

    def picture(self, page: str, size: tuple[int, int] = (900, 620), then: str = "") -> np.ndarray:
        """Red, green, blue (height, width, 3) of what the window shows."""
        shot = self.folder / "shot.png"
        self._open(page, then, f"--screenshot={shot}", f"--window-size={size[0]},{size[1]}")
        return np.asarray(Image.open(io.BytesIO(shot.read_bytes())).convert("RGB")).astype(int)

    def dom(self, page: str, then: str = "", *more: str) -> str:
        """The page as its scripts have left it."""
        return self._open(page, then, "--dump-dom", "--window-size=900,620", *more)

    def _open(self, page: str, then: str, *options: str) -> str:
        file = self.folder / "page.html"
        script = f"<script>setTimeout(() => {{ {then} }}, {LATER_MS});</script>" if then else ""
        file.write_text(page + script, encoding="utf-8")
        profile = f"--user-data-dir={self.folder / 'profile'}"
        command = [self.program, *CONTAINER, profile, *options, file.as_uri()]
        done = subprocess.run(command, capture_output=True, timeout=180, check=True)
        return done.stdout.decode()


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    """Skips where no Chromium is installed."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no chromium: apt-get install chromium fonts-dejavu-core")
    return Browser(program, tmp_path)
