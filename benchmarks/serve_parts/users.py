"""Many users at a time: each scrolls a case of its own and asks in vain for those of others."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import numpy as np

from afunet.jobs.ledger import Ledger
from afunet.server.home import CaseFolder, Home, new_id
from afunet.server.kinds import SEGMENT
from benchmarks.bench import print_heading, print_row
from benchmarks.serve_parts.program import Program, begun, ended, started

SLAB = 20
PAUSE_S = 1.0
"""How long a user looks at what was sent."""
CHUNK = 1 << 20
QUEUED = 4
FOREIGN = ("", "/scan.nii?first=0&last=0", "/labels.nii", "/meshes/1.mz3", "/files/report.json")


@dataclass(eq=False)
class Times:
    """Seconds of each kind of request."""

    rows: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def get(self, name: str, client: httpx2.Client, path: str) -> httpx2.Response:
        """Ask, and note how long the whole answer took."""
        began = time.perf_counter()
        answer = client.get(path).raise_for_status()
        self.rows[name].append(time.perf_counter() - began)
        return answer

    def print(self) -> None:
        """Print the middle and the high ones."""
        print_heading("request", "number:", "median ms:", "95 % ms:", "longest ms:")
        for name, times in self.rows.items():
            shown = np.percentile(times, (50, 95, 100)) * 1000
            print_row(name, len(times), *(f"{one:.0f}" for one in shown))


def print_users(
    scan: bytes, small: bytes, data: Path, count: int, seconds: float, upload_mib: int
) -> None:
    """Print what the first sees, the latencies of all, and the memory; assert what may not be."""
    names = [f"user-{number}" for number in range(count)]
    with started(data, names[:1]) as program, program.client(names[0]) as client:
        case = begun(client, scan)
        assert ended(client, case)["state"] == "done"
    cases = _lent(Home(data), names, case)
    times = Times()
    with started(data, names) as program:
        _first_look(program, names[0], cases[names[0]], times)
        with program.client(names[0]) as client:
            queued = [begun(client, small) for _ in range(QUEUED)]
        end = time.monotonic() + seconds
        with ThreadPoolExecutor(count + 2) as pool:
            work = [
                pool.submit(_scroll, program, name, cases, end, times, seed)
                for seed, name in enumerate(names)
            ]
            slicer = pool.submit(_slicer, program, names[-1], small, times)
            spent = pool.submit(_big_upload, program, names[0], upload_mib)
            leaks = sum(one.result() for one in work)
            slicer.result()
        times.print()
        with program.client(names[0]) as client:
            states = [ended(client, one)["state"] for one in queued]
        server, children = program.megabytes()
    assert leaks == 0, f"{leaks} answers of other users' cases"
    assert states == ["done"] * QUEUED, states
    assert _tries(Home(data), queued) == [1] * QUEUED
    print(
        f"\nupload of {upload_mib} MiB: {spent.result():.1f} s; largest memory of the server: "
        f"{server:.0f} MB, of its processes: {children:.0f} MB"
    )
    print(f"{QUEUED} queued jobs done, each once; nothing of another user was sent")


def _lent(home: Home, names: Sequence[str], case: str) -> dict[str, str]:
    """Give each user a case of its own with the files of one; they are never changed in place."""
    whole = home.user(names[0]).case(case)
    cases = {names[0]: case}
    ledger = Ledger(home.ledger)
    for name in names[1:]:
        own = CaseFolder(home.user(name).cases / new_id())
        shutil.copytree(whole.path, own.path, copy_function=os.link)
        job = ledger.add(name, own.id, SEGMENT, {"case": str(own.path)})
        claimed = ledger.claim()
        assert claimed is not None
        assert claimed[0].id == job.id
        ledger.finish(claimed[1])
        cases[name] = own.id
    ledger.close()
    return cases


def _first_look(program: Program, name: str, case: str, times: Times) -> None:
    """Ask for what the page asks for, in its order, of a server that has only begun."""
    with program.client(name) as client:
        began = time.perf_counter()
        for path in ("/", "/static/app.js", "/api/cases"):
            client.get(path).raise_for_status()
        facts = client.get(f"/api/cases/{case}").raise_for_status().json()
        last = min(SLAB, facts["grid"]["shape"][2] - 1)
        client.get(f"/api/cases/{case}/scan.nii?first=0&last={last}").raise_for_status()
        times.rows["page to first slice"].append(time.perf_counter() - began)
        client.get(f"/api/cases/{case}/meshes/1.mz3").raise_for_status()
        times.rows["page to first mesh"].append(time.perf_counter() - began)
        times.get("whole scan", client, f"/api/cases/{case}/scan.nii")


def _scroll(
    program: Program, name: str, cases: dict[str, str], end: float, times: Times, seed: int
) -> int:
    """Read random slabs, and try the cases of others; return how many of those were answered."""
    chance, case, leaks = random.Random(seed), cases[name], 0
    others = [one for one in cases.values() if one != case]
    with program.client(name) as client:
        slices = times.get("case", client, f"/api/cases/{case}").json()["grid"]["shape"][2]
        times.get("mesh", client, f"/api/cases/{case}/meshes/1.mz3")
        while True:
            first = chance.randrange(max(1, slices - SLAB))
            span = f"first={first}&last={min(slices - 1, first + SLAB - 1)}"
            times.get("slab", client, f"/api/cases/{case}/scan.nii?{span}")
            listed = times.get("list", client, "/api/cases").json()
            leaks += any(one["case"] in others for one in listed)
            if others:
                path = f"/api/cases/{chance.choice(others)}{chance.choice(FOREIGN)}"
                leaks += client.get(path).status_code != 404
            if time.monotonic() > end:
                return leaks
            time.sleep(PAUSE_S)


def _slicer(program: Program, name: str, scan: bytes, times: Times) -> None:
    """Do what 3D Slicer does through MONAI Label: send a scan, and have it segmented."""
    with program.client(name) as client:
        del client.headers["x-afunet"]
        client.get("/info/").raise_for_status()
        began = time.perf_counter()
        file = "scan.zip" if scan.startswith(b"PK") else "scan.nii.gz"
        sent = client.put("/session/", files={"files": (file, scan)}).raise_for_status()
        asked = {"session_id": sent.json()["session_id"], "output": "json"}
        found = client.post("/infer/afunet-fast", params=asked).raise_for_status()
        times.rows["3D Slicer's answer"].append(time.perf_counter() - began)
        assert json.loads(found.content)["label_names"]


def _big_upload(program: Program, name: str, mib: int) -> float:
    began = time.perf_counter()
    with program.client(name) as client:
        upload = client.post("/api/uploads").json()["upload"]
        chunks = (bytes(CHUNK) for _ in range(mib))
        came = client.put(f"/api/uploads/{upload}/files/0", content=chunks).raise_for_status()
        spent = time.perf_counter() - began
        assert came.json()["bytes"] == mib * CHUNK
        client.delete(f"/api/uploads/{upload}")
    return spent


def _tries(home: Home, cases: Sequence[str]) -> list[int]:
    """How often the work of each case was begun."""
    with closing(sqlite3.connect(home.ledger)) as base:
        rows = base.execute("SELECT subject, tries FROM jobs").fetchall()
    return [sum(tries for subject, tries in rows if subject == case) for case in cases]
