"""URLs: one spelling, and never a secret in a message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import SettingsError
from recorder.urls import is_url, normalise_redis_url, redact


@pytest.mark.parametrize(
    ("spelled", "normal"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("rediss://:p%40ss@host", "rediss://:p%40ss@host"),
        ("valkey://host/1", "redis://host/1"),
        ("valkeys://host", "rediss://host"),
        ("unix:///run/s.sock?db=2", "unix:///run/s.sock?db=2"),
        ("valkey+unix:///run/s.sock", "unix:///run/s.sock"),
        ("redis+unix:///run/s.sock", "unix:///run/s.sock"),
        ("REDIS://host", "redis://host"),
    ],
)
def test_every_accepted_spelling_becomes_the_drivers_own(spelled: str, normal: str) -> None:
    assert normalise_redis_url(spelled) == normal


@pytest.mark.parametrize(
    "url",
    [
        "host:6379",
        "http://host",
        "",
        "redis:/host",
        "redis://host:port",
        "redis://host:70000",
        "unix://",
        "redis://host?decode_responses=True",
        "redis://host?protocol=3",
    ],
)
def test_a_url_that_can_not_work_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        normalise_redis_url(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:1/0", "redis://host:1/0"),
        ("redis://:secret@host:1/0", "redis://:***@host:1/0"),
        (
            "postgresql+psycopg://me:secret@host/db?sslmode=require",
            "postgresql+psycopg://me:***@host/db?sslmode=require",
        ),
        ("redis://me@host", "redis://me@host"),
        ("redis://me:se@cret@host", "redis://me:***@host"),
        ("redis://me:se/cr@et@host/0", "redis://me:***@host/0"),
        ("redis://me:se?cr#et@host/0", "redis://***"),
        ("unix:///run/s.sock?password=secret&db=1", "unix:///run/s.sock?password=***&db=1"),
        ("unix:///run/s.sock?password=se@cret", "unix://***"),
        ("recordings/catalog.db", "recordings/catalog.db"),
    ],
)
def test_redact_hides_passwords_and_nothing_else(url: str, shown: str) -> None:
    assert redact(url) == shown


@given(password=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1))
def test_no_password_survives_redaction_however_it_is_spelled(password: str) -> None:
    shown = redact(f"redis://somebody:<{password}>@host:6379/0")
    assert f"<{password}>" not in shown
    assert redact(shown) == shown


def test_a_path_is_not_a_url() -> None:
    assert is_url("s3://bucket")
    assert not is_url("C:/recordings")
    assert not is_url("/a/b:c")
