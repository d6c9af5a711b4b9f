"""The page behind a real nginx: under a prefix that the proxy keeps or removes, and with TLS that ends at the proxy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from recorder.catalog import Catalog
from recorder.replay.client import ReplayClient
from replay_server.app import EXTENSION
from tests.nginx import UPGRADE, make_certificate, nginx
from tests.page.lives import Life, add_life
from tests.page.looking import open_episode, wait_for_step
from tests.ports import free_port
from tests.replay.conftest import make_app, serving_here

pytestmark = pytest.mark.browser

TOKEN = "correct horse"
RUN = "a/b c"
SEGMENT = "a%2Fb%20c"

TAKES_PREFIX_AWAY = "location /replay/ {{ proxy_pass http://127.0.0.1:{port}/; {upgrade} }}"
LEAVES_PREFIX = "location /replay {{ proxy_pass http://127.0.0.1:{port}; {upgrade} }}"
TELLS_PREFIX = """location /replay/ {{
    proxy_pass http://127.0.0.1:{port}/; {upgrade}
    proxy_set_header X-Forwarded-Prefix /replay;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
}}"""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("proxied")
    with Catalog(folder / "catalog.db") as catalog:
        for run_id in ("demo", RUN):
            add_life(catalog, folder, run_id, 1, Life(seed=1, n_steps=60).columns())
    return folder


@pytest.fixture
def errors() -> list[str]:
    return []


@pytest.fixture
def guest(browser: Browser, errors: list[str]) -> Iterator[Page]:
    """A browser that takes the tests' certificate."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, ignore_https_errors=True)
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "response",
        lambda answer: (
            errors.append(f"{answer.url}: {answer.status}")
            if answer.status >= 400 and not answer.url.endswith("/videos")
            else None
        ),
    )
    yield page
    context.close()


def use(page: Page, address: str) -> None:
    """All that a prefix can break: assets, API, WebSocket, links, history, writing, thumbnails."""
    page.goto(f"{address}/?token=correct%20horse")
    assert page.url == f"{address}/"
    page.goto(f"{address}/?run=demo")
    page.locator("a.episode-link").first.click()
    wait_for_step(page, lambda step: step >= 0)
    assert page.url.startswith(f"{address}/runs/demo/episodes/1")
    page.keyboard.press(".")
    page.wait_for_url(re.compile(r"t=1"))
    page.keyboard.press("a")
    page.locator("dialog textarea").fill("seen behind a proxy")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".annotation-text")).to_have_text("seen behind a proxy")
    page.reload()
    wait_for_step(page, lambda step: step == 1)
    page.get_by_role("button", name="Change the annotation").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.locator(".annotations")).to_be_hidden()
    page.keyboard.press("Escape")
    page.wait_for_url(re.compile(rf"{re.escape(address)}/\?run=demo.*"))
    open_episode(page, f"{address}/runs/{SEGMENT}/episodes/1?t=7")
    wait_for_step(page, lambda step: step == 7)


@pytest.mark.parametrize(
    ("location", "settings"),
    [
        (TAKES_PREFIX_AWAY, {"base_path": "/replay/"}),
        (LEAVES_PREFIX, {"base_path": "/replay"}),
        (TELLS_PREFIX, {"trusted_proxies": "127.0.0.1"}),
    ],
    ids=["takes the prefix away", "leaves the prefix", "tells the prefix"],
)
def test_the_page_works_under_a_prefix(
    guest: Page, errors: list[str], recordings: Path, tmp_path: Path, location: str, settings: dict[str, str]
) -> None:
    outside = free_port()
    with serving_here(make_app(recordings, server={"token": TOKEN, **settings})) as port:
        block = location.format(port=port, upgrade=UPGRADE)
        with nginx(tmp_path, f"server {{ listen 127.0.0.1:{outside}; {block} }}", port=outside):
            address = f"http://localhost:{outside}/replay"
            use(guest, address)
            (cookie,) = guest.context.cookies()
            assert cookie["name"].startswith(f"hamlet_replay_{outside}_")
            assert cookie["path"] == "/replay/"
            video = guest.request.get(f"{address}/api/v1/openapi.json").json()
            assert video["servers"] == [{"url": "/replay/api/v1"}]
            with ReplayClient(f"http://127.0.0.1:{outside}/replay/?token=correct%20horse") as client:
                assert client.list_recordings(limit=1)
    assert errors == []


def test_the_page_needs_no_setting_under_the_prefix_of_a_notebook_server(
    guest: Page, errors: list[str], recordings: Path, tmp_path: Path
) -> None:
    outside = free_port()
    prefix = "/user/ann/proxy/8766"
    with serving_here(make_app(recordings, server={"token": TOKEN})) as port:
        block = f"location {prefix}/ {{ proxy_pass http://127.0.0.1:{port}/; {UPGRADE} }}"
        with nginx(tmp_path, f"server {{ listen 127.0.0.1:{outside}; {block} }}", port=outside):
            use(guest, f"http://localhost:{outside}{prefix}")
    assert errors == []


def test_the_page_works_behind_a_proxy_that_ends_tls(
    guest: Page, errors: list[str], recordings: Path, tmp_path: Path
) -> None:
    outside = free_port()
    make_certificate(tmp_path)
    tls = (
        f"listen 127.0.0.1:{outside} ssl; ssl_certificate {tmp_path}/cert.pem; ssl_certificate_key {tmp_path}/key.pem;"
    )
    app = make_app(recordings, server={"token": TOKEN, "trusted_proxies": "127.0.0.1"})
    with serving_here(app) as port:
        block = TELLS_PREFIX.format(port=port, upgrade=UPGRADE)
        with nginx(tmp_path, f"server {{ {tls} {block} }}", port=outside):
            address = f"https://localhost:{outside}/replay"
            use(guest, address)
            (cookie,) = guest.context.cookies()
            assert cookie["secure"]
            assert cookie["sameSite"] == "Lax"
            tags = f"{address}/api/v1/episodes/demo/1/tags"
            plain = guest.request.put(tags, data={"tags": []}, headers={"Origin": f"http://localhost:{outside}"})
            assert plain.status == 403, "the page without TLS is another origin"
    assert errors == []


def test_a_link_in_a_chat_opens_with_the_cookie_and_otherwise_asks_for_the_token(
    guest: Page, recordings: Path, tmp_path: Path
) -> None:
    app = make_app(recordings, server={"token": TOKEN})
    chat_port = free_port()
    with serving_here(app) as port:
        link = f"http://127.0.0.1:{port}/runs/demo/episodes/1?t=5"
        (tmp_path / "index.html").write_text(f'<a href="{link}">look at this</a>')
        chat = f"server {{ listen 127.0.0.1:{chat_port}; root {tmp_path}; }}"
        tmp_path.chmod(0o755)
        with nginx(tmp_path, chat, port=chat_port):
            # Another site, not only another port: browsers take localhost and 127.0.0.1 for two.
            guest.goto(f"http://localhost:{chat_port}/")
            guest.get_by_text("look at this").click()
            expect(guest.get_by_role("heading")).to_have_text("This replay server requires a token")
            guest.get_by_label("Token").fill("wrong")
            guest.get_by_role("button", name="Open").click()
            expect(guest.get_by_text("wrong token")).to_be_visible()
            guest.get_by_label("Token").fill(TOKEN)
            guest.get_by_role("button", name="Open").click()
            wait_for_step(guest, lambda step: step == 5)
            assert guest.url == link
            guest.goto(f"http://localhost:{chat_port}/")
            guest.get_by_text("look at this").click()
            wait_for_step(guest, lambda step: step == 5)


def test_proxy_headers_count_only_from_trusted_proxies(recordings: Path) -> None:
    app = make_app(recordings, server={"trusted_proxies": "10.0.0.0/8 fd00::/8"})
    client = app.test_client()
    forged = {
        "Host": "evil.example",
        "X-Forwarded-Host": "localhost",
        "X-Forwarded-Prefix": "/x",
        "X-Forwarded-Proto": "https",
    }
    assert client.get("/healthz", headers=forged).status_code == 403
    peer = {"environ_overrides": {"REMOTE_ADDR": "10.1.2.3"}}
    assert client.get("/healthz", headers=forged, **peer).status_code == 200
    location = client.get("/x?t=1", headers=forged, **peer).headers["Location"]
    assert location == "/x/?t=1"
    for wrong in ("//evil.example", "/a/../b", "/a b", "/\\evil.example", "https://evil.example"):
        assert client.get("/healthz", headers={**forged, "X-Forwarded-Prefix": wrong}, **peer).status_code == 400, wrong
    app.extensions[EXTENSION].close("the test is over")


PUBLIC, TUNNEL = "https://code.example", "https://abc-8766.devtunnels.ms"
FORWARDINGS = {
    "VS Code, a free port of the desktop": ("localhost:9000", "http://localhost:9000", {}, {}, 200),
    "code-server, a public name": ("code.example", PUBLIC, {}, {"allowed_origins": PUBLIC}, 200),
    "code-server, a public name that is not allowed": ("code.example", PUBLIC, {}, {}, 403),
    "a tunnel that rewrites Host and Origin": (
        "localhost:8766",
        "http://localhost:8766",
        {"X-Forwarded-Host": "abc-8766.devtunnels.ms", "X-Forwarded-Proto": "https"},
        {},
        200,
    ),
    "a tunnel that rewrites Host alone": ("localhost:8766", TUNNEL, {}, {}, 403),
    "a tunnel that rewrites Host alone, and is allowed": (
        "localhost:8766",
        TUNNEL,
        {},
        {"allowed_origins": TUNNEL},
        200,
    ),
}
"""What arrives of a page's request: Host, Origin, other headers; settings; and the answer."""


@pytest.mark.parametrize("name", FORWARDINGS)
def test_the_headers_of_port_forwardings_are_understood(recordings: Path, name: str) -> None:
    host, origin, more, settings, status = FORWARDINGS[name]
    app = make_app(recordings, server=settings)
    tags = "/api/v1/episodes/demo/1/tags"
    answer = app.test_client().put(tags, json={"tags": []}, headers={"Host": host, "Origin": origin, **more})
    app.extensions[EXTENSION].close("the test is over")
    assert answer.status_code == status
    assert status == 200 or "allowed_origins" in answer.text
