"""Corrected cases as a data set from which the next network learns."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from afunet.jobs.job import State
from afunet.server.kinds import SEGMENT, TRAINING
from afunet.server.workshop import Asks

router = APIRouter(prefix="/api")


@router.post("/training")
def export(asks: Asks) -> dict[str, Any]:
    """Write the user's corrected cases to `training/` in the user's folder; return how many."""
    jobs = asks.shop.ledger.jobs(asks.user)
    done = {job.subject for job in jobs if job.kind == SEGMENT and job.state is State.DONE}
    request = {
        "cases": [str(case.path) for case in asks.folder.all_cases() if case.id in done],
        "folder": str(asks.folder.path / "training"),
    }
    return dict(asks.shop.carried_out(TRAINING, request))
