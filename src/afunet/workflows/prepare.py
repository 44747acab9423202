"""Make one training store from labelled data sets of any layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from afunet.data.cases import SliceRecord, refuse_leaks
from afunet.data.layouts import AUTO, LAYOUTS, layout_of
from afunet.data.layouts.files import folders_in
from afunet.data.layouts.pair import Choice, Content, Found, LeftOut, Pair
from afunet.data.naming import KnownCase, name_all
from afunet.data.patients import identity_of, is_harmless, scrubbed
from afunet.data.splits import Assigned, SplitChoice, assign_splits
from afunet.data.store import CLASSES, FILES, is_store
from afunet.data.writing import StoreWriter
from afunet.errors import AfunetError, Cancelled, InputError, OutputError
from afunet.findings import Finding
from afunet.preprocessing import BONE_WINDOW
from afunet.watch import UNWATCHED, CancelToken, Watch
from afunet.workflows.split_counts import SplitCount, split_counts
from afunet.workflows.staging import check_writable, staged_folder

MOST_NAMED = 4


@dataclass(frozen=True)
class PrepareOptions:
    """How sources are read (`layout`, `choice`) and split."""

    layout: str = AUTO
    choice: Choice = field(default_factory=Choice)
    split: SplitChoice = field(default_factory=SplitChoice)


@dataclass(frozen=True)
class Prepared:
    """A finished store: its content, what was left out, and warnings before training on it."""

    folder: Path
    counts: tuple[SplitCount, ...]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]


class NothingUsable(InputError):  # noqa: N818 - says what was found, as its neighbours do
    """No pair of any source can be used; `left_out` has the reason for each."""

    def __init__(self, left_out: Sequence[LeftOut]) -> None:
        first = f"; the first, {left_out[0].case}: {left_out[0].reason}" if left_out else ""
        super().__init__(f"no usable pair, {len(left_out)} left out{first}", code="NOTHING_USABLE")
        self.left_out = tuple(left_out)


@dataclass(frozen=True)
class _Task:
    """A pair with its place among all pairs and the layout it came from."""

    number: int
    layout: str
    pair: Pair

    @property
    def label(self) -> str:
        """The case's name, or its number if the name may identify a patient."""
        return _label(self.pair.given.case, self.number, self.pair.paths[0])


class _Noticed:
    """Findings about the cases that are used, grouped by code."""

    def __init__(self) -> None:
        self._by_code: dict[str, tuple[Finding, dict[str, None]]] = {}

    def add(self, label: str, findings: Sequence[Finding]) -> None:
        for finding in findings:
            _, labels = self._by_code.setdefault(finding.code, (finding, {}))
            labels[label] = None

    def lines(self) -> list[str]:
        """Return a line for each code: number of cases, the first names, and the first finding."""
        lines = []
        for code, (finding, labels) in self._by_code.items():
            named = ", ".join(list(labels)[:MOST_NAMED]) + (
                ", …" if len(labels) > MOST_NAMED else ""
            )
            cases = "case" if len(labels) == 1 else "cases"
            lines.append(f"{code} in {len(labels)} {cases} ({named}): {finding}")
        return lines


@dataclass(frozen=True)
class _ReadCase:
    """A case whose slices are in the store's files: its range there, and its bone pixels."""

    task: _Task
    slices: range
    bone: tuple[bool, ...]
    classes: frozenset[int]


def prepare(
    sources: Sequence[Path],
    output: Path,
    options: PrepareOptions | None = None,
    *,
    watch: Watch = UNWATCHED,
) -> Prepared:
    """Read all sources, leave out what cannot be used, split, and write the store `output`.

    Raises `AfunetError`, and `NothingUsable` if no pair can be used; then nothing is left behind.
    """
    options = options or PrepareOptions()
    output = Path(output)
    _check_output(output, sources)
    tasks, left_out, unused = _find([Path(source) for source in sources], options)
    cases: list[_ReadCase] = []
    noticed = _Noticed()
    with staged_folder(output) as stage, StoreWriter(stage) as writer:
        for done, task in enumerate(tasks, 1):
            content = _read(task, options.choice, watch.cancel)
            left_out += content.left_out
            noticed.add(task.label, content.findings)
            if content.slices:
                cases.append(_write(content, task, writer))
            watch.tell("reading cases", done, len(tasks))
        if not cases:
            raise NothingUsable(left_out)
        named, notes = _named(
            [entry.record for entry in writer.entries], cases, options.split.keeps_given
        )
        assigned = assign_splits(named, options.split)
        refuse_leaks(assigned.records)
        watch.check()
        counts = split_counts(assigned.records, [bone for case in cases for bone in case.bone])
        unseen = _unseen_classes(cases, options.choice)
        warnings = (*unused, *unseen, *noticed.lines(), *notes, *assigned.warnings)
        facts = _facts(cases, assigned, counts, left_out, warnings, options)
        writer.finish(assigned.records, facts)
    return Prepared(output, counts, tuple(left_out), warnings)


def _check_output(output: Path, sources: Sequence[Path]) -> None:
    """Refuse an output folder before the work; never overwrite a data set."""
    check_writable(output)
    if not sources:
        raise InputError(
            "no source was given: give the folder of a labelled data set", code="NOTHING_GIVEN"
        )
    for source in sources:
        if Path(source).resolve() == output.resolve():
            raise OutputError(
                f"{output} is one of the sources: choose another folder for the store",
                code="PLACE_TAKEN",
            )
    others = [name for name in FILES if (output / name).exists()]
    if others and not is_store(output):
        raise OutputError(
            f"{output} holds {others[0]}, which is not part of a store: choose another folder",
            code="PLACE_TAKEN",
        )


def _find(
    sources: Sequence[Path], options: PrepareOptions
) -> tuple[list[_Task], list[LeftOut], list[str]]:
    """Return all pairs of all sources in order, what could not be paired, and unused folders."""
    tasks: list[_Task] = []
    left_out: list[LeftOut] = []
    unused: list[str] = []
    for source in sources:
        if not source.is_dir():
            raise InputError(
                f"{source} is not a folder: give the folder of a labelled data set",
                code="NOT_A_FOLDER",
            )
        if is_store(source):
            raise InputError(
                f"{source} is already a store: name it in [[data]] of a training recipe",
                code="STORE_ALREADY",
            )
        layout = layout_of(source, options.layout)
        found = LAYOUTS[layout].pairs(source, options.choice)
        unused += _unused_folders(source, layout, found)
        for pair in found.pairs:
            tasks.append(_Task(len(tasks) + 1, layout, pair))
        for number, item in enumerate(found.left_out, 1):
            label = _label(item.case, number, None, "unpaired ")
            reason = scrubbed(item.reason, (), (item.case,), label)
            left_out.append(LeftOut(label, reason))
    return tasks, left_out, unused


def _unused_folders(source: Path, layout: str, found: Found) -> list[str]:
    """Return a line if folders in a source hold no pair and nothing that was left out by name."""
    paths = [path for pair in found.pairs for path in pair.paths]
    named = {item.case for item in found.left_out}
    unused = [
        folder.name
        for folder in folders_in(source)
        if folder.name not in named
        and not any(path.is_relative_to(folder) for path in paths)
        and not any(case.startswith(f"{folder.name}-") for case in named)
    ]
    if not unused:
        return []
    known = [name for name in unused if is_harmless(name, None)]
    shown = f" ({', '.join(known[:MOST_NAMED])}{', …' if len(unused) > MOST_NAMED else ''})"
    folders = "folder holds" if len(unused) == 1 else "folders hold"
    return [f"{len(unused)} {folders} nothing of the layout {layout}{shown if known else ''}"]


def _read(task: _Task, choice: Choice, cancel: CancelToken) -> Content:
    """Return a pair's slices; no slice and the reason if it cannot be used."""
    cancel.check()
    try:
        content = task.pair.read(choice, cancel)
        left_out = content.left_out
    except Cancelled:
        raise
    except AfunetError as error:
        content, left_out = Content(()), (LeftOut(task.label, str(error)),)
    except OSError as error:
        reason = f"cannot be read: {error.strerror or 'unreadable'}"
        content, left_out = Content(()), (LeftOut(task.label, reason),)
    given = task.pair.given
    names = (given.case, given.patient)
    safe = tuple(
        LeftOut(task.label, scrubbed(" ".join(i.reason.split()), task.pair.paths, names, "…"))
        for i in left_out
    )
    return Content(content.slices, safe, content.findings if content.slices else ())


def _write(content: Content, task: _Task, writer: StoreWriter) -> _ReadCase:
    start = len(writer.entries)
    for item in content.slices:
        writer.append(item)
    return _ReadCase(
        task,
        range(start, len(writer.entries)),
        tuple(bool(item.mask.any()) for item in content.slices),
        frozenset().union(*(np.unique(item.mask).tolist() for item in content.slices)),
    )


def _named(
    records: Sequence[SliceRecord], cases: Sequence[_ReadCase], keeps_given: bool
) -> tuple[list[SliceRecord], tuple[str, ...]]:
    """Return the records under names that identify nobody, and a note on merged patients."""
    names = name_all(
        [_known(case, [records[i] for i in case.slices], keeps_given) for case in cases]
    )
    named = list(records)
    for case, name, patient in zip(cases, names.cases, names.patients, strict=True):
        for i in case.slices:
            named[i] = replace(named[i], case=name, patient=patient)
    note = f"{names.merged} patients share an identical slice with another patient and were merged"
    return named, (note,) if names.merged else ()


def _unseen_classes(cases: Sequence[_ReadCase], choice: Choice) -> list[str]:
    """Return a line for each class that is in no slice and so cannot be learnt."""
    seen = frozenset().union(*(case.classes for case in cases))
    names = enumerate(choice.class_names, start=1)
    return [f"no slice contains {name}: check its label" for i, name in names if i not in seen]


def _known(case: _ReadCase, records: Sequence[SliceRecord], keeps_given: bool) -> KnownCase:
    given, paths = case.task.pair.given, case.task.pair.paths
    return KnownCase(
        given.case,
        frozenset(record.patient for record in records if record.patient),
        paths[0],
        identity_of(paths[0]),
        frozenset(record.fingerprint for record in records if record.fingerprint),
        keeps_given and bool(given.split),
    )


def _facts(
    cases: Sequence[_ReadCase],
    assigned: Assigned,
    counts: Sequence[SplitCount],
    left_out: Sequence[LeftOut],
    warnings: Sequence[str],
    options: PrepareOptions,
) -> Mapping[str, Any]:
    """Return the content of `store.json` except the checksums."""
    return {
        "afunet": version("afunet"),
        "date": datetime.now(UTC).date().isoformat(),
        "window_hu": [BONE_WINDOW.low_hu, BONE_WINDOW.high_hu],
        "pixel_mm": list(options.choice.allowed_mm),
        "bones": list(options.choice.bones),
        CLASSES: list(options.choice.class_names),
        "labels": {one.name: list(one.labels) for one in options.choice.classes},
        "layouts": dict(Counter(case.task.layout for case in cases)),
        "simulators": sorted({case.task.pair.given.simulator for case in cases} - {""}),
        "split": {
            **asdict(options.split),
            "by_slice": any(record.by_slice for record in assigned.records),
        },
        "counts": [asdict(item) for item in counts],
        "left_out": [asdict(item) for item in left_out],
        "warnings": list(warnings),
    }


def _label(case: str, number: int, image: Path | None, kind: str = "") -> str:
    return case if is_harmless(case, image) else f"{kind}pair {number}"
