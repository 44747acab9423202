"""Correct pieces by hand, or undo it; all results that follow from the pieces are made again.

The label map and every other result that a step replaces are moved to `versions/<steps before>`, so
that undoing brings back the very same files (decision 010).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from afunet.errors import InputError, OutputError
from afunet.findings import Finding, info
from afunet.formats.scan import Scan
from afunet.fragments.cut import Suspicion
from afunet.fragments.editing import (
    Change,
    change_of,
    digest_of_labels,
    label_at,
    unchanged,
)
from afunet.geometry import Volume
from afunet.plan import Step
from afunet.reconstruction.decimation import require_limits
from afunet.reconstruction.pieces import Instances, Remember, afresh
from afunet.reconstruction.remeasuring import remeasured
from afunet.report.not_written import NotWritten
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.attempts import Attempts, WrittenResults
from afunet.workflows.corrected import Corrected
from afunet.workflows.correcting import (
    Correction,
    Corrections,
    now,
    require_given_name,
    write_painted,
)
from afunet.workflows.dicom_choice import dicom_choice
from afunet.workflows.dividing import SURFACE, Dividing
from afunet.workflows.edit_list import (
    EDITS,
    VERSIONS,
    DoneEdit,
    EditKind,
    EditList,
    parted_by_hand,
    read_edits,
)
from afunet.workflows.edited_folder import (
    EditedFolder,
    folder_of,
    labels_in,
    opened,
    version_of,
)
from afunet.workflows.edited_pages import pages_to_come, placed, surfaces_among
from afunet.workflows.folder_lock import alone_in
from afunet.workflows.remake import write_corrected
from afunet.workflows.staging import check_writable, staged_folder

READING, EDITING, WRITING = "reading", "correcting", "writing"
PLAN = (
    Step(READING, share=0.1),
    Step(EDITING, share=0.1),
    Step(SURFACE, share=0.5),
    Step("surfaces of pieces", share=0.8),
    Step(WRITING, share=0.2, seconds=1.5),
)


@dataclass(frozen=True, eq=False)
class Edited:
    """The list of corrections after a step, the digest of the label map, the files, what misses.

    `version` is that of `version_of`; `change` what the step changed in the map, now `labels`.
    """

    edits: EditList
    digest: str
    version: str
    files: tuple[Path, ...]
    change: Change
    labels: Volume
    not_written: tuple[NotWritten, ...] = ()


def edit(
    results: Path,
    edits: Sequence[Correction],
    *,
    by: str = "",
    scan: Scan | None = None,
    contact: Volume | None = None,
    seen: str = "",
    max_triangles: int | None = None,
    max_error_mm: float | None = None,
    remember: Remember = afresh,
    pages_later: bool = False,
    watch: Watch = UNWATCHED,
) -> Edited:
    """Make corrections, one after the other, and all results again that follow from the pieces.

    `results` is a `pieces.json` or `report.json`, or their folder. The edits are one step, which
    `undo` takes back. `by` is who makes them, a given name. `scan` is the scan of these results;
    DICOM results, and pictures of slices after erasing or painting bone, need it. `contact` is a
    probability that fragments touch (`part`). `seen` is the version that the user looked at
    (`version_of`). Surfaces are simplified as `decimated` says; without that, `remember` may know
    those of pieces that did not change. With `pages_later` pictures and page of a case, and without
    limits the surface of all bone, are left to `finish`; until then they are missing, and the
    report says so.

    Raises `InputError` for what is no result of afunet, for corrections of another case
    (`OTHER_CASE`), if the pieces changed since they were `seen` (`EDITED_MEANWHILE`), and as
    `join`, `part`, `erase` and `paint` do; `ConfigError` for an unknown name of a bone and for a
    missing scan; `OutputError` if another run holds the folder (`FOLDER_IN_USE`), and if another
    program changed a result. Then nothing is changed.
    """
    require_limits(max_triangles, max_error_mm)
    require_given_name(by)
    with _alone(results, seen, watch) as state:
        before, known = state.before, state.known
        watch.tell(EDITING, 0, 1)
        start = Corrections(known.steps + 1, by, before.labels, state.digest, before.names)
        if scan is not None:
            before.labels.require_same_grid(scan.volume, "the scan")
            start = replace(start, hu=scan.volume, spacing_known=scan.source.spacing_known)
        corrections = replace(start, contact=contact).with_all(edits)
        labels = corrections.labels
        change = change_of(before.labels, labels)
        mask_changed = _mask_differs(before.labels, labels, change)
        choice = dicom_choice(before, scan, mask_changed=mask_changed)
        watch.tell(EDITING, 1, 1)
        mesh, attempts = None, Attempts()
        surface_anew = mask_changed or bool(surfaces_among(pages_to_come(before.folder)))
        pages_later = pages_later and before.report is not None
        surface_later = pages_later and max_triangles is None and max_error_mm is None
        if surface_anew and not surface_later:
            bone = labels.with_voxels((labels.voxels > 0).view(np.uint8))
            mesh = Dividing(attempts, max_triangles, max_error_mm, watch).surface(bone)
        kept = unchanged(before.labels, labels, change.box)
        instances = remeasured(
            labels,
            corrections.names,
            None if scan is None else scan.volume,
            parted=before.of_one_bone | parted_by_hand([*known.edits, *corrections.done]),
            cuts=[cut for cut in before.cuts if {cut.one, cut.other} <= kept],
            suspected=_still_suspected(before, labels, corrections.done),
            max_triangles=max_triangles,
            max_error_mm=max_error_mm,
            remember=afresh if max_triangles or max_error_mm else remember,
            watch=watch,
        )
        if scan is None:
            instances = _with_densities(instances, before, kept)
        note = _note(len(known.edits) + len(edits))
        made = Corrected(
            before,
            instances,
            kept,
            mask_changed,
            mesh,
            scan,
            choice,
            note,
            pages_later,
            surface_anew,
            surface_later,
        )
        return _write(made, known, corrections, change, attempts, watch)


def undo(results: Path, *, by: str = "", seen: str = "", watch: Watch = UNWATCHED) -> Edited:
    """Bring back the files of before the last step; `by` is who wants it. Raises as `edit` does.

    Raises `InputError` (`NOTHING_TO_UNDO`) if there is no correction.
    """
    require_given_name(by)
    with _alone(results, seen, watch) as state:
        before, known = state.before, state.known
        if not known.edits:
            raise InputError("there is no correction to undo", code="NOTHING_TO_UNDO")
        last, left = known.last_step, known.with_undone(now(), by)
        old = f"{VERSIONS}/{left.steps}"
        _require_there(before.folder / old, last[0].replaced)
        coming = pages_to_come(before.folder / old)
        gone = {*last[0].added, *last[0].replaced, *coming, EDITS}
        with staged_folder(before.folder, before.command) as stage:
            names = [
                name for name in before.files if name not in gone and not name.startswith(f"{old}/")
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


@dataclass(frozen=True, eq=False)
class _State:
    """A folder that no other correction changes, its corrections, the digest of its label map."""

    before: EditedFolder
    known: EditList
    digest: str


@contextmanager
def _alone(results: Path, seen: str, watch: Watch) -> Iterator[_State]:
    """Yield the state of the results while no other correction of them can begin."""
    folder = folder_of(results)
    check_writable(folder)
    try:
        with alone_in(folder / EDITS):
            watch.tell(READING, 0, 1)
            before, known = opened(results), read_edits(folder)
            digest = digest_of_labels(before.labels)
            if known.edits and known.edits[-1].after != digest:
                raise InputError(
                    f"{EDITS} belongs to another label map than the one beside it: move it to "
                    "another place, or bring the label map back",
                    code="OTHER_CASE",
                )
            if seen and seen != version_of(results):
                raise InputError(
                    "the pieces were changed after you opened them: open them again",
                    code="EDITED_MEANWHILE",
                )
            check_writable(folder, before.command)
            watch.tell(READING, 1, 1)
            yield _State(before, known, digest)
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from error


def _still_suspected(
    before: EditedFolder, labels: Volume, done: Sequence[DoneEdit]
) -> list[Suspicion]:
    """Return the suspicions of before that no correction parted, changed or called whole."""
    whole = {piece for one in done if one.edit.kind is EditKind.WHOLE for piece in one.edit.pieces}
    found = []
    for cut in before.suspected:
        label = label_at(cut, before.labels, labels)
        if label is not None and not {cut.one, label} & whole:
            found.append(Suspicion(replace(cut, one=label, other=label)))
    return found


def _with_densities(instances: Instances, before: EditedFolder, kept: frozenset[int]) -> Instances:
    """Keep the HU of pieces that did not change, as there is no scan to measure them in."""
    pieces = []
    for piece in instances.pieces:
        label = piece.measures.label
        row = before.table[label] if label in kept & before.table.keys() else {}
        mean, low, high = (row.get(key) for key in ("mean_hu", "low_hu", "high_hu"))
        measures = replace(piece.measures, mean_hu=mean, low_hu=low, high_hu=high)
        pieces.append(replace(piece, measures=measures))
    return replace(instances, pieces=tuple(pieces))


def _note(count: int) -> Finding:
    counted = "1 correction" if count == 1 else f"{count} corrections"
    return info("CORRECTED", f"the pieces have {counted} by hand", f"listed in {EDITS}")


def _mask_differs(before: Volume, after: Volume, change: Change) -> bool:
    box = change.box
    return box is not None and bool(((before.voxels[box] > 0) != (after.voxels[box] > 0)).any())


def _write(
    made: Corrected,
    known: EditList,
    state: Corrections,
    change: Change,
    attempts: Attempts,
    watch: Watch,
) -> Edited:
    """Write everything into the folder at once; move what is replaced to the versions."""
    before, old = made.before, f"{VERSIONS}/{known.steps}"
    replaced = tuple(name for name in before.results if made.outdated(name))
    with staged_folder(before.folder, before.command) as stage:
        written = WrittenResults(stage, attempts)
        write_corrected(made, written, watch)
        added = tuple(name for name in written.names if name not in (*before.results, EDITS))
        done = write_painted(state, stage, old)
        listed = [replace(one, replaced=replaced, added=added) for one in done]
        edits = replace(known, edits=(*known.edits, *listed))
        for name in replaced:
            placed(before.folder / name, stage / old / name)
        for name in before.files:
            if name.startswith(f"{VERSIONS}/") and not name.startswith(f"{old}/"):
                placed(before.folder / name, stage / name)
        (stage / EDITS).write_text(edits.to_json(), encoding="utf-8")
        watch.check()
    files = tuple(before.folder / name for name in written.names)
    return Edited(
        edits,
        state.digest,
        version_of(before.described),
        files,
        change,
        state.labels,
        tuple(attempts.missing),
    )
