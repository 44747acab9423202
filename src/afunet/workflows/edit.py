"""Correct pieces by hand; all results that follow from the pieces are made again.

The label map and every other result that a step replaces are moved to `versions/<steps before>`, so
that undoing brings back the very same files (decision 010).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from afunet.findings import Finding, info
from afunet.formats.scan import Scan
from afunet.fragments.cut import Suspicion
from afunet.fragments.editing import (
    Change,
    change_of,
    label_at,
    unchanged,
)
from afunet.geometry import Volume
from afunet.plan import Step
from afunet.reconstruction.decimation import require_limits
from afunet.reconstruction.pieces import Instances, Remember, afresh
from afunet.reconstruction.remeasuring import remeasured
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.attempts import Attempts, WrittenResults
from afunet.workflows.corrected import Corrected
from afunet.workflows.correcting import (
    Correction,
    Corrections,
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
)
from afunet.workflows.edit_step import READING, Edited, held
from afunet.workflows.edited_folder import EditedFolder, version_of
from afunet.workflows.edited_pages import is_of_all_bone, pages_to_come, placed
from afunet.workflows.remake import write_corrected
from afunet.workflows.staging import staged_folder

EDITING, WRITING = "correcting", "writing"
PLAN = (
    Step(READING, share=0.1),
    Step(EDITING, share=0.1),
    Step(SURFACE, share=0.5),
    Step("surfaces of pieces", share=0.8),
    Step(WRITING, share=0.2, seconds=1.5),
)


def edit(
    results: Path,
    edits: Sequence[Correction],
    *,
    by: str = "",
    scan: Scan | None = None,
    contact: Volume | None = None,
    seen: str = "",
    labels: Volume | None = None,
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
    (`version_of`), `labels` its label map, if it is at hand. Surfaces are simplified as `decimated`
    says. With `pages_later` pictures and page of a case, and without limits all surfaces, are left
    to `finish`; until then they are missing, and the report says so. Then `remember` may know
    surfaces of pieces that did not change; without one, its measures are left to `finish`, too.

    Raises `InputError` for what is no result of afunet, for corrections of another case
    (`OTHER_CASE`), if the pieces changed since they were `seen` (`EDITED_MEANWHILE`), and as
    `join`, `part`, `erase` and `paint` do; `ConfigError` for an unknown name of a bone and for a
    missing scan; `OutputError` if another run holds the folder (`FOLDER_IN_USE`), and if another
    program changed a result. Then nothing is changed.
    """
    require_limits(max_triangles, max_error_mm)
    require_given_name(by)
    with held(results, seen, labels, watch) as state:
        before, known = state.before, state.known
        watch.tell(EDITING, 0, 1)
        start = Corrections(known.steps + 1, by, before.labels, state.digest, before.names)
        if scan is not None:
            before.labels.require_same_grid(scan.volume, "the scan")
            start = replace(start, hu=scan.volume, spacing_known=scan.source.spacing_known)
        corrections = replace(start, contact=contact).with_all(edits)
        after = corrections.labels
        change = change_of(before.labels, after)
        mask_changed = _mask_differs(before.labels, after, change)
        choice = dicom_choice(before, scan, mask_changed=mask_changed)
        watch.tell(EDITING, 1, 1)
        mesh, attempts = None, Attempts()
        coming = pages_to_come(before.folder)
        surface_anew = mask_changed or any(map(is_of_all_bone, coming))
        pages_later = pages_later and before.report is not None
        surfaces_later = pages_later and max_triangles is None and max_error_mm is None
        if surface_anew and not surfaces_later:
            bone = after.with_voxels((after.voxels > 0).view(np.uint8))
            mesh = Dividing(attempts, max_triangles, max_error_mm, watch).surface(bone)
        kept = unchanged(before.labels, after, change.box)
        instances = remeasured(
            after,
            corrections.names,
            None if scan is None else scan.volume,
            parted=before.of_one_bone | parted_by_hand([*known.edits, *corrections.done]),
            cuts=[cut for cut in before.cuts if {cut.one, cut.other} <= kept],
            suspected=_still_suspected(before, after, corrections.done),
            max_triangles=max_triangles,
            max_error_mm=max_error_mm,
            remember=remember if surfaces_later else afresh,
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
            surfaces_later,
        )
        return _write(made, known, corrections, change, attempts, watch)


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
