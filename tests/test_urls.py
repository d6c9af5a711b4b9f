"""URLs: one spelling, and never a secret in a message."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.catalog.engine import parse_url
from recorder.errors import SettingsError
from recorder.urls import celery_broker_url, check_place, is_url, normalise_redis_url, redact, with_encoded_password


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
        ("redis://", "redis://localhost"),
        ("redis:///3", "redis://localhost/3"),
        ("redis://:p@:6380", "redis://:p@localhost:6380"),
        ("redis://host//3/", "redis://host/3"),
        ("redis://host?db=3", "redis://host/3"),
        ("redis://host/3?db=3", "redis://host/3"),
        ("redis://host?db=", "redis://host"),
        ("redis://host/1?username=me&password=a%40b", "redis://me:a%40b@host/1"),
        ("unix:///run/s.sock?password=p&db=1", "unix://:p@/run/s.sock?db=1"),
    ],
)
def test_every_accepted_spelling_becomes_the_drivers(spelled: str, normal: str) -> None:
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
        "redis://host/notadb",
        "redis://host/-1",
        "redis://host/1.5",
        "redis://host/1/2",
        "redis://host/0#1",
        "redis://host/٣",
        "redis://host?db=first",
        "unix:///run/redis.sock?db=x",
        "redis://host?db=1&db=2",
        "redis://host/1?db=2",
        "redis://host?password=a&password=b",
        "redis://:a@host?password=b",
        "unix://run/redis.sock",
        "redis://?host=other",
        "redis://host?port=1",
        "redis://host:6379/0\n",
        " redis://host",
        "redis://ho\tst",
        "redis://my host:6379",
    ],
)
def test_an_invalid_url_is_refused(url: str) -> None:
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
def test_redact_hides_only_passwords(url: str, shown: str) -> None:
    assert redact(url) == shown


@given(password=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1))
def test_no_spelling_of_a_password_survives_redaction(password: str) -> None:
    shown = redact(f"redis://somebody:<{password}>@host:6379/0")
    assert f"<{password}>" not in shown
    assert redact(shown) == shown


def test_a_path_is_not_a_url() -> None:
    assert is_url("s3://bucket")
    assert not is_url("C:/recordings")
    assert not is_url("/a/b:c")


PASSWORDS = [
    "p@ss",
    "p/w",
    "p#w",
    "p:w",
    "a?b",
    "a?b@c",
    "@/#:?%",
    "100%",
    "p%40ss",
    "#",
    "?",
    "p w",
    "[x]",
    "a/b?c#d@e:f",
]


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_password_may_have_any_character(password: str) -> None:
    parts = urlsplit(normalise_redis_url(f"redis://user:{password}@example.org:6380/2"))
    assert (parts.hostname, parts.port, parts.path, parts.username) == ("example.org", 6380, "/2", "user")
    assert unquote(parts.password or "") == ("p@ss" if password == "p%40ss" else password)
    bare = urlsplit(normalise_redis_url(f"rediss://:{password}@[::1]:1?db=3"))
    assert (bare.hostname, bare.path) == ("::1", "/3")


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_database_password_may_have_any_character_and_is_never_shown(password: str) -> None:
    url = parse_url(f"postgresql+psycopg://user:{password}@example.org:5432/recorder")
    assert (url.host, url.port, url.database) == ("example.org", 5432, "recorder")
    assert url.password == ("p@ss" if password == "p%40ss" else password)
    assert redact(f"postgresql://user:{password}@example.org/x") in (
        "postgresql://user:***@example.org/x",
        "postgresql://***",
    )


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost:6379/0",
        "redis://localhost:6379/0?password=a@b",
        "redis://[::1]:6379/0?password=a@b",
        "unix:///run/a@b.sock",
        "postgresql+psycopg://tests@/x?host=/tmp/a@b",
        "sqlite:////home/a:b@c/catalog.db",
        "s3://bucket/a:b@c",
    ],
)
def test_redact_keeps_text_that_is_no_password(url: str) -> None:
    assert with_encoded_password(url) == url


@pytest.mark.parametrize(
    "url", ["redis://:secret:more", "redis://user:sec/ret", "redis://u:sec#ret@h:port", "redis://u:sec?ret"]
)
def test_an_unreadable_url_is_reported_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        normalise_redis_url(url)
    assert "sec" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("scheme", ["sentinel", "redis+sentinel", "redis-cluster", "rediss+cluster", "CLUSTER"])
def test_urls_for_clusters_and_sentinels_are_refused_by_name(scheme: str) -> None:
    with pytest.raises(SettingsError, match="Redis Cluster and Sentinel can't be used"):
        normalise_redis_url(f"{scheme}://:secret@host:26379/mymaster")


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("redis://:p%40ss@host:1/2", "redis://:p%40ss@host:1/2"),
        ("redis://host?db=3&socket_timeout=5", "redis://host/3"),
        ("rediss://host/0", "rediss://host/0?ssl_cert_reqs=required"),
        ("valkeys://host/0?ssl_cert_reqs=none&ssl_ca_certs=/a/ca.crt", "rediss://host/0?ssl_ca_certs=%2Fa%2Fca.crt&ssl_cert_reqs=none"),
        ("rediss://host?ssl_check_hostname=No", "rediss://host?ssl_cert_reqs=required&ssl_check_hostname=false"),
        ("unix://:p@/run/s.sock?db=2", "redis+socket://:p@/run/s.sock?virtual_host=2"),
        ("unix:///run/s.sock?password=p&db=2&socket_timeout=3", "redis+socket://:p@/run/s.sock?virtual_host=2"),
        ("redis://host/2?password=p", "redis://:p@host/2"),
        ("redis:///2", "redis://localhost/2"),
    ],
)  # fmt: skip
def test_kombu_gets_the_same_redis_url_with_verification(url: str, broker: str) -> None:
    assert celery_broker_url(url) == broker


@pytest.mark.parametrize(
    "place", ["s3:/bucket/x", "s3:bucket", "GS:bucket/x", "file:x", "memory:", "simplecache::s3://b"]
)
def test_a_url_without_its_slashes_makes_no_folder_of_that_name(place: str) -> None:
    with pytest.raises(SettingsError, match="URL"):
        check_place(place)


@pytest.mark.parametrize("place", ["exp:1", "./s3:bucket", "runs/s3:x", "C:\\runs", "s3", "lr:0.1,seed:3"])
def test_a_folder_may_have_a_colon_in_its_name(place: str) -> None:
    assert check_place(place) == place
