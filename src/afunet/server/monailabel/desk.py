"""Everything that MONAI Label's clients left with one user: sessions, images and their labels.

A client names its images itself, often after the patient. Such a name is never kept: an image is
found again by its digest.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afunet.errors import InputError
from afunet.server.monailabel.app_info import NAME, Counts
from afunet.server.monailabel.kept_scan import KeptScan, SegmentedScan, Segments, Sent

SESSIONS, IMAGES = "sessions", "images"
EXPIRY_S = 24 * 3600
ID = re.compile(r"[0-9a-f]{32}")
FINAL = "final"


class NotThere(InputError):  # noqa: N818 - as NothingUsable
    """There is no such session, image, label or model; to a client this is a 404."""

    def __init__(self, what: str) -> None:
        super().__init__(f"there is no such {what}: send the scan again", code="NOT_FOUND")


@dataclass(frozen=True)
class Session:
    """A scan that is kept for a day, by a random id."""

    id: str
    kept: KeptScan

    def to_json(self) -> dict[str, Any]:
        """Return `session_info`, without any path."""
        seen = int(self.kept.folder.stat().st_mtime)
        return {
            "name": self.id,
            "path": "",
            "image": self.kept.scan.name,
            "meta": {},
            "create_ts": seen,
            "last_access_ts": seen,
            "expiry": EXPIRY_S,
        }


@dataclass(frozen=True)
class Desk:
    """The folder of one user; `segment` does the work."""

    folder: Path
    segment: Segments

    def begin(self, files: Sequence[Sent]) -> Session:
        """Keep a scan for a day, and remove those that are older."""
        for old in _folders(self.folder / SESSIONS):
            if time.time() - old.stat().st_mtime > EXPIRY_S:
                shutil.rmtree(old, ignore_errors=True)
        session = Session(name := secrets.token_hex(16), KeptScan(self.folder / SESSIONS / name))
        session.kept.folder.parent.mkdir(parents=True, exist_ok=True)
        session.kept.keep(files)
        return session

    def session(self, name: str) -> Session:
        """Return a session; raises `NotThere`."""
        folder = self.folder / SESSIONS / name
        if not ID.fullmatch(name) or not folder.is_dir():
            raise NotThere("session")
        return Session(name, KeptScan(folder))

    def end(self, name: str) -> Session:
        """Remove a session and its scan; raises `NotThere`."""
        session = self.session(name)
        shutil.rmtree(session.kept.folder, ignore_errors=True)
        return session

    def keep_image(self, image: str, sent: Sent) -> None:
        """Keep a scan under its client's name, in place of an older one with its label."""
        kept = self._place(image)
        kept.folder.parent.mkdir(parents=True, exist_ok=True)
        kept.keep([sent])

    def image(self, image: str) -> KeptScan:
        """Return a scan by its client's name, or by its name in `listed`; raises `NotThere`."""
        kept = self._place(image)
        if not kept.folder.is_dir():
            raise NotThere("image")
        return kept

    def found(self, *, image: str, session: str, fast: bool) -> SegmentedScan:
        """Segment the scan of a session or, without one, an image; raises `NotThere`."""
        kept = self.session(session).kept if session else self.image(image)
        return kept.segmented(self.segment, fast=fast)

    def label(self, image: str, tag: str) -> Path:
        """Return the file of the label that a person saved; raises `NotThere`."""
        path = self.image(image).label
        if path is None or tag not in ("", FINAL):
            raise NotThere("label")
        return path

    @property
    def counts(self) -> Counts:
        """How many images there are."""
        images = self._images()
        return Counts(len(images), sum(kept.label is not None for kept in images))

    def listed(self) -> dict[str, Any]:
        """Return all images and labels, under names that say nothing about a patient."""
        objects = {}
        for kept in self._images():
            labels = {} if kept.label is None else {FINAL: {"ext": ".nii.gz", "info": {}}}
            image = {"ext": kept.suffix, "info": {}}
            objects[kept.folder.name] = {"image": image, "labels": labels}
        return {"name": NAME, "description": "", "objects": objects}

    def _place(self, image: str) -> KeptScan:
        listed = self.folder / IMAGES / image if ID.fullmatch(image) else None
        if listed is not None and listed.is_dir():
            return KeptScan(listed)
        digest = hashlib.sha256(image.encode(errors="replace")).hexdigest()[:32]
        return KeptScan(self.folder / IMAGES / digest)

    def _images(self) -> list[KeptScan]:
        return [KeptScan(path) for path in _folders(self.folder / IMAGES)]


def _folders(parent: Path) -> list[Path]:
    there = sorted(parent.iterdir()) if parent.is_dir() else []
    return [path for path in there if ID.fullmatch(path.name) and path.is_dir()]
