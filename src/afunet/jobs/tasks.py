"""What a job does: a function of its request, and the plan by which its progress is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from afunet.plan import Plan
from afunet.watch import Watch

Answer = Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """`run` takes a request as JSON gives it, and returns an answer for JSON.

    It raises `AfunetError` for what the user can mend, and `Cancelled` on request.
    """

    run: Callable[[Mapping[str, Any], Watch], Answer]
    plan: Plan = ()


Tasks = Mapping[str, Task]
"""The tasks by the `kind` of their jobs. A module of tasks has them in its constant `TASKS`."""
