"""Answers to clients have no path and no URL of the server; its log has them."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from recorder.errors import CatalogError, RecordingNotFoundError
from recorder.settings import Settings
from replay_server.access.public_message import hide_places, public_message
from replay_server.app import EXTENSION, create_app


@pytest.mark.parametrize(
    ("whole", "public"),
    [
        (
            "there is no run 'a' in the catalog: sqlite:////home/me/my runs/catalog.db",
            "there is no run 'a' in the catalog",
        ),
        ("the file ends early in chunk 3: s3://bucket/runs/a.lz4", "the file ends early in chunk 3"),
        ("no connection to postgresql://me@db:5432/x became free", "no connection to … became free"),
        ("[Errno 13] Permission denied: '/srv/data/a.lz4'", "[Errno 13] Permission denied: '…'"),
        ("can't read /srv/data/a.lz4: it is locked", "can't read …: it is locked"),
        ("the file is missing: C:\\Users\\me\\a.lz4", "the file is missing"),
        ("expected t to be below 5/6 of and/or 3", "expected t to be below 5/6 of and/or 3"),
        ("'hamlet-recorder why 7' explains", "'hamlet-recorder why 7' explains"),
    ],
)
def test_places_are_left_out(whole: str, public: str) -> None:
    assert hide_places(whole) == public


def test_the_log_has_the_whole_message(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert public_message(CatalogError("damaged: /secret/catalog.db")) == "damaged"
        assert public_message(RecordingNotFoundError("nothing here")) == "nothing here"
    assert [record.getMessage() for record in caplog.records if "/secret" in record.getMessage()]
    assert len(caplog.records) == 1


def test_no_answer_about_something_missing_names_the_servers_folder(tmp_path: Path) -> None:
    settings = Settings(database=str(tmp_path / "catalog.db"), recordings_dir=str(tmp_path))
    app = create_app(settings)
    client = app.test_client()
    paths = ["runs/x", "runs/x/curve", "runs/x/highlights", "episodes/x/1", "videos/7"]
    paths += [f"episodes/x/1/{name}" for name in ("why", "steps", "file", "thumbnail.png", "film.png", "tags")]
    for path in paths:
        for accept in ("application/json", "text/html"):
            answer = client.get(f"/api/v1/{path}", headers={"Accept": accept})
            assert answer.status_code == 404, path
            assert str(tmp_path) not in answer.text, path
            assert "sqlite:" not in answer.text, path
    app.extensions[EXTENSION].close("the test is over")
