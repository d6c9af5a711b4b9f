"""The route of a recording's file: whole, in ranges and in pieces, from a folder and from a URL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from recorder.catalog import Catalog
from recorder.storage import episode_path, open_storage
from replay_server.app import EXTENSION
from tests.episodes import add_episode
from tests.replay.conftest import make_app

FILE = "/api/v1/episodes/demo/0/file"


class Stored(NamedTuple):
    """A server over one recording, the recording's bytes, and its root."""

    client: FlaskClient
    data: bytes
    root: str


@pytest.fixture(scope="module", params=["folder", "url"])
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    folder = tmp_path_factory.mktemp("stored")
    root = str(folder) if request.param == "folder" else f"memory://{uuid4()}"
    database = f"sqlite:///{folder / 'catalog.db'}"
    with Catalog(database) as catalog:
        add_episode(catalog, folder, n_steps=20_000)
    data = (folder / episode_path("demo", 0)).read_bytes()
    open_storage(root).write_all({episode_path("demo", 0): data})
    app = make_app(Path(), recordings_dir=root, database=database)
    yield Stored(app.test_client(), data, root)
    app.extensions[EXTENSION].close("the tests are over")


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("0-0", 0, 1), ("100-299", 100, 300), ("-7", -7, None), ("300000-", 300_000, None), ("10-99999999", 10, None)],
)
def test_any_byte_range_of_the_file_is_served(stored: Stored, asked: str, start: int, stop: int | None) -> None:
    with stored.client.get(FILE, headers={"Range": f"bytes={asked}"}) as part:
        assert (part.status_code, part.data) == (206, stored.data[start:stop])
        first, end, _ = slice(start, stop).indices(len(stored.data))
        assert part.headers["Content-Range"] == f"bytes {first}-{end - 1}/{len(stored.data)}"
        assert part.content_length == end - first


def test_a_range_after_the_end_is_refused(stored: Stored) -> None:
    answer = stored.client.get(FILE, headers={"Range": "bytes=99999999-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(stored.data)}"
    assert answer.get_json()["error"]["code"] == "requested_range_not_satisfiable"


def test_the_whole_file_is_streamed(stored: Stored) -> None:
    with stored.client.get(FILE) as whole:
        assert (whole.status_code, whole.content_length) == (200, len(stored.data))
        assert whole.headers["Accept-Ranges"] == "bytes"
        assert "immutable" not in whole.headers["Cache-Control"]
        pieces = list(whole.iter_encoded())
    assert b"".join(pieces) == stored.data
    assert len(pieces) > 1
    assert max(map(len, pieces)) <= 256 * 1024


def test_head_and_a_matching_etag_get_no_body(stored: Stored) -> None:
    with stored.client.head(FILE) as head:
        assert (head.status_code, head.content_length, head.data) == (200, len(stored.data), b"")
    with stored.client.get(FILE, headers={"If-None-Match": head.headers["ETag"]}) as known:
        assert (known.status_code, known.data) == (304, b"")
    with stored.client.get(f"{FILE}?v={head.headers['ETag'].strip(chr(34))}") as named:
        assert "immutable" in named.headers["Cache-Control"]


def test_a_missing_file_is_explained_in_words(stored: Stored) -> None:
    storage = open_storage(stored.root)
    storage.delete(episode_path("demo", 0))
    answer = stored.client.get(FILE)
    storage.write_all({episode_path("demo", 0): stored.data})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "not_found")
    assert "moved or deleted" in answer.get_json()["error"]["message"]
