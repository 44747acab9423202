"""Undo the last step of corrections: the very files of before it come back (decision 010)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from afunet.errors import InputError
from afunet.fragments.editing import change_of
from afunet.geometry import Volume
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.corrected import OF_PIECES
from afunet.workflows.correcting import now, require_given_name
from afunet.workflows.edit_list import EDITS, VERSIONS
from afunet.workflows.edit_step import Edited, held
from afunet.workflows.edited_folder import labels_in, version_of
from afunet.workflows.edited_pages import pages_to_come, placed
from afunet.workflows.staging import staged_folder


def undo(
    results: Path,
    *,
    by: str = "",
    seen: str = "",
    labels: Volume | None = None,
    watch: Watch = UNWATCHED,
) -> Edited:
    """Bring back the files of before the last step; `by` is who wants it.

    `seen` and `labels` are those of `edit`. Raises as `edit` does, and `InputError`
    (`NOTHING_TO_UNDO`) if there is no correction.
    """
    require_given_name(by)
    with held(results, seen, labels, watch) as state:
        before, known = state.before, state.known
        if not known.edits:
            raise InputError("there is no correction to undo", code="NOTHING_TO_UNDO")
        last, left = known.last_step, known.with_undone(now(), by)
        old = f"{VERSIONS}/{left.steps}"
        _require_there(before.folder / old, last[0].replaced)
        coming = pages_to_come(before.folder / old)
        gone = {*last[0].added, *last[0].replaced, *coming, EDITS}
        of_step = (f"{old}/", *OF_PIECES)  # `finish` may have given pieces' files new names
        with staged_folder(before.folder, before.command) as stage:
            names = [
                name for name in before.files if name not in gone and not name.startswith(of_step)
            ]
            for name in names:
                placed(before.folder / name, stage / name)
            for name in last[0].replaced:
                placed(before.folder / old / name, stage / name)
            (stage / EDITS).write_text(left.to_json(), encoding="utf-8")
            watch.check()
            files = tuple(before.folder / name for name in (*last[0].replaced, EDITS))
        after = labels_in(before.folder)
        change = change_of(before.labels, after)
        return Edited(left, last[0].before, version_of(results), files, change, after)


def _require_there(version: Path, names: Sequence[str]) -> None:
    """Raise `InputError` if a file that an undo would bring back is gone."""
    missing = [name for name in names if not (version / name).is_file()]
    if missing:
        raise InputError(
            f"{missing[0]} is no longer in {VERSIONS}/{version.name}: the last correction cannot "
            "be undone without it",
            code="NO_SUCH_PATH",
        )
