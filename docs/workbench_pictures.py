"""Make the pictures of docs/workbench.md: the page with a simulated fractured knee in Chromium.

    .venv/bin/python -m docs.workbench_pictures

Takes about two minutes of CPU time. Needs Playwright and Debian's chromium.
"""

from __future__ import annotations

import io
import tempfile
import threading
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from afunet.phantom import simulate, write_dicom_series
from afunet.phantom.drawing.examples import fractured_knee
from afunet.server.serve import ServeOptions, serving

IMAGES = Path("docs/images")
SIZE = {"width": 1280, "height": 800}
SHOWN_WIDTH = 960
PATIENCE_MS = 600_000
BROWSER = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--use-gl=angle",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]
SEEDS_MM = ((108, -3, -50), (92, 13, -12), (80, 1, -39))
"""One in each large fragment of the tibia (LPS), as in the guide."""


def main() -> None:
    """Segment the knee on the page, and keep what the page shows."""
    with tempfile.TemporaryDirectory() as folder, page_of(Path(folder) / "data") as page:
        page.set_input_files("[data-part=file-input]", zipped_knee(Path(folder)))
        page.fill("input[name=name]", "left knee, simulated")
        page.click("[data-part=start]")
        page.wait_for_selector(".bench[data-ready]")
        page.click("[data-part=flags] button")
        save(page, "workbench-case.png")
        set_seeds(page, SEEDS_MM)
        save(page, "workbench-part.png")


@contextmanager
def page_of(data: Path) -> Iterator[Any]:
    """Yield the first page of a new server, in a browser."""
    with serving(ServeOptions(data)) as server, sync_playwright() as play:
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=BROWSER)
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.set_default_timeout(PATIENCE_MS)
        page.goto(server.addresses[0].link)
        yield page
        browser.close()
        server.stop()
        thread.join(30)


def zipped_knee(folder: Path) -> Path:
    """Write the demo's knee as a zip of DICOM files."""
    dicom, packed = folder / "dicom", folder / "knee.zip"
    write_dicom_series(simulate(fractured_knee()).volume, dicom)
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(dicom.iterdir()):
            archive.write(path, path.name)
    return packed


def set_seeds(page: Any, seeds_mm: Sequence[tuple[float, float, float]]) -> None:
    """Set the points of a cut through the tibia, and look at the middle one."""
    page.locator("[data-part=pieces] .name", has_text="tibia").first.click()
    page.keyboard.press("p")
    for seed in seeds_mm:
        page.evaluate("mm => afunet.goTo(mm)", seed)
        page.keyboard.press("Space")
    page.evaluate("mm => afunet.goTo(mm)", seeds_mm[1])
    page.keyboard.press("Enter")
    page.locator(".notice", has_text="tibia").wait_for()


def save(page: Any, name: str) -> None:
    """Keep what the page shows as a small picture."""
    page.evaluate("() => document.querySelectorAll('.notice').forEach(one => one.remove())")
    page.wait_for_timeout(1500)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    height = round(shot.height * SHOWN_WIDTH / shot.width)
    small = shot.resize((SHOWN_WIDTH, height), Image.Resampling.LANCZOS)
    small.save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    main()
