"""Data of the original recorder: a flat folder of version 1 files, and a database with one table."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import lz4.frame
import msgpack
import pytest

from recorder.catalog import Catalog
from recorder.errors import CatalogError
from recorder.recordings.reindex import reindex
from recorder.replay.manager import ReplayManager
from recorder.storage import LocalStorage, open_storage
from tests.command_line import Call
from tests.compatibility.test_original_files import original_file

SCHEMA = """CREATE TABLE recordings (
    episode_id INTEGER PRIMARY KEY, survival_steps INTEGER, total_reward REAL, curriculum_stage INTEGER, recording_reason TEXT,
    timestamp REAL, file_path TEXT, file_size_bytes INTEGER, compressed_size_bytes INTEGER
)"""


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """Two recordings of the original, in one folder."""
    folder = tmp_path / "flat"
    folder.mkdir()
    for episode_id in (500, 510):
        content = original_file()
        content["metadata"]["episode_id"] = episode_id
        (folder / f"episode_{episode_id:06d}.msgpack.lz4").write_bytes(lz4.frame.compress(msgpack.packb(content)))
    return folder


@pytest.fixture
def database(tmp_path: Path, flat: Path) -> Path:
    """The database that the original kept of them, and of one whose file is gone."""
    path = tmp_path / "demo.db"
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("CREATE TABLE episodes_seen (id INTEGER)")
        connection.execute(SCHEMA)
        for episode_id, reason in ((500, "periodic_100"), (510, "stage_2_first_3"), (520, None)):
            row = (episode_id, 2, 250.0, 2, reason, 1.7e9, f"recordings/episode_{episode_id:06d}.msgpack.lz4", 900, 400)
            connection.execute(f"INSERT INTO recordings VALUES ({','.join('?' * 9)})", row)
    connection.close()
    return path


def test_a_flat_folder_is_a_run_with_its_name(call: Call, flat: Path) -> None:
    answer = call("reindex", "--recordings", flat)
    assert (answer.status, "2 files: 2 recordings in the catalog" in answer.out) == (0, True), answer
    rows = call("list", "--recordings", flat, "--json").document
    assert {(row["run_id"], row["episode_id"], row["file_path"]) for row in rows} == {
        ("flat", 500, "episode_000500.msgpack.lz4"),
        ("flat", 510, "episode_000510.msgpack.lz4"),
    }
    assert call("verify", "--recordings", flat).status == 0
    assert call("cat", "510", "--run", "flat", "--recordings", flat).out.count("\n") == 2
    assert call("reindex", "--run", "flat", "--recordings", flat).status == 0
    replay = ReplayManager(flat / "catalog.db", flat)
    assert replay.load_episode(500)


def test_a_flat_folder_at_a_url_is_found_too(flat: Path) -> None:
    names = sorted(open_storage(f"local://{flat}").names())
    assert names == ["episode_000500.msgpack.lz4", "episode_000510.msgpack.lz4"]


def test_the_original_recorders_database_is_read_and_not_changed(call: Call, flat: Path, database: Path) -> None:
    before = database.read_bytes()
    places = ("--database", database, "--recordings", flat)
    listed = call("list", *places, "--reason", "periodic_*", "--json")
    assert [(row["run_id"], row["episode_id"]) for row in listed.document] == [("demo", 500)]
    assert "written by the original recorder" in listed.err
    assert call("cat", "500", *places).out.count("\n") == 2
    assert call("export", "500", *places, "--html", "--output", flat / "page.html").status == 0
    assert ReplayManager(database, flat).load_episode(510)
    assert call("stats", *places).status == 0
    assert database.read_bytes() == before
    assert {path.name for path in database.parent.glob("demo.db*")} == {"demo.db"}


@pytest.mark.parametrize(
    "arguments", [("reindex",), ("serve", "--port", "0"), ("worker",), ("prune", "--max-age-days", "1")]
)
def test_writing_into_the_original_database_is_refused_with_advice(
    call: Call, flat: Path, database: Path, arguments: tuple[str, ...]
) -> None:
    before = database.read_bytes()
    answer = call(*arguments, "--database", database, "--recordings", flat)
    assert answer.status == 1
    assert "written by the original recorder" in answer.err
    assert f"reindex --original {database}" in answer.err
    assert database.read_bytes() == before


def test_the_original_database_is_imported_with_its_reasons(call: Call, flat: Path, database: Path) -> None:
    answer = call("reindex", "--original", database, "--recordings", flat)
    assert answer.status == 0
    assert "1 episode of" in answer.out
    assert "episode_000520" in answer.out
    rows = call("list", "--recordings", flat, "--order", "episode_id", "--ascending", "--json").document
    assert [row["recording_reason"] for row in rows] == ["periodic_100", "stage_2_first_3"]
    assert call("list", "--recordings", flat, "--reason", "stage_2*", "--json").document[0]["episode_id"] == 510
    assert (
        "is a catalog of this project" in call("reindex", "--original", flat / "catalog.db", "--recordings", flat).err
    )


def test_a_row_with_values_that_cant_be_is_named_and_the_others_are_read(
    call: Call, flat: Path, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    connection = sqlite3.connect(database)
    with connection:
        connection.execute("INSERT INTO recordings VALUES (530, 'many', 1.0, 'two', NULL, 'now', NULL, 0, 0)")
    connection.close()
    answer = call("list", "--database", database, "--recordings", flat, "--json")
    assert sorted(row["episode_id"] for row in answer.document) == [500, 510, 520]
    assert "the row of episode 530 can't be read" in caplog.text
    assert call("reindex", "--original", database, "--recordings", flat).status == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (
            b"",
            "expected a database of the original recorder, with a table 'recordings' that has the columns episode_id, ",
        ),
        (b"no database at all" * 10, "expected a database of the original recorder"),
        ("CREATE TABLE music (song TEXT)", "expected a database of the original recorder"),
        ("CREATE TABLE recordings (song TEXT)", "expected a database of the original recorder"),
        ("CREATE TABLE runs (run_uuid TEXT)", "expected a database of the original recorder"),
    ],
    ids=["no file", "empty", "no database", "other tables", "other recordings", "a table of ours"],
)
def test_a_foreign_database_is_reported_as_such(
    call: Call, flat: Path, tmp_path: Path, content: bytes | str | None, message: str
) -> None:
    path = tmp_path / "other.db"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        connection = sqlite3.connect(path)
        with connection:
            connection.execute(content)
        connection.close()
    answer = call("reindex", "--original", path, "--recordings", flat)
    assert answer.status == 2
    assert answer.err.startswith(f"error: --original: {message}")
    assert answer.err.rstrip().endswith(str(path))


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE runs (run_uuid TEXT)"],
        ["CREATE TABLE alembic_version (version_num TEXT)", "INSERT INTO alembic_version VALUES ('bd07f7e963c5')"],
        ["CREATE TABLE recordings (id INTEGER, song TEXT)"],
    ],
    ids=["a table of ours", "Alembic's", "other recordings"],
)
@pytest.mark.parametrize("read_only", [True, False])
def test_a_database_of_another_program_is_refused(tmp_path: Path, statements: list[str], read_only: bool) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    before = path.read_bytes()
    with pytest.raises(CatalogError, match="belongs to another program"):
        Catalog(path, read_only=read_only)
    assert path.read_bytes() == before


def test_a_database_with_other_tables_alone_is_said_to_be_another_program_s(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    with connection:
        for name in ("albums", "music", "songs", "tracks"):
            connection.execute(f"CREATE TABLE {name} (song TEXT)")
    connection.close()
    answer = call("list", "--database", path)
    assert (answer.status, "belongs to another program (it has the tables albums, music, songs, …)" in answer.err) == (
        1,
        True,
    )


def test_recordings_that_workers_replace_meanwhile_are_not_missing(call: Call, flat: Path) -> None:
    class WorkersGoOn(LocalStorage):
        """Deletes recordings between the listing and the reading, as a worker does with a play that was replaced."""

        def read(self, name: str, *, max_bytes: int) -> bytes:
            if "500" in name:
                self.delete(name)
                with Catalog(flat / "catalog.db") as other:
                    other.delete_recording("flat", 500)
            return super().read(name, max_bytes=max_bytes)

    assert call("reindex", "--recordings", flat).status == 0
    storage = WorkersGoOn(flat)
    with Catalog(flat / "catalog.db") as catalog:
        report = reindex(storage, catalog, sorted(storage.names()))
    assert (report.n_files, report.unreadable, report.missing) == (1, {}, [])
