"""``load_settings``: the file, the environment and the caller, and what is said when one of them is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from recorder.errors import SettingsError
from recorder.settings import Settings, load_settings
from tests.original_protocol import CONFIGURATION


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    return tmp_path / "training.yaml"


def load(text: str, path: Path, **environment: str) -> Settings:
    path.write_text(text, encoding="utf-8")
    return load_settings(path, env=environment)


def mistake(text: str, path: Path, **environment: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(text, path, **environment)
    return str(caught.value)


def test_the_original_protocols_configuration_loads_unchanged(config_file: Path) -> None:
    settings = load(CONFIGURATION, config_file)
    assert settings == Settings(), "its values are the defaults"
    assert settings.criteria.stage_boundaries.record_first_n == 5


def test_other_top_level_keys_are_ignored(config_file: Path) -> None:
    settings = load("optimizer: {lr: 0.1}\nrecording: {run_id: a}\nzzz: [1]\n", config_file)
    assert settings.run_id == "a"


@pytest.mark.parametrize("text", ["", "training: {}\n", "recording:\n", "recording:\n  redis:\n  criteria:\n"])
def test_missing_and_empty_keys_take_their_defaults(config_file: Path, text: str) -> None:
    assert load(text, config_file) == Settings()


def test_arguments_override_the_environment_which_overrides_the_file(config_file: Path) -> None:
    config_file.write_text("recording: {run_id: file, recordings_dir: file, database: file, format: 1}\n")
    settings = load_settings(
        config_file,
        env={"HAMLET_RECORDER_RUN_ID": "environment", "HAMLET_RECORDER_DATABASE": "environment"},
        overrides={"run_id": "caller"},
    )
    assert (settings.run_id, settings.database, settings.recordings_dir) == ("caller", "environment", "file")
    assert settings.compression == "lz4", "the default"


def test_words_may_be_a_list(config_file: Path) -> None:
    text = "recording: {server: {allowed_origins: ['http://a:1', 'http://b:*'], trusted_proxies: [127.0.0.1]}}\n"
    server = load(text, config_file).server
    assert (server.allowed_origins, server.trusted_proxies) == ("http://a:1 http://b:*", "127.0.0.1")


@pytest.mark.parametrize(
    ("key", "wrong", "shape"),
    [
        ("server.allowed_origins", "['http://a:1/path']", "such as http://localhost:5173"),
        ("server.allowed_origins", "[5173]", "such as http://localhost:5173"),
        ("server.embed_origins", "'*'", "such as http://localhost:*"),
        ("server.base_path", "replay", "an encoded path such as /replay"),
        ("redis.key_prefix", "'{a}'", "a text without spaces and braces"),
    ],
)
def test_a_text_of_a_wrong_shape_is_told_what_it_looks_like(
    key: str, wrong: str, shape: str, config_file: Path
) -> None:
    section, name = key.split(".")
    said = mistake(f"recording: {{{section}: {{{name}: {wrong}}}}}\n", config_file)
    assert said.startswith(f"recording.{key}: expected ")
    assert shape in said
    assert "pattern" not in said


def test_a_nested_value_does_not_change_its_neighbours(config_file: Path) -> None:
    text = "recording: {criteria: {periodic: {interval: 7}}}\n"
    settings = load(text, config_file, HAMLET_RECORDER_CRITERIA__PERIODIC__ENABLED="false")
    assert settings.criteria.periodic.interval == 7
    assert not settings.criteria.periodic.enabled


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("REDIS__URL", "redis://host:1/2", lambda s: s.redis.url == "redis://host:1/2"),
        ("REDIS__URL", "valkey://host:1", lambda s: s.redis.url == "redis://host:1"),
        ("CRITERIA__PERIODIC__INTERVAL", "250", lambda s: s.criteria.periodic.interval == 250),
        ("CAPTURE__FLUSH_INTERVAL_SECS", "1", lambda s: s.capture.flush_interval_secs == 1.0),
        ("CAPTURE__MAX_PENDING_BYTES", "32 MiB", lambda s: s.capture.max_pending_bytes == 32 * 1024**2),
        ("ENABLED", "false", lambda s: s.enabled is False),
        ("FORMAT", "1", lambda s: s.format == 1),
        ("RUN_ID", "0042", lambda s: s.run_id == "0042"),
        ("DATABASE", "2024", lambda s: s.database == "2024"),
        ("SERVER__TOKEN", "12", lambda s: s.server.token is not None and s.server.token.get_secret_value() == "12"),
        ("CRITERIA__CUSTOM__DEATHS__LIMIT", "3", lambda s: s.criteria.custom["deaths"].options == {"limit": 3}),
    ],
)
def test_an_environment_variable_sets_its_key(name: str, text: str, expected: Any) -> None:
    assert expected(load_settings(env={f"HAMLET_RECORDER_{name}": text}))


def test_an_empty_environment_variable_counts_as_not_set() -> None:
    assert load_settings(env={"HAMLET_RECORDER_REDIS__URL": "", "HAMLET_RECORDER_CONFIG": ""}) == Settings()


def test_an_environment_variable_can_name_the_file(config_file: Path) -> None:
    config_file.write_text("recording: {run_id: named}\n")
    assert load_settings(env={"HAMLET_RECORDER_CONFIG": str(config_file)}).run_id == "named"


def test_an_unknown_keys_error_names_file_path_and_nearest_key(config_file: Path) -> None:
    text = CONFIGURATION.replace("interval", "intervall")
    assert mistake(text, config_file) == (
        "recording.criteria.periodic.intervall: unknown key; did you mean recording.criteria.periodic.interval? "
        f"({config_file})"
    )


def test_a_key_at_the_wrong_level_is_an_error_that_says_where_it_belongs(config_file: Path) -> None:
    assert "did you mean recording.capture.queue_maxsize?" in mistake("recording: {queue_maxsize: 2000}\n", config_file)


def test_the_older_name_of_the_rings_size_is_accepted(config_file: Path) -> None:
    config_file.write_text("recording: {capture: {queue_maxsize: 2000}}\n")
    assert load_settings(config_file, env={}).capture.queue_maxsize == 2000


@pytest.mark.parametrize("place", ["s3://bucket/boxes", "redis://host/1"])
def test_the_black_boxes_folder_is_on_this_machine(place: str, config_file: Path) -> None:
    text = f"recording: {{capture: {{black_box_dir: '{place}'}}}}\n"
    assert "recording.capture.black_box_dir: expected a folder of this machine" in mistake(text, config_file)


def test_a_key_that_resembles_none_is_told_which_there_are(config_file: Path) -> None:
    message = mistake("recording: {render: {xyzzy: 1}}\n", config_file)
    assert "recording.render.xyzzy: unknown key; the keys here are concurrency" in message


def test_an_unknown_environment_variable_is_an_error_too() -> None:
    with pytest.raises(SettingsError, match=r"did you mean recording\.redis\.url") as caught:
        load_settings(env={"HAMLET_RECORDER_REDIS__URI": "redis://h"})
    assert "environment variable HAMLET_RECORDER_REDIS__URI" in str(caught.value)


def test_all_mistakes_are_reported_at_once(config_file: Path) -> None:
    text = "recording: {enabld: 1, format: 3, criteria: {performance: {top_percentile: 120}}, ingest: 4}\n"
    message = mistake(text, config_file, HAMLET_RECORDER_CAPTURE__ON_FULL="dropp")
    assert message.startswith("5 mistakes")
    for expected in (
        "recording.enabld: unknown key; did you mean recording.enabled?",
        "recording.format: expected 1 or 2, found 3",
        "recording.criteria.performance.top_percentile: expected less than or equal to 100, found 120",
        "recording.ingest: expected a mapping, found 4",
        "recording.capture.on_full: expected 'drop', 'block' or 'sample', found 'dropp' (environment variable",
    ):
        assert expected in message


@pytest.mark.parametrize(
    "text",
    [
        "recording: {criteria: {periodic: {interval: '100'}}}",
        "recording: {criteria: {periodic: {interval: true}}}",
        "recording: {criteria: {periodic: {interval: 0}}}",
        "recording: {run_id: 42}",
        "recording: {enabled: 1}",
        "recording: {redis: {url: 'http://host'}}",
        "recording: {redis: {url: 'redis://host:port'}}",
        "recording: {redis: {url: 'redis://host?decode_responses=1'}}",
        "recording: {redis: {key_prefix: 'a{b}'}}",
        "recording: {capture: {max_pending_bytes: 3}}",
        "recording: {capture: {flush_interval_secs: .nan}}",
        "recording: {ingest: {lease_secs: .inf}}",
        "recording: []",
        "recording: 3",
        "[1, 2]",
        "recording: {a: b",
    ],
)
def test_an_invalid_value_is_refused_and_the_file_is_named(config_file: Path, text: str) -> None:
    assert str(config_file) in mistake(text, config_file)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file or directory"):
        load_settings(tmp_path / "nowhere.yaml", env={})


def test_secrets_are_printed_neither_by_repr_nor_by_errors(config_file: Path) -> None:
    settings = load_settings(
        env={
            "HAMLET_RECORDER_REDIS__URL": "redis://:hunter2@host",
            "HAMLET_RECORDER_DATABASE": "postgresql+psycopg://me:hunter2@host/db",
            "HAMLET_RECORDER_SERVER__TOKEN": "hunter2",
        }
    )
    assert "hunter2" not in repr(settings)
    text = "recording: {redis: {url: 'http://:hunter2@h', broker_url: [hunter2]}, server: {token: [hunter2]}}"
    assert "hunter2" not in mistake(text, config_file)


def test_settings_can_not_be_changed() -> None:
    with pytest.raises(ValidationError):
        load_settings(env={}).criteria.periodic.interval = 3


def test_catalog_and_redis_are_beside_local_recordings(tmp_path: Path) -> None:
    settings = load_settings(env={}, overrides={"recordings_dir": tmp_path})
    assert settings.catalog_url == str(tmp_path / "catalog.db")
    assert settings.embedded_server_dir == tmp_path / ".server"
    assert load_settings(env={}, overrides={"recordings_dir": f"file://{tmp_path}"}).local_recordings_dir == tmp_path


def test_recordings_at_a_url_need_an_explicit_catalog_and_redis() -> None:
    settings = load_settings(env={}, overrides={"recordings_dir": "s3://bucket/runs"})
    with pytest.raises(SettingsError, match=r"recording\.database must be set"):
        _ = settings.catalog_url
    with pytest.raises(SettingsError, match=r"recording\.redis\.url must be set"):
        _ = settings.embedded_server_dir


def test_a_tilde_is_the_home_folder_in_every_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "c.yaml"
    path.write_text("recording: {recordings_dir: ~/rec, database: ~/x.db, render: {videos_dir: ~/videos}}")
    settings = load_settings(path, env={})
    assert settings.recordings_dir == str(tmp_path / "rec")
    assert settings.database == str(tmp_path / "x.db")
    assert settings.videos_place == str(tmp_path / "videos")
    assert load_settings(env={"HAMLET_RECORDER_DATABASE": "~/y.db"}).database == str(tmp_path / "y.db")
    assert load_settings(env={}, overrides={"recordings_dir": Path("~/z")}).recordings_dir == str(tmp_path / "z")
    assert load_settings(env={}, overrides={"recordings_dir": "s3://a/~/b"}).recordings_dir == "s3://a/~/b"
