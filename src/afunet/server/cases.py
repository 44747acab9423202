"""Cases: an upload becomes one, is segmented, and can be stopped, tried again and removed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, StringConstraints

from afunet.jobs.job import Job, State
from afunet.server.case_facts import finished_facts
from afunet.server.home import CaseFacts, CaseFolder, new_id, remove
from afunet.server.kinds import FINISH, SEGMENT
from afunet.server.refusals import Refused, failure_of
from afunet.server.uploads import chosen_series
from afunet.server.workshop import Asks, Caller, Workshop
from afunet.workflows.edited_pages import pages_to_come

router = APIRouter(prefix="/api/cases")
LONGEST_TITLE = 100
STOPPING_S = 40.0


class NewCase(BaseModel):
    """What is to be segmented. `name` is the title in the report; it must not name the patient."""

    model_config = ConfigDict(extra="forbid", strict=True)
    upload: str
    series: str
    fast: bool = False
    name: Annotated[str, StringConstraints(max_length=LONGEST_TITLE)] = ""


@router.post("", status_code=201)
def begin(asks: Asks, wanted: NewCase) -> dict[str, str]:
    """Make a case of an upload, and put its job into the queue."""
    title = "".join(letter for letter in wanted.name if letter.isprintable()).strip()
    number = len(asks.folder.all_cases()) + 1
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    with asks.shop.uses.alone(asks.folder.upload(wanted.upload).name):
        chosen = chosen_series(asks, wanted.upload, wanted.series)
        facts = CaseFacts(title or f"Case {number}", now, chosen.series, wanted.fast)
        CaseFolder(chosen.folder).write(facts)
        case = CaseFolder(chosen.folder.rename(asks.folder.cases / new_id()))
    enqueue(asks.shop, asks.user, case)
    return {"case": case.id}


@router.get("")
def listed(asks: Asks) -> list[dict[str, Any]]:
    """List the user's cases, the newest first."""
    jobs = asks.shop.ledger.jobs(asks.user)
    return [_summary(case, _segmenting(jobs, case)) for case in asks.folder.all_cases()]


@router.get("/{case}")
def shown(asks: Asks, case: str) -> dict[str, Any]:
    """Return a case; if it is done, with everything that the page shows of it."""
    folder = asks.folder.case(case)
    summary = _summary(folder, segmenting(asks, folder))
    if summary["state"] != State.DONE:
        return summary
    with asks.shop.lock(case):
        return {**summary, **finished_facts(folder)}


@router.post("/{case}/cancel", status_code=202)
def cancel(asks: Asks, case: str) -> dict[str, str]:
    """Stop the work on a case."""
    folder = asks.folder.case(case)
    states = [
        asks.shop.ledger.cancel(job.id)
        for job in asks.shop.ledger.jobs(asks.user, folder.id)
        if not job.state.is_final
    ]
    return {"state": states[0] if states else segmenting(asks, folder).state}


@router.post("/{case}/retry", status_code=202)
def retry(asks: Asks, case: str) -> dict[str, str]:
    """Segment a case again whose work failed or was stopped."""
    folder = asks.folder.case(case)
    with asks.shop.lock(case):
        state = segmenting(asks, folder).state
        if state not in (State.FAILED, State.CANCELLED):
            raise Refused(409, f"the case is {state}: there is nothing to retry", code="CASE_BUSY")
        return {"state": enqueue(asks.shop, asks.user, folder).state}


@router.delete("/{case}", status_code=204)
def discard(asks: Asks, case: str) -> None:
    """Remove a case with all its files; refused while it is worked at."""
    folder = asks.folder.case(case)
    with asks.shop.lock(case):
        for job in asks.shop.ledger.jobs(asks.user, folder.id):
            if job.state is State.QUEUED:
                asks.shop.ledger.cancel(job.id)
        if State.RUNNING in _at_work(asks, asks.shop.ledger.jobs(asks.user, folder.id)):
            raise Refused(409, "the case is being worked at: cancel that first", code="CASE_BUSY")
        asks.shop.ledger.forget(asks.user, folder.id)
        remove(folder.path)


def _at_work(asks: Caller, jobs: Iterable[Job]) -> Iterator[State]:
    """Yield the states of jobs; drawing, which nobody asked for, is stopped first."""
    for job in jobs:
        end = time.monotonic() + STOPPING_S
        while job.kind == FINISH and job.state is State.RUNNING and time.monotonic() < end:
            asks.shop.ledger.cancel(job.id)
            time.sleep(0.1)
            job = asks.shop.ledger.job(job.id)
        yield job.state


def enqueue(shop: Workshop, user: str, case: CaseFolder) -> Job:
    """Put the segmentation of a case into the queue."""
    facts = case.facts
    request = {
        "case": str(case.path),
        "series": facts.series,
        "fast": facts.fast,
        "title": facts.title,
    }
    job = shop.ledger.add(user, case.id, SEGMENT, request)
    shop.wake()
    return job


def draw_later(shop: Workshop, user: str, case: CaseFolder) -> None:
    """Queue the drawing of pictures and page, if a correction left them and none is queued.

    One that runs may draw those of the version before, and then writes nothing.
    """
    states = {job.state for job in shop.ledger.jobs(user, case.id) if job.kind == FINISH}
    if pages_to_come(case.results) and State.QUEUED not in states:
        shop.ledger.add(user, case.id, FINISH, {"case": str(case.path)})
        shop.wake()


def adopt_orphans(shop: Workshop) -> None:
    """Queue what a server that was killed could not: cases, and pages of corrected ones."""
    for user, folder in shop.home.users():
        known = {job.subject for job in shop.ledger.jobs(user)}
        for case in folder.all_cases():
            if case.id not in known:
                enqueue(shop, user, case)
            else:
                draw_later(shop, user, case)


def finished(asks: Caller, case: str) -> CaseFolder:
    """Return a case that is done; raises `Refused` (`NOT_DONE`, 409) for any other."""
    folder = asks.folder.case(case)
    state = segmenting(asks, folder).state
    if state is not State.DONE:
        raise Refused(409, f"the case is {state}, not done: wait for it", code="NOT_DONE")
    return folder


def segmenting(asks: Caller, case: CaseFolder) -> Job:
    """Return the last job that segments a case."""
    found = _segmenting(asks.shop.ledger.jobs(asks.user, case.id), case)
    return found or enqueue(asks.shop, asks.user, case)


def _segmenting(jobs: Iterable[Job], case: CaseFolder) -> Job | None:
    own = [job for job in jobs if job.subject == case.id and job.kind == SEGMENT]
    return own[-1] if own else None


def _summary(case: CaseFolder, job: Job | None) -> dict[str, Any]:
    facts = case.facts
    return {
        "case": case.id,
        "title": facts.title,
        "created": facts.created,
        "state": State.QUEUED if job is None else job.state,
        "progress": None if job is None else asdict(job.progress),
        "failure": failure_of(job),
    }
