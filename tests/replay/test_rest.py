"""REST: every route, its errors, and its description."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import msgpack
import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.routing import Rule

import replay_server
from recorder.agents import AgentInfo
from recorder.catalog import Catalog
from recorder.redis_server.embedded import EmbeddedServer
from recorder.settings import load_settings
from recorder.step_stream import MemoryStepStream
from recorder.storage import episode_path
from replay_server.app import EXTENSION, create_app
from replay_server.episodes.thumbnail_marks import PALETTES
from replay_server.openapi import describe
from replay_server.rest.arguments import RunConverter
from tests.agent_episodes import agent_episode_columns
from tests.replay.conftest import HOSTILE, make_app
from tests.replay.trainer import Trainer

API = "/api/v1"
PROTOCOL = (Path(replay_server.__file__).parent / "PROTOCOL.md").read_text(encoding="utf-8")
EPISODE = f"{API}/episodes/demo/100"
HOSTILE_RUNS = [HOSTILE, "../x", "..", "a//b", "", "~tilde"]


def in_path(run_id: str) -> str:
    """As in PROTOCOL.md."""
    return quote(f"~{run_id}" if not run_id or run_id[0] in ".~" else run_id, safe="")


@pytest.fixture
def video_client(own_folder: Path, redis_server: EmbeddedServer) -> Iterator[FlaskClient]:
    """HTTP without a network, of a server that knows where videos are made."""
    app = make_app(own_folder, redis={"url": redis_server.url})
    yield app.test_client()
    app.extensions[EXTENSION].close("the test is over")


@pytest.mark.parametrize("name", ["client", "video_client"])
def test_the_description_names_every_route_and_no_other(name: str, request: pytest.FixtureRequest) -> None:
    client: FlaskClient = request.getfixturevalue(name)
    described = client.get(f"{API}/openapi.json").get_json()
    assert ("/videos" in described["paths"]) is (name == "video_client")
    routes = set()
    for rule in client.application.url_map.iter_rules():
        if rule.rule.startswith(API):
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule.removeprefix(API)).replace("{run_id}", "{run}")
            routes |= {(path, method.lower()) for method in _methods(rule)}
    assert routes == {(path, method) for path, methods in described["paths"].items() for method in methods}
    for path, methods in described["paths"].items():
        for operation in methods.values():
            named = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))


@pytest.mark.parametrize("path", ["/episodes", "/videos"])
def test_every_argument_of_a_list_is_described(video_client: FlaskClient, path: str) -> None:
    message = video_client.get(f"{API}{path}?colour=red").get_json()["error"]["message"]
    known = set(message.partition("expected some of ")[2].split(", ")) - {"token"}
    described = video_client.get(f"{API}/openapi.json").get_json()["paths"][path]["get"]["parameters"]
    assert known == {parameter["name"] for parameter in described}


def test_a_video_matches_the_protocol_and_the_openapi_description(video_client: FlaskClient) -> None:
    described = video_client.get(f"{API}/openapi.json").get_json()["paths"]
    choices = described["/videos"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
    wrong = video_client.post(f"{API}/videos", json={"episode_id": "x"}).get_json()["error"]["message"]
    assert wrong.partition("optionally ")[2].split(", ") == [name for name in choices if name != "episode_id"]
    asked = video_client.post(f"{API}/videos", json={"run_id": "demo", "episode_id": 100, "fps": 10})
    assert asked.status_code == 202
    assert {"202", "200"} <= set(described["/videos"]["post"]["responses"])
    sentence = PROTOCOL.partition("A video is a map of ")[2].partition(". A server")[0]
    assert set(asked.get_json()) == set(re.findall(r"`(\w+)`(?: \(|,| and|$|\n)", re.sub(r"\(`.*?\)", "(", sentence)))
    place = asked.headers["Location"]
    assert video_client.get(place).get_json() == asked.get_json()
    assert video_client.get(f"{place}/file").status_code == 409
    assert video_client.delete(place).get_json()["state"] == "cancelled"
    again = video_client.post(f"{API}/videos", json={"run_id": "demo", "episode_id": 100, "fps": 10})
    assert (again.headers["Location"], again.get_json()["state"]) == (place, "queued")


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ({"style": "drak"}, "style must be one of dark, light, got 'drak'; did you mean 'dark'?"),
        ({"profile": "gif", "fps": 60}, "a GIF can have at most 50 frames a second, got 60"),
        ({"steps_per_second": 0.001, "fps": 1000}, "a video can have at most 1000000 frames"),
    ],
)
def test_an_impossible_video_is_answered_with_400(
    video_client: FlaskClient, choices: dict[str, object], expected: str
) -> None:
    answer = video_client.post(f"{API}/videos", json={"run_id": "demo", "episode_id": 100, **choices})
    assert answer.status_code == 400
    assert expected in answer.get_json()["error"]["message"]
    assert video_client.get(f"{API}/videos").get_json() == {"videos": []}


def test_an_unknown_address_names_the_api_description(client: FlaskClient) -> None:
    answer = client.get(f"{API}/nothing")
    assert answer.status_code == 404
    message = "nothing found at this address; /api/v1/openapi.json lists those of the API (GET /api/v1/nothing)"
    assert answer.get_json()["error"]["message"] == message


def test_the_protocols_table_names_every_route_and_no_other() -> None:
    table = PROTOCOL.partition("| request | answers |")[2].partition("\n\n")[0]
    found = set()
    for cell in re.findall(r"^\| (.*?) \|", table, re.MULTILINE):
        path = re.search(r" (/[^?`]*)", cell)
        assert path is not None, cell
        where = path[1].replace("{episode}", "{run}/{episode_id}")
        found |= {(where, method.lower()) for method in re.findall(r"[A-Z]{3,}", cell)}
    described = describe(version="1", has_videos=True)["paths"]
    assert found == {(path, method) for path, methods in described.items() for method in methods}


def test_runs_are_listed_with_their_counts(client: FlaskClient) -> None:
    runs = {run["run_id"]: run for run in client.get(f"{API}/runs").get_json()["runs"]}
    assert (runs["demo"]["n_episodes"], runs["demo"]["n_recordings"]) == (4, 4)
    demo = client.get(f"{API}/runs/demo").get_json()
    assert demo["summary"]["by_reason"] == {"periodic_100": 4}
    curve = client.get(f"{API}/runs/demo/curve").get_json()
    assert curve["episode_id"] == [0, 100, 200, 300]
    assert curve["recorded"] == [True] * 4
    assert client.get(f"{API}/runs/demo/live").get_json() == {"live": False, "episodes": []}
    assert client.get(f"{API}/runs/nobody/curve").status_code == 404


@pytest.mark.parametrize("run_id", HOSTILE_RUNS)
def test_any_run_id_can_be_requested(client: FlaskClient, run_id: str) -> None:
    assert client.get(f"{API}/runs/{in_path(run_id)}").get_json()["run_id"] == run_id
    assert client.get(f"{API}/episodes/{in_path(run_id)}/1").get_json()["run_id"] == run_id
    assert len(client.get(f"{API}/episodes/{in_path(run_id)}/1/steps").text.splitlines()) == 5
    converter = RunConverter(client.application.url_map)
    assert converter.to_url(run_id) == in_path(run_id)


def test_episodes_are_filtered_sorted_and_paged(client: FlaskClient) -> None:
    first = client.get(f"{API}/episodes?run=demo&sort=-episode_id&limit=3").get_json()
    assert [row["episode_id"] for row in first["episodes"]] == [300, 200, 100]
    query = {"run": "demo", "sort": "-episode_id", "limit": "3", "cursor": first["next_cursor"]}
    rest = client.get(f"{API}/episodes", query_string=query).get_json()
    assert [row["episode_id"] for row in rest["episodes"]] == [0]
    assert rest["next_cursor"] is None
    for query_string, n_found in (
        ("run=demo&stage=2", 1),
        ("run=demo&min_episode=100&max_episode=200", 2),
        ("min_return=900", 1),
        ("run=demo&max_return=10", 0),
        ("run=demo&reason=periodic_*&recorded=true&status=complete&decision=kept&lane=0", 4),
        ("run=demo&tag=favourite", 0),
        ("run=", 1),
    ):
        assert len(client.get(f"{API}/episodes?{query_string}").get_json()["episodes"]) == n_found, query_string


def test_agents_and_seeds_are_shown_and_found(own_client: FlaskClient, own_folder: Path) -> None:
    agents = (AgentInfo("red_0", "red", 0, 1, 0, 49, 2.5, 50, "truncated"), AgentInfo("blü 1", return_=float("inf")))
    with Catalog(own_folder / "catalog.db") as catalog:
        catalog.upsert_recordings([replace(catalog.get_recording("demo", 100), agents=agents)])
    episode = own_client.get(EPISODE).get_json()
    assert "agents" not in episode["recording"]
    assert {agent["agent_id"]: agent["return"] for agent in episode["agents"]} == {"red_0": 2.5, "blü 1": None}
    sentence = PROTOCOL.partition("in which they joined, maps of ")[2].partition(";")[0]
    assert set(episode["agents"][0]) == set(re.findall(r"`(\w+)`", sentence))
    assert own_client.get(f"{API}/episodes/demo/200").get_json()["agents"] == []
    with Catalog(own_folder / "catalog.db") as catalog:
        catalog.upsert_recordings([replace(catalog.get_recording("demo", 200), seed="7")])
    for query, found in (
        ({"seed": "7"}, [200]),
        ({"seed": "7", "stage": "9"}, []),
        ({"agent": "blü 1"}, [100]),
        ({"agent": "red_0", "stage": "3"}, []),
        ({"agent": "red"}, []),
    ):
        listed = own_client.get(f"{API}/episodes", query_string=query).get_json()["episodes"]
        assert [row["episode_id"] for row in listed] == found, query


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/episodes?limit=0", 400, "bad_request"),
        ("/episodes?limit=x", 400, "bad_request"),
        ("/episodes?stage=9999999999999999999999", 400, "bad_request"),
        ("/episodes?min_return=nan", 400, "bad_request"),
        ("/episodes?recorded=yes", 400, "bad_request"),
        ("/episodes?sort=colour", 400, "bad_request"),
        ("/episodes?cursor=!!", 400, "bad_request"),
        ("/episodes/demo/7", 404, "not_found"),
        ("/episodes/demo/7/file", 404, "not_found"),
        ("/episodes/demo/100/steps?fields=colour", 400, "bad_request"),
        ("/episodes/demo/100/thumbnail.png?t=50", 400, "bad_request"),
        ("/episodes/demo/100/thumbnail.png?size=9", 400, "bad_request"),
        ("/episodes/demo/99999999999999999999999", 400, "bad_request"),
        ("/nothing", 404, "not_found"),
    ],
)
def test_errors_have_one_shape(client: FlaskClient, path: str, status: int, code: str) -> None:
    answer = client.get(f"{API}{path}")
    assert answer.status_code == status
    error = answer.get_json()["error"]
    assert set(error) == {"code", "message", "detail"}
    assert (error["code"], bool(error["message"])) == (code, True)


def test_a_wrong_method_is_answered_in_the_same_shape(client: FlaskClient) -> None:
    answer = client.post(f"{API}/runs")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


def test_one_episode_has_its_recording_and_its_reasons(client: FlaskClient) -> None:
    body = client.get(EPISODE).get_json()
    assert body["recording"]["file_path"] == "demo/episode_000100.msgpack.lz4"
    assert body["recorded"] is True
    assert client.get(f"{EPISODE}/why").get_json() == {"decision": "kept", "reasons": ["periodic_100"], "why": []}


def test_steps_are_served_by_range_and_field_as_lines_or_columns(client: FlaskClient) -> None:
    lines = client.get(f"{EPISODE}/steps?from=10&to=12&fields=reward,time_of_day").text.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"step": 10, "reward": 1.0, "time_of_day": 10},
        {"step": 11, "reward": 1.0, "time_of_day": 11},
    ]
    twice = client.get(f"{EPISODE}/steps?from=10&to=12&fields=reward,reward", headers={"Accept": "application/msgpack"})
    assert twice.data.count(b"reward") == 1, "a field that is named twice is made twice"
    whole = [json.loads(line) for line in client.get(f"{EPISODE}/steps").text.splitlines()]
    assert [step["step"] for step in whole] == list(range(50))
    assert set(whole[0]) >= {"position", "meters", "action", "q_values", "action_masks"}
    packed = client.get(f"{EPISODE}/steps?from=48", headers={"Accept": "application/msgpack"})
    columns = msgpack.unpackb(packed.data)
    assert columns["step"] == [48, 49]
    assert columns["done"] == [False, True]


@pytest.mark.parametrize("path", ["demo/100", "nowhere/1", "deep/1", "empty/1", "old/1"])
def test_a_thumbnail_is_a_png_of_the_requested_size(client: FlaskClient, path: str) -> None:
    answer = client.get(f"{API}/episodes/{path}/thumbnail.png?size=64")
    assert answer.status_code == 200, answer.text
    data = answer.data
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack_from("!I", data, 16)[0] == 64


def thumbnail_pixels(data: bytes) -> np.ndarray:
    """A PNG as this server writes them, ``uint8[height, width, 3]``."""
    width, height = struct.unpack_from("!II", data, 16)
    length = struct.unpack_from("!I", data, 33)[0]
    rows = np.frombuffer(zlib.decompress(data[41 : 41 + length]), np.uint8).reshape(height, 1 + width * 3)
    return rows[:, 1:].reshape(height, width, 3)


def test_a_thumbnail_shows_the_agents_position(client: FlaskClient) -> None:
    step = json.loads(client.get(f"{EPISODE}/steps?from=30&to=31").text)
    pixels = thumbnail_pixels(client.get(f"{EPISODE}/thumbnail.png?t=30&size=160").data)
    x, y = step["position"]
    assert tuple(pixels[y * 20 + 10, x * 20 + 10]) == (0x4C, 0x8D, 0xFF)


def test_a_thumbnail_shows_all_agents_that_take_part_in_their_colours(client: FlaskClient) -> None:
    columns = agent_episode_columns(40)
    pixels = thumbnail_pixels(client.get(f"{API}/episodes/team/0/thumbnail.png?t=30&size=160").data)
    for group, number in ((0, 21), (1, 0)):
        x, y = columns[f"extras.agents.{group}.position"][30, 0]
        assert tuple(pixels[y * 20 + 10, x * 20 + 10]) == PALETTES["dark"].agents[number]
    whole = thumbnail_pixels(client.get(f"{API}/episodes/team/0/thumbnail.png?size=160").data)
    for shown in (pixels, whole):
        assert not (shown == PALETTES["dark"].agents[22]).all(axis=2).any(), "red_1 has left"
    assert client.get(f"{API}/episodes/team/0/film.png?frames=3&size=64").status_code == 200


def test_a_thumbnail_without_positions_shows_the_observation(client: FlaskClient) -> None:
    pixels = thumbnail_pixels(client.get(f"{API}/episodes/observed/1/thumbnail.png?t=25&size=160").data)
    amber = np.argwhere(np.abs(pixels.astype(int) - (0xF2, 0xB8, 0x4B)).max(axis=2) == 0).T
    assert np.corrcoef(amber)[0, 1] < -0.97, "the first number does not rise from left to right"
    assert amber[1].max() == pytest.approx(80, abs=2), "it is not bright up to the step, and no further"
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) == 1 + 2 * 3, "not three curves on a ground"


def test_tags_are_replaced_and_found(own_client: FlaskClient) -> None:
    path = f"{API}/episodes/demo/100/tags"
    assert own_client.put(path, json={"tags": ["b", "a"]}).get_json() == {"tags": ["a", "b"]}
    assert own_client.put(path, json={"tags": ["b"]}).get_json() == {"tags": ["b"]}
    assert [row["episode_id"] for row in own_client.get(f"{API}/episodes?tag=b").get_json()["episodes"]] == [100]
    for body in ({"tags": [1]}, {"tags": "b"}, {}, {"tag": []}, {"tags": ["x" * 101]}, {"tags": ["\n"]}):
        assert own_client.put(path, json=body).status_code == 400
    assert own_client.put(path, data="tags").status_code == 400


def test_annotations_are_added_changed_and_removed(own_client: FlaskClient) -> None:
    path = f"{API}/episodes/demo/100/annotations"
    note = own_client.post(path, json={"step": 7, "end_step": 9, "label": "why?", "text": HOSTILE})
    assert note.status_code == 201
    body = note.get_json()
    assert (body["step"], body["end_step"], body["text"]) == (7, 9, HOSTILE)
    one = f"{path}/{body['annotation_id']}"
    assert own_client.patch(one, json={"label": "so"}).get_json()["label"] == "so"
    assert own_client.patch(one.replace("/100/", "/200/"), json={"label": "x"}).status_code == 404
    assert [row["label"] for row in own_client.get(path).get_json()["annotations"]] == ["so"]
    for wrong in ({"text": "no step"}, {"step": -1}, {"step": True}, {"step": 9, "end_step": 3}, {"step": 1, "x": 1}):
        assert own_client.post(path, json=wrong).status_code == 400
    for name in ("text", "label"):
        for wrong_text in ("x" * 10_001, "\ud800", 7, None):
            assert own_client.post(path, json={"step": 1, name: wrong_text}).status_code == 400
    assert own_client.post(path.replace("/100/", "/77/"), json={"step": 1}).status_code == 404
    origin = {"Origin": "http://evil.example"}
    assert own_client.post(path, json={"step": 1}, headers=origin).status_code == 403
    assert own_client.delete(one).status_code == 204
    assert own_client.delete(one).status_code == 404


def test_annotations_of_an_episode_are_limited(own_client: FlaskClient) -> None:
    path = f"{API}/episodes/demo/100/annotations"
    catalog = own_client.application.extensions[EXTENSION].catalog
    for step in range(1000):
        catalog.add_annotation("demo", 100, step=step)
    answer = own_client.post(path, json={"step": 1})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (409, "conflict")


def test_a_live_episode_takes_annotations_before_the_catalog_knows_it(own_folder: Path) -> None:
    stream = MemoryStepStream()
    trainer = Trainer(stream, "live", 5)
    trainer.begin()
    app = create_app(load_settings(env={}, overrides={"recordings_dir": str(own_folder)}), stream=stream)
    path = f"{API}/episodes/live/5/annotations"
    assert app.test_client().post(path, json={"step": 3, "text": "now"}).status_code == 201
    assert app.test_client().post(path.replace("/5/", "/6/"), json={"step": 3}).status_code == 404
    app.extensions[EXTENSION].close("the test is over")


def test_deleting_a_recording_keeps_its_episode(own_client: FlaskClient, own_folder: Path) -> None:
    path = f"{API}/episodes/demo/100"
    assert own_client.get(f"{path}/steps").status_code == 200
    assert own_client.delete(path).status_code == 204
    described = describe(version="1", has_videos=False)["paths"]["/episodes/{run}/{episode_id}"]["delete"]
    assert set(described["responses"]) == {"204", "default"}
    assert not (own_folder / episode_path("demo", 100)).exists()
    assert own_client.get(f"{path}/steps").status_code == 404
    assert own_client.delete(path).status_code == 404
    body = own_client.get(path).get_json()
    assert (body["recording"], body["decision"]) == (None, "deleted")


def test_health_readiness_and_metrics_are_served(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}
    assert client.get("/readyz").get_json()["status"] == "ok"
    client.get(f"{API}/runs")
    text = client.get("/metrics").text
    assert 'replay_requests_total{endpoint="runs.list_runs",status="200"} 1.0' in text
    assert "replay_viewers 0.0" in text
    assert "process_resident_memory_bytes" in text


@pytest.mark.parametrize("path", ["/", "/runs/demo/episodes/100", f"/runs/{in_path('../x')}/episodes/1?t=3"])
def test_every_address_of_the_page_serves_the_page(client: FlaskClient, path: str) -> None:
    with client.get(path) as answer:
        assert (answer.status_code, answer.mimetype) == (200, "text/html")
        assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")


@pytest.mark.parametrize("name", ["../app.py", "..%2fapp.py", "/etc/passwd", "%2e%2e/app.py", "nothing.js"])
def test_static_files_cannot_leave_their_folder(client: FlaskClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def _methods(rule: Rule) -> set[str]:
    return (rule.methods or set()) - {"HEAD", "OPTIONS"}
