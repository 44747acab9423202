"""Zip archives of the slices: good, cut, encrypted, and those that would do harm."""

from __future__ import annotations

from . import archives, companions
from .archives import ARCHIVE
from .case import Case, Refused, Same, refused, same
from .forms import on_medium, plain, together, without, writing, zipped
from .planes import SLICES

_PLAIN = writing(plain())

CASES: dict[str, Case] = {
    "zip archive": same(zipped(_PLAIN), SLICES, read=ARCHIVE),
    "zip archive of a medium": same(zipped(on_medium(_PLAIN)), SLICES, "DICOMDIR", read=ARCHIVE),
    "zip archive with foreign files": same(
        zipped(together(_PLAIN, companions.write_foreign_files)),
        SLICES,
        "FOREIGN_FILES",
        read=ARCHIVE,
    ),
    "zip archive, one slice missing": Case(
        zipped(writing(without(plain(), 40))),
        Same(SLICES),
        Refused("GAP"),
        ("GAP",),
        ARCHIVE,
    ),
    "zip archive that leaves its folder (../)": refused(
        zipped(_PLAIN, lambda path: archives.add_member(path, "CD/../../../out")),
        "ARCHIVE_PATH",
        ARCHIVE,
    ),
    "zip archive that leaves its folder (\\)": refused(
        zipped(_PLAIN, lambda path: archives.add_member(path, "CD\\..\\..\\out")),
        "ARCHIVE_PATH",
        ARCHIVE,
    ),
    "zip archive with an absolute path": refused(
        zipped(_PLAIN, lambda path: archives.add_member(path, "/tmp/out")),
        "ARCHIVE_PATH",
        ARCHIVE,
    ),
    "zip archive with a drive letter": refused(
        zipped(_PLAIN, lambda path: archives.add_member(path, "C:/out")),
        "ARCHIVE_PATH",
        ARCHIVE,
    ),
    # The link is a member like any other: its text is no DICOM, and nothing follows it.
    "zip archive with a link out of it": same(
        zipped(_PLAIN, lambda path: archives.add_link(path, "CD/link", "../../etc")),
        SLICES,
        "FOREIGN_FILES",
        read=ARCHIVE,
    ),
    "zip archive that swells a thousandfold": refused(
        zipped(writing(plain()[:1]), archives.add_bomb), "ARCHIVE_SIZE", ARCHIVE
    ),
    "zip archive that understates its sizes": refused(
        zipped(_PLAIN, archives.understate_sizes), "ARCHIVE_BROKEN", ARCHIVE
    ),
    "zip archive, encrypted": refused(
        zipped(_PLAIN, archives.mark_encrypted), "ENCRYPTED_ARCHIVE", ARCHIVE
    ),
    "zip archive cut": refused(zipped(_PLAIN, archives.cut), "ARCHIVE_BROKEN", ARCHIVE),
    "folder of a zip archive": refused(zipped(_PLAIN), "NO_DICOM"),
    "zip archive without DICOM": refused(
        zipped(companions.write_foreign_files), "NO_DICOM", ARCHIVE
    ),
}
