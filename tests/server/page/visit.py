"""Someone who looks at the page: what the screen shows, what the mouse does, what is saved."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
import nibabel
import numpy as np
from numpy.typing import NDArray
from PIL import Image

PATIENCE_MS = 120_000
LOOK_MS = 100
COLOURFUL = 25
Voxel = tuple[float, float, float]
"""Columns to the right, rows to the front, slices to the head, as in the volumes of the page."""


@dataclass(eq=False)
class Visit:
    """A page in a browser, and what happened there."""

    page: Any
    link: str
    asked: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def base(self) -> str:
        """The address of the server."""
        return self.link.partition("/?token=")[0]

    @property
    def api(self) -> httpx2.Client:
        """A client of the same user beside the page."""
        token = self.link.partition("token=")[2]
        headers = {"x-afunet": "1", "authorization": f"Bearer {token}"}
        return httpx2.Client(base_url=self.base, headers=headers, timeout=120)

    @property
    def case(self) -> str:
        """The id of the case that is shown."""
        return str(self.page.url.partition("case=")[2])

    def open(self, case: str) -> None:
        """Show a case that is done, and wait until slices and surfaces are there."""
        self.of("id => { location.hash = `case=${id}`; }", case)
        self.page.wait_for_function(
            "id => window.afunet?.state.id === id && afunet.root.dataset.ready === ''", arg=case
        )

    def facts(self) -> dict[str, Any]:
        """What the server says of the case."""
        with self.api as api:
            found: dict[str, Any] = api.get(f"/api/cases/{self.case}").json()
        return found

    def pieces(self) -> dict[str, int]:
        """The names of the pieces on the server, and their labels."""
        return {one["name"]: one["label"] for one in self.facts()["pieces"]}

    def labels(self) -> NDArray[Any]:
        """The labels on the server, [column, row, slice]."""
        with self.api as api:
            sent = api.get(f"/api/cases/{self.case}/labels.nii").content
        return np.asanyarray(nibabel.Nifti1Image.from_bytes(sent).dataobj)

    def voxels(self, label: int) -> int:
        """How many voxels of a label the server has."""
        return int(np.count_nonzero(self.labels() == label))

    def of(self, script: str, argument: object = None) -> Any:
        """What a function of the page returns."""
        return self.page.evaluate(script, argument)

    def next_frame(self) -> None:
        """Wait until the page has drawn what changed."""
        self.of("() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")

    def settled(self, part: str = "slice-canvas") -> NDArray[np.int16]:
        """The pixels of a part of the page, drawn and without messages on it, (H, W, 3).

        The outermost pixels are left out: what lies beside the part may share them.
        """
        self.of("() => document.querySelectorAll('.notice').forEach(one => one.remove())")
        self.next_frame()
        shot = self.page.locator(f"[data-part={part}]").screenshot(timeout=PATIENCE_MS)
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), dtype=np.int16)[1:-1, 1:-1]

    def place(self, voxel: Voxel, fixed: int = 2) -> tuple[float, float]:
        """Where a voxel is on the screen, in the slice across an axis."""
        x, y = self.of(
            "([fixed, voxel]) => afunet.slices.tiles().find(t => t.fixed === fixed).place(voxel)",
            [fixed, voxel],
        )
        box = self.page.locator("[data-part=slice-canvas]").bounding_box()
        return box["x"] + x, box["y"] + y

    def pixel(self, voxel: Voxel, fixed: int = 2) -> NDArray[np.int16]:
        """The colour of the screen at a voxel, as the mean of 3 × 3 pixels."""
        box = self.page.locator("[data-part=slice-canvas]").bounding_box()
        x, y = self.place(voxel, fixed)
        column, row = round(x - box["x"]), round(y - box["y"])
        near = self.settled()[row - 2 : row + 1, column - 2 : column + 1]
        return near.reshape(-1, 3).mean(axis=0).round().astype(np.int16)

    def at(self) -> list[int]:
        """The voxel at the crosshair."""
        found: list[int] = self.of("() => afunet.slices.voxel()")
        return found

    def move_to(self, voxel: Voxel) -> None:
        """Set the crosshair."""
        self.of("voxel => afunet.slices.moveTo(voxel)", voxel)
        self.next_frame()

    def take(self, tool: str, diameter_mm: float | None = None) -> None:
        """Take a tool, and set the diameter of the brush."""
        self.page.get_by_role("button", name=tool, exact=True).first.click()
        if diameter_mm is not None:
            self.page.locator("[data-part=brush-size]").fill(str(diameter_mm))

    def choose(self, label: int, *, more: bool = False) -> None:
        """Choose a piece in the list."""
        keys = ["Shift"] if more else []
        self.page.locator(f"[data-label='{label}'] .name").click(modifiers=keys)

    def hide(self, label: int) -> None:
        """Hide a piece with its button in the list, or show it again."""
        self.page.locator(f"[data-label='{label}'] [data-focus^=hide]").click()
        self.next_frame()

    def drag(self, voxels: Sequence[Voxel], fixed: int = 2) -> None:
        """Press the mouse at the first voxel, move it over the others, and let go."""
        mouse = self.page.mouse
        mouse.move(*self.place(voxels[0], fixed))
        mouse.down()
        for voxel in voxels[1:]:
            mouse.move(*self.place(voxel, fixed))
            self.next_frame()  # else the browser makes one event of several
        mouse.up()

    def click(self, voxel: Voxel, fixed: int = 2) -> None:
        """Click at a voxel."""
        self.page.mouse.click(*self.place(voxel, fixed))

    def unsaved(self) -> int:
        """How many voxels the page says are not saved."""
        return int(re.sub(r"\D", "", self.page.inner_text("[data-part=unsaved]")) or 0)

    def saved(self, action: Callable[[], object]) -> None:
        """Do something that makes a new version, and wait until the page shows it."""
        before = self.of("() => afunet.state.version")
        action()
        self.page.wait_for_function(
            "before => afunet.state.version !== before && !afunet.busy", arg=before
        )

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)
        self.next_frame()

    def button(self, name: str) -> Any:
        """The button of this name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def notice(self, words: str) -> None:
        """Wait for a message with these words."""
        self.page.locator(".notice", has_text=words).last.wait_for()


def coloured(pixels: NDArray[np.int16]) -> int:
    """How many pixels are no grey: those of the mask."""
    return int(np.count_nonzero(np.ptp(pixels, axis=2) > COLOURFUL))
