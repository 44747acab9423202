"""Try again what has failed."""

from __future__ import annotations

from dataclasses import dataclass

from afunet.jobs.job import State
from afunet.jobs.ledger import Ledger
from afunet.node.database import Database
from afunet.node.home import Home
from afunet.node.outbox import Outbox
from afunet.node.planning import OWNER


@dataclass(frozen=True)
class Again:
    """How many jobs and deliveries are tried again."""

    jobs: int
    results: int


def retry(home: Home) -> Again:
    """Queue failed jobs and send failed results once more, as if they had never been tried."""
    ledger, database = Ledger(home.ledger), Database(home.database)
    try:
        failed = [job for job in ledger.jobs(OWNER) if job.state is State.FAILED]
        for job in failed:
            ledger.again(job.id)
        return Again(len(failed), Outbox(database).send_again())
    finally:
        ledger.close()
        database.close()
