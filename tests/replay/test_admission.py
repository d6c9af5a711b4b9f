"""Who may: strangers' names, strangers' pages and clients without the token are refused before anything happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from flask import Flask
from flask.testing import FlaskClient

from recorder.errors import SettingsError
from recorder.replay.client import ReplayClient
from recorder.settings import load_settings
from replay_server.access.cross_origin import Origins
from replay_server.access.proxy import OWN_PATHS
from replay_server.access.security import Gate, is_loopback
from replay_server.app import EXTENSION
from replay_server.serving import check_bind, link
from tests.processes import run_python
from tests.replay.conftest import Served, make_app, serving_here
from tests.replay.viewer import upgrade_status

TOKEN = "correct horse"


@pytest.fixture
def guarded(folder: Path) -> Iterator[FlaskClient]:
    """A server that asks for a token."""
    app = make_app(folder, server={"host": "0.0.0.0", "token": TOKEN})
    yield app.test_client()
    app.extensions[EXTENSION].close("the test is over")


@pytest.mark.parametrize("host", ["localhost", "localhost:9999", "127.0.0.1:8766", "[::1]:8766", "127.8.8.8"])
def test_a_tunnel_may_use_any_local_port(client: FlaskClient, host: str) -> None:
    assert client.get("/readyz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8766", "10.0.0.1", "", "["]
)
def test_a_foreign_host_name_that_resolves_here_is_refused(client: FlaskClient, host: str) -> None:
    answer = client.get("/readyz", headers={"Host": host})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost:1", "null", "http://localhost.evil.example", "http://["]
)
def test_a_page_of_another_site_can_change_nothing(own_client: FlaskClient, origin: str) -> None:
    headers = {"Origin": origin, "Host": "localhost:8766"}
    assert own_client.delete("/api/v1/episodes/demo/100", headers=headers).status_code == 403
    assert own_client.put("/api/v1/episodes/demo/100/tags", json={"tags": []}, headers=headers).status_code == 403
    own = {"Origin": "http://localhost:8766", "Host": "localhost:8766"}
    assert own_client.put("/api/v1/episodes/demo/100/tags", json={"tags": []}, headers=own).status_code == 200


@pytest.mark.parametrize(
    ("path", "ancestors"),
    [
        ("/runs/demo/episodes/100", "'none'"),
        ("/runs/demo/episodes/100?embed=0", "'none'"),
        ("/api/v1/runs?embed=1", "'none'"),
        ("/static/main.js?embed=1", "'none'"),
        ("/runs/demo/episodes/100?embed=1", "'self' http://localhost:* http://127.0.0.1:*"),
        ("/?episode=100&embed=1", "'self' http://localhost:* http://127.0.0.1:*"),
    ],
)
def test_only_the_embedded_player_can_be_framed_and_only_from_this_machine(
    client: FlaskClient, path: str, ancestors: str
) -> None:
    with client.get(path) as answer:
        policy = answer.headers["Content-Security-Policy"].split("; ")
    assert policy[-1] == f"frame-ancestors {ancestors}"
    assert policy[0] == "default-src 'none'"


def test_the_pages_that_may_embed_the_player_are_a_setting(folder: Path) -> None:
    app = make_app(folder, server={"embed_origins": "https://wiki.example https://*.example:8443"})
    with app.test_client().get("/?episode=100&embed=1") as answer:
        policy = answer.headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors 'self' https://wiki.example https://*.example:8443")
    app.extensions[EXTENSION].close("the test is over")
    for wrong in ("*", "https://a; script-src *", "wiki.example", "https://a\nX: y", "https://a/path"):
        with pytest.raises(SettingsError, match="embed_origins"):
            load_settings(env={}, overrides={"server": {"embed_origins": wrong}})


def test_a_websocket_is_refused_before_the_upgrade(server: Served) -> None:
    port = server.port
    assert upgrade_status(port) == 101
    assert upgrade_status(port, Origin=f"http://127.0.0.1:{port}") == 101
    assert upgrade_status(port, Origin="http://evil.example") == 403
    assert upgrade_status(port, Origin="null") == 403
    assert upgrade_status(port, Host="evil.example") == 403
    assert upgrade_status(port, Upgrade="h2c") == 426
    assert upgrade_status(port, **{"Sec-WebSocket-Version": "8"}) == 400


def test_without_the_token_only_the_health_route_answers(guarded: FlaskClient) -> None:
    for path in ("/", "/api/v1/runs", "/metrics", "/static/main.js", "/ws", "/?token=wrong"):
        answer = guarded.get(path)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (401, "token_needed"), path
    for path in ("/healthz", "/readyz"):
        answer = guarded.get(path)
        assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"}), path
    assert guarded.delete("/api/v1/episodes/demo/100").status_code == 401


def test_the_link_sets_a_cookie_that_scripts_cannot_read(guarded: FlaskClient) -> None:
    answer = guarded.get("/runs/demo/episodes/100", query_string={"token": TOKEN, "t": "37"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == "./100?t=37", "relative: a proxy may have taken a prefix away"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert TOKEN not in cookie
    assert guarded.get("/api/v1/runs").status_code == 200


def test_servers_on_one_host_name_have_separate_cookies(guarded: FlaskClient) -> None:
    names = {}
    for host in ("localhost:8766", "localhost:9000", "localhost", "[::1]:8766"):
        answer = guarded.get("/", query_string={"token": TOKEN}, headers={"Host": host})
        names[host], _, value = answer.headers["Set-Cookie"].partition(";")[0].partition("=")
    assert len(set(names.values())) == 3
    assert names["localhost:8766"] == names["[::1]:8766"]
    name = names["localhost:9000"]
    both = {"Host": "localhost:9000", "Cookie": f"{name}=stale; {name}={value}"}
    assert guarded.get("/api/v1/runs", headers=both).status_code == 200, "a server below another one's path sees both"
    other = {"Host": "localhost:9000", "Cookie": f"{names['localhost:8766']}={value}"}
    fresh = guarded.application.test_client(use_cookies=False)
    assert fresh.get("/api/v1/runs", headers=other).status_code == 401


def test_servers_at_one_address_have_separate_cookies_too() -> None:
    # One after the other through a tunnel, or below prefixes that a proxy removes and does not name.
    names = {Gate(token=token, allowed_origins=Origins("")).cookie_name("localhost:8766") for token in ("one", "other")}
    assert len(names) == 2


def test_old_cookies_do_not_pile_up(guarded: FlaskClient) -> None:
    client = guarded.application.test_client(use_cookies=False)
    old = "; ".join(f"hamlet_replay_{port}={'0' * 48}" for port in range(40000, 40030))
    answer = client.get("/", query_string={"token": TOKEN}, headers={"Host": "localhost:8766", "Cookie": old})
    forgotten = [line.partition("=")[0] for line in answer.headers.getlist("Set-Cookie") if "Max-Age=0" in line]
    assert forgotten == [f"hamlet_replay_{port}" for port in range(40000, 40010)]


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Dest": "document"}


def test_a_browser_without_the_token_gets_a_page_to_type_it(guarded: FlaskClient) -> None:
    link = "/runs/demo/episodes/100?t=37"
    asked = guarded.get(link, headers=BROWSER)
    assert (asked.status_code, asked.content_type) == (401, "text/html; charset=utf-8")
    assert '<form method="post">' in asked.text
    policy = asked.headers["Content-Security-Policy"]
    assert "form-action 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    own = {**BROWSER, "Origin": "http://localhost"}
    wrong = guarded.post(link, data={"token": "a guess"}, headers=own)
    assert (wrong.status_code, "Wrong token" in wrong.text) == (401, True)
    opened = guarded.post(link, data={"token": f" {TOKEN}\n"}, headers=own)
    assert (opened.status_code, urljoin(link, opened.headers["Location"])) == (303, link)
    assert guarded.get(link, headers=BROWSER).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1"])
def test_a_form_of_another_site_logs_nobody_in(guarded: FlaskClient, origin: str) -> None:
    answer = guarded.post("/", data={"token": TOKEN}, headers={**BROWSER, "Origin": origin})
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_errors_are_a_page_for_browsers_and_json_for_programs(guarded: FlaskClient) -> None:
    for path in ("/nowhere<b>", "/api/v1/episodes/demo/99999", "/api/v1/runs?x=1"):
        headers = {**BROWSER, "Authorization": f"Bearer {TOKEN}"}
        page = guarded.get(path, headers=headers)
        assert page.content_type in ("text/html; charset=utf-8", "application/json"), path
        assert "<b>" not in page.text
        assert "<form" not in page.text
        script = guarded.get(path, headers={**headers, "Sec-Fetch-Dest": "empty"})
        assert script.content_type == "application/json"


def test_a_change_with_the_cookie_must_come_from_the_pages_origin(guarded: FlaskClient) -> None:
    assert guarded.get("/", query_string={"token": TOKEN}).status_code == 303
    headers = {"Origin": "http://evil.example"}
    assert guarded.put("/api/v1/episodes/demo/100/tags", json={"tags": []}, headers=headers).status_code == 403
    assert guarded.delete("/api/v1/episodes/demo/100", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert guarded.get("/ws", headers={**headers, "Upgrade": "websocket"}).status_code == 403


@pytest.mark.parametrize("path", ["/runs/a%3Fb%23c/episodes/1", "/runs/a%2Fb/episodes/1", "/%0d%0aX:y", "/runs/100%25"])
def test_the_token_exchange_keeps_special_characters_of_the_address(guarded: FlaskClient, path: str) -> None:
    answer = guarded.get(f"{path}?token=correct%20horse&t=3&panels=")
    assert (answer.status_code, urljoin(path, answer.headers["Location"])) == (303, f"{path}?t=3&panels=")


@pytest.mark.parametrize("target", ["//evil.example/", "/\\evil.example/", "http://evil.example/", "", None])
def test_the_token_exchange_never_redirects_to_another_host(guarded: FlaskClient, target: str | None) -> None:
    sent = None if target is None else f"{target}?token=correct%20horse"
    answer = guarded.get(
        "/evil.example/", query_string={"token": TOKEN}, environ_overrides={"RAW_URI": sent, "REQUEST_URI": sent}
    )
    assert answer.headers["Location"] == "./"


@pytest.mark.parametrize(
    "path", ["/runs/demo", "/runs/demo/", "/runs/demo/episodes", "/runs/a%3Fb", "/runs/~demo/episodes/"]
)
def test_the_address_of_a_run_leads_to_its_list_below_any_prefix(guarded: FlaskClient, path: str) -> None:
    answer = guarded.get(path, headers={"Authorization": f"Bearer {TOKEN}"}, environ_overrides={"RAW_URI": path})
    run = "a%3Fb" if "%3F" in path else "demo"
    assert urljoin(f"/prefix{path}", answer.headers["Location"]) == f"/prefix/?run={run}"


def test_programs_send_the_token_as_a_header(guarded: FlaskClient) -> None:
    assert guarded.get("/api/v1/runs", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert guarded.get("/api/v1/runs", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert guarded.get("/api/v1/runs", headers={"Authorization": TOKEN}).status_code == 401


def test_the_python_client_takes_the_printed_link(folder: Path) -> None:
    with serving_here(make_app(folder, server={"token": TOKEN})) as port:
        assert upgrade_status(port) == 401
        with ReplayClient(f"http://127.0.0.1:{port}/?token=correct%20horse") as client:
            assert client.list_recordings(limit=1)


def test_an_address_that_other_machines_reach_needs_a_token(folder: Path) -> None:
    status, output = run_python(
        ["-m", "recorder", "serve", "--recordings", str(folder), "--host", "0.0.0.0", "--port", "0"]
    )
    assert status == 2
    assert "recording.server.token" in output
    assert "ssh -L" in output
    check_bind(load_settings(env={}, overrides={"server": {"host": "0.0.0.0", "token": "x"}}))


def test_a_base_path_cannot_be_one_of_the_servers_routes(app: Flask) -> None:
    assert {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()} - {""} == OWN_PATHS
    for path in ("/api", "/runs/x", "/static/"):
        with pytest.raises(SettingsError, match="base_path"):
            check_bind(load_settings(env={}, overrides={"server": {"base_path": path}}))
    for path in ("replay", "/a/../b", "/a b", "//a", "/a?b"):
        with pytest.raises(SettingsError, match="base_path"):
            load_settings(env={}, overrides={"server": {"base_path": path}})
    with pytest.raises(SettingsError, match="trusted_proxies"):
        load_settings(env={}, overrides={"server": {"trusted_proxies": "127.0.0.1 proxy.example"}})


def test_the_printed_link_has_everything_that_a_browser_needs() -> None:
    settings = load_settings(env={}, overrides={"server": {"host": "::1", "token": "a&b"}})
    assert link(settings, 80) == "http://[::1]:80/?token=a%26b"
    settings = load_settings(env={}, overrides={"server": {"base_path": "/replay/"}})
    assert link(settings, 80) == "http://127.0.0.1:80/replay/"


@pytest.mark.parametrize(
    ("host", "is_local"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("", False), ("example.org", False)],
)
def test_loopback_is_recognised(host: str, is_local: bool) -> None:
    assert is_loopback(host) is is_local
