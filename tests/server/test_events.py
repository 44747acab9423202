"""Server-sent events, two users, and who may use the data folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.refusals import refused
from tests.server.conftest import ANN, BEN, Live

from afunet.errors import ConfigError, OutputError
from afunet.server.home import Home
from afunet.server.people import LOCAL, People


def events(live: Live, user: str, after: str = "") -> Iterator[tuple[int, dict[str, object]]]:
    headers = {"last-event-id": after} if after else {}
    with live.client(user) as client, client.stream("GET", "/api/events", headers=headers) as sent:
        assert sent.headers["content-type"].startswith("text/event-stream")
        number = 0
        for line in sent.iter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                number = int(value)
            elif name == "data":
                yield number, json.loads(value)


def test_events_begin_with_what_is_and_go_on_after_the_last_seen(live: Live) -> None:
    sent = events(live, ANN)
    seen = [next(sent) for _ in range(3)]
    sent.close()
    assert [one["state"] for _, one in seen] == ["queued", "running", "done"]
    assert {one["case"] for _, one in seen} == {live.case}
    assert set(seen[0][1]) == {"case", "state", "progress"}
    again = events(live, ANN, str(seen[1][0]))
    assert next(again) == seen[2]
    again.close()


def test_two_users_see_only_their_own(live: Live) -> None:
    with live.client(BEN) as ben, live.client(ANN) as ann:
        assert ben.get("/api/cases").json() == []
        upload = ben.post("/api/uploads").json()["upload"]
        for method, path in (
            ("PUT", f"/api/uploads/{upload}/files/0"),
            ("POST", f"/api/uploads/{upload}/complete"),
            ("DELETE", f"/api/uploads/{upload}"),
        ):
            assert ann.request(method, path).status_code == 404
        for path in ("", "/scan.nii", "/labels.nii", "/meshes/1.mz3", "/files", "/export.zip"):
            assert ben.get(f"/api/cases/{live.case}{path}").status_code == 404
        for path in ("edits", "undo", "export", "cancel", "retry"):
            answer = ben.post(
                f"/api/cases/{live.case}/{path}",
                json={"kind": "erase", "pieces": [1], "formats": ["stl"]}
                if path == "edits"
                else {"formats": ["stl"]},
                headers={"if-match": "original"},
            )
            assert answer.status_code in (404, 422)
            assert answer.json()["code"] in ("NOT_FOUND", "BAD_REQUEST")
        ben.delete(f"/api/uploads/{upload}")
    with live.client(BEN) as ben:
        with ben.stream("GET", "/api/events") as sent:
            first = next(sent.iter_lines())
        assert first == "retry: 1000"


def test_tokens_are_kept_as_digests_and_renewed(tmp_path: Path) -> None:
    people = People.of(tmp_path / "users.json")
    token, local = people.new_token(ANN), people.new_token(LOCAL)
    assert (people.who(token), people.who(local), people.who("")) == (ANN, LOCAL, None)
    content = (tmp_path / "users.json").read_text()
    assert token not in content
    assert LOCAL not in json.loads(content)
    assert (tmp_path / "users.json").stat().st_mode & 0o777 == 0o600
    later = People.of(tmp_path / "users.json")
    assert (later.who(token), later.who(local)) == (ANN, None)
    renewed = later.new_token(ANN)
    assert (later.who(token), later.who(renewed)) == (None, ANN)


@pytest.mark.parametrize("name", ["", "../ann", "Ann", "a" * 33, "-a", "a b", "ä"])
def test_a_name_that_is_no_folder_is_no_user(tmp_path: Path, name: str) -> None:
    with refused(ConfigError, "USER_NAME"):
        People.of(tmp_path / "users.json").new_token(name)


def test_two_servers_do_not_share_a_data_folder(tmp_path: Path) -> None:
    with Home(tmp_path).alone(), refused(OutputError, "FOLDER_IN_USE"), Home(tmp_path).alone():
        pass
