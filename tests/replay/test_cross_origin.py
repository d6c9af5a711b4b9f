"""A custom frontend on another port: refused by name, and allowed by a setting, for REST and the WebSocket."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from recorder.errors import SettingsError
from recorder.settings import load_settings
from replay_server.access.cross_origin import Origins
from replay_server.app import EXTENSION
from tests.replay.conftest import make_app, serving_here
from tests.replay.viewer import upgrade_status

FRONTEND = "http://localhost:5173"
TAGS = "/api/v1/episodes/demo/100/tags"


@pytest.fixture
def open_client(own_folder: Path) -> Iterator[FlaskClient]:
    """A server that lets the frontend in, and any port of one machine."""
    app = make_app(own_folder, server={"allowed_origins": f"{FRONTEND} https://tools.example:*", "token": "secret"})
    yield app.test_client()
    app.extensions[EXTENSION].close("the test is over")


def preflight(client: FlaskClient, origin: str, method: str = "PUT") -> tuple[int, str | None]:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    answer = client.options(TAGS, headers=headers)
    return answer.status_code, answer.headers.get("Access-Control-Allow-Origin")


def test_the_refusal_and_the_log_name_the_setting(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    headers = {"Origin": FRONTEND}
    with caplog.at_level(logging.WARNING):
        answers = [client.put(TAGS, json={"tags": []}, headers=headers) for _ in range(3)]
    message = answers[0].get_json()["error"]["message"]
    assert answers[0].status_code == 403
    assert "recording.server.allowed_origins" in message
    assert "HAMLET_RECORDER_SERVER__ALLOWED_ORIGINS" in message
    assert FRONTEND in message
    assert [record.getMessage() for record in caplog.records] == [f"refused: {message}"], "logged once"


def test_a_refused_preflight_names_the_setting_too(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        answer = client.get("/api/v1/runs", headers={"Origin": FRONTEND})
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "allowed_origins" in caplog.text
    assert preflight(client, FRONTEND) == (403, None)


def test_an_allowed_page_reads_writes_and_passes_the_preflight_without_a_token(open_client: FlaskClient) -> None:
    assert preflight(open_client, FRONTEND) == (204, FRONTEND)
    headers = {"Origin": FRONTEND, "Authorization": "Bearer secret"}
    put = open_client.put(TAGS, json={"tags": ["seen"]}, headers=headers)
    assert (put.status_code, put.headers["Access-Control-Allow-Origin"]) == (200, FRONTEND)
    assert put.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in put.headers["Vary"]
    refused = open_client.get(TAGS, headers={"Origin": FRONTEND})
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, FRONTEND)
    assert "Origin" in open_client.get("/healthz").headers["Vary"], "or a cache gives the frontend an answer without"


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:5174",
        "https://localhost:5173",
        "http://localhost:5173.evil.example",
        "http://localhost:5173/",
        "null",
        "https://tools.example.evil:1",
        "https://evil-tools.example",
        "",
    ],
)
def test_no_other_page_is_let_in(open_client: FlaskClient, origin: str) -> None:
    assert preflight(open_client, origin) == (403, None)
    headers = {"Origin": origin, "Authorization": "Bearer secret"}
    assert open_client.put(TAGS, json={"tags": []}, headers=headers).status_code == 403
    assert "Access-Control-Allow-Origin" not in open_client.get("/api/v1/runs", headers=headers).headers


def test_any_port_may_be_allowed(open_client: FlaskClient) -> None:
    for origin in ("https://tools.example", "https://tools.example:8443", "HTTPS://Tools.Example:1"):
        assert preflight(open_client, origin) == (204, origin)


def test_an_allowed_page_opens_a_websocket_and_no_other_does(folder: Path) -> None:
    app = make_app(folder, server={"allowed_origins": FRONTEND, "token": "secret"})
    with serving_here(app) as port:
        assert upgrade_status(port, Origin=FRONTEND) == 401
        assert upgrade_status(port, Origin=FRONTEND, Authorization="Bearer secret") == 101
        assert upgrade_status(port, "/ws?token=secret", Origin=FRONTEND) == 101
        assert upgrade_status(port, "/ws?token=wrong", Origin=FRONTEND) == 401
        assert upgrade_status(port, "/ws?token=secret", Origin="http://evil.example") == 403


def test_the_host_of_an_allowed_origin_is_accepted(folder: Path) -> None:
    app = make_app(folder, server={"allowed_origins": "https://replay.example"})
    client = app.test_client()
    assert client.get("/healthz", headers={"Host": "replay.example"}).status_code == 200
    refused = client.get("/healthz", headers={"Host": "evil.example"})
    assert "allowed_origins" in refused.get_json()["error"]["message"]
    app.extensions[EXTENSION].close("the test is over")


@pytest.mark.parametrize("wrong", ["*", "localhost:5173", "http://*.example", "http://a/path", "http://a:x"])
def test_an_invalid_origin_is_refused_at_the_start(wrong: str) -> None:
    with pytest.raises(SettingsError, match="allowed_origins"):
        load_settings(env={}, overrides={"server": {"allowed_origins": wrong}})


def test_origins_may_have_ipv6_addresses_and_other_schemes() -> None:
    origins = Origins("http://[::1]:5173 vscode-webview://abc tauri://localhost")
    assert origins.holds("http://[::1]:5173")
    assert origins.holds("vscode-webview://abc")
    assert not origins.holds("vscode-webview://abcd")
