"""Clients that write without end: refused with a time to wait while others continue; what they store is limited."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import create_environ
from werkzeug.wrappers import Request

from recorder.settings import QuotaSettings
from replay_server.access.quotas import WriteQuotas, client_of
from replay_server.app import EXTENSION
from tests.replay.conftest import make_app

EPISODE = "/api/v1/episodes/demo/100"
NOTES = f"{EPISODE}/annotations"


@pytest.fixture
def quotas() -> dict[str, int]:
    return {"writes_per_min": 1, "write_burst": 5}


@pytest.fixture
def strict(own_folder: Path, quotas: dict[str, int]) -> Iterator[FlaskClient]:
    """A server with small quotas."""
    app = make_app(own_folder, redis={"url": "redis://127.0.0.1:1/0"}, server={"quotas": quotas})
    yield app.test_client()
    app.extensions[EXTENSION].close("the test is over")


def test_a_flooding_client_gets_retry_after_and_others_continue(strict: FlaskClient) -> None:
    note = {"step": 1, "text": "x"}
    statuses = [strict.post(NOTES, json=note).status_code for _ in range(20)]
    assert statuses == [201] * 5 + [429] * 15
    refused = strict.post(NOTES, json=note)
    assert refused.get_json()["error"]["code"] == "too_fast"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert strict.post(NOTES, json=note, headers={"User-Agent": "a browser"}).status_code == 201
    assert strict.get(NOTES).status_code == 200, "reading is no change"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", NOTES, {"step": 1}),
        ("PATCH", f"{NOTES}/1", {"text": "y"}),
        ("DELETE", f"{NOTES}/1", None),
        ("PUT", f"{EPISODE}/tags", {"tags": ["a"]}),
        ("DELETE", EPISODE, None),
        ("POST", "/api/v1/videos", {"episode_id": 100}),
        ("DELETE", "/api/v1/videos/0", None),
        ("POST", "/nowhere", None),
    ],
)
def test_every_kind_of_change_counts_toward_the_quota(
    strict: FlaskClient, method: str, path: str, body: object
) -> None:
    for _ in range(5):
        assert strict.open(path, method=method, json=body).status_code != 429
    assert strict.open(path, method=method, json=body).status_code == 429


def request_of(address: str, program: str = "", origin: str = "", forwarded: str = "") -> Request:
    headers = {"User-Agent": program, "Origin": origin, "X-Forwarded-For": forwarded}
    return Request(create_environ(headers=headers, environ_base={"REMOTE_ADDR": address}))


def test_an_address_with_many_clients_has_a_limit_too() -> None:
    quotas = WriteQuotas(QuotaSettings(write_burst=10, writes_per_min=60), clock=lambda: 0.0)
    waits = [quotas.wait_secs(request_of("10.0.0.1", f"program {i}", forwarded=f"10.9.9.{i}")) for i in range(100)]
    assert sum(wait == 0 for wait in waits) == 50
    assert quotas.wait_secs(request_of("10.0.0.2")) == 0


def test_waiting_for_retry_after_is_enough() -> None:
    now = [0.0]
    quotas = WriteQuotas(QuotaSettings(write_burst=2, writes_per_min=6), clock=lambda: now[0])
    waits = [quotas.wait_secs(request_of("10.0.0.1")) for _ in range(3)]
    assert waits == [0, 0, 10]
    now[0] += 10
    assert quotas.wait_secs(request_of("10.0.0.1")) == 0


def test_addresses_of_one_ipv6_network_are_one_client() -> None:
    assert client_of(request_of("2001:db8::1")) == client_of(request_of("2001:db8::ffff:1"))
    assert client_of(request_of("2001:db8::1")) != client_of(request_of("2001:db8:0:1::1"))
    assert client_of(request_of("::ffff:10.0.0.1")) == client_of(request_of("10.0.0.1"))


@pytest.mark.parametrize("quotas", [{"note_letters_per_run": 1000, "tags_per_run": 100}])
def test_annotations_and_tags_of_a_run_are_limited_and_can_be_freed(strict: FlaskClient) -> None:
    first = strict.post(NOTES, json={"step": 1, "text": "x" * 900}).get_json()
    full = strict.post(f"{EPISODE.replace('100', '200')}/annotations", json={"step": 1, "text": "x" * 200})
    assert (full.status_code, "would exceed 1000 characters" in full.get_json()["error"]["message"]) == (409, True)
    grown = strict.patch(f"{NOTES}/{first['annotation_id']}", json={"text": "x" * 2000})
    assert grown.status_code == 409
    assert len(strict.get(NOTES).get_json()["annotations"][0]["text"]) == 900
    assert strict.delete(f"{NOTES}/{first['annotation_id']}").status_code == 204
    assert strict.post(NOTES, json={"step": 1, "text": "x" * 200}).status_code == 201
    assert strict.put(f"{EPISODE}/tags", json={"tags": [f"t{i}" for i in range(100)]}).status_code == 200
    assert strict.put(f"{EPISODE.replace('100', '200')}/tags", json={"tags": ["one more"]}).status_code == 409


@pytest.mark.parametrize("quotas", [{"videos_per_client": 3, "videos_per_run": 5}])
def test_waiting_videos_are_limited_per_client_and_per_run(strict: FlaskClient) -> None:
    def ask(crf: int, program: str) -> tuple[int, str | None]:
        body = {"episode_id": 100, "run_id": "demo", "crf": crf}
        answer = strict.post("/api/v1/videos", json=body, headers={"User-Agent": program})
        return answer.status_code, answer.headers.get("Retry-After")

    assert [ask(crf, "flood") for crf in range(4)] == [(202, None)] * 3 + [(429, "60")]
    assert ask(0, "flood") == (202, None), "what was asked for before is no new video"
    assert [ask(crf, "another") for crf in (10, 11, 12)] == [(202, None)] * 2 + [(429, "60")]
    videos = strict.get("/api/v1/videos").get_json()["videos"]
    assert strict.delete(f"/api/v1/videos/{videos[0]['video_id']}").get_json()["state"] == "cancelled"
    assert ask(12, "another") == (202, None)
    again = {**videos[0]["options"], "episode_id": 100, "run_id": "demo"}
    again.pop("content_hash")
    assert strict.post("/api/v1/videos", json=again).status_code == 429, "to begin again is to ask for one more"


def test_a_video_has_no_more_pixels_than_the_settings_allow(strict: FlaskClient) -> None:
    request = {
        "episode_id": 100,
        "run_id": "demo",
        "width": 8192,
        "height": 8192,
        "crf": 0,
        "hold_secs": 600,
        "title_secs": 600,
    }
    refused = strict.post("/api/v1/videos", json=request)
    assert refused.status_code == 400
    assert "recording.render.max_pixels" in refused.get_json()["error"]["message"]
    assert "8192x8192" in refused.get_json()["error"]["message"]
    small = {**request, "width": 320, "height": 180, "hold_secs": 1, "title_secs": 1}
    assert strict.post("/api/v1/videos", json=small).status_code == 202
