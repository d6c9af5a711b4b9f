"""Settings of the replay server."""

from __future__ import annotations

from ipaddress import ip_network

from pydantic import ByteSize, SecretStr, field_validator

from recorder.settings.fields import Section, Words, setting

__all__ = ["BASE_PATH_PATTERN", "QuotaSettings", "ServerSettings"]

_MIB = 1024**2

BASE_PATH_PATTERN = r"^(/[A-Za-z0-9_~!$&'()*+,;=:@%-][A-Za-z0-9._~!$&'()*+,;=:@%-]*)*/?$"
"""An encoded URL path; no part of it begins with a dot."""


class QuotaSettings(Section):
    """Limits on what clients may change through the server."""

    writes_per_min: int = setting(
        600,
        "Changing requests a minute from one client in the long run; more get 429. A client is an address and a "
        "program; one address gets five times as many. Each process counts separately.",
        unit="requests a minute",
        ge=1,
    )
    write_burst: int = setting(
        100, "Changing requests that one client may send at once, before the rate counts.", unit="requests", ge=1
    )
    videos_per_client: int = setting(
        20, "Unfinished videos that one client may have requested; more get 429.", unit="videos", ge=1
    )
    videos_per_run: int = setting(
        200,
        "Unfinished videos of one run, from all clients; more get 429.",
        unit="videos",
        ge=1,
    )
    note_letters_per_run: int = setting(
        4_000_000, "Letters of all annotations of a run; a new one beyond them is refused.", unit="letters", ge=1000
    )
    tags_per_run: int = setting(
        100_000, "Tags on all episodes of a run; new ones beyond them are refused.", unit="tags", ge=100
    )


class ServerSettings(Section):
    """The replay server."""

    host: str = setting("127.0.0.1", "Address to listen on. Any address but loopback needs a `token`.")
    port: int = setting(8766, "Port to listen on; 0 takes a free one.", ge=0, le=65535)
    token: SecretStr | None = setting(
        None,
        "Secret that every client must present. Left out, the server listens on loopback only, and everyone on "
        "this machine may watch.",
        secret=True,
    )
    embed_origins: Words = setting(
        "http://localhost:* http://127.0.0.1:*",
        "Origins of pages that may show the player (links with `embed=1`) in a frame, as a list or separated by spaces. By "
        "default pages of this machine, such as notebooks.",
        shape="origins with spaces between them, such as http://localhost:* or https://*.example.org",
        pattern=r"^( *https?://(\*\.)?[A-Za-z0-9.-]+(:(\d+|\*))?)* *$",
    )
    allowed_origins: Words = setting(
        "",
        "Other origins whose pages may use the server, as a list or separated by spaces, such as `http://localhost:5173`: your"
        " own frontend, or the address under which a proxy publishes the page. `*` may replace the port. They may"
        " do all that the page may.",
        shape="origins (scheme, host and port, no path) with spaces between them, such as http://localhost:5173",
        pattern=r"^( *[a-z][a-z0-9+.-]*://(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+)(:(\d{1,5}|\*))?)* *$",
    )
    base_path: str = setting(
        "",
        "Path under which a proxy publishes the page, such as `/replay`. The proxy may pass it on or remove it.",
        shape="an encoded path such as /replay",
        pattern=BASE_PATH_PATTERN,
    )
    trusted_proxies: Words = setting(
        "",
        "Addresses or networks of proxies whose `X-Forwarded-For`, `-Proto`, `-Host`, `-Port` and `-Prefix` are "
        "believed, as a list or separated by spaces, such as `127.0.0.1 10.0.0.0/8`. Name only proxies that set these headers "
        "themselves.",
    )
    max_connections: int = setting(
        1200,
        "Most viewers in one process. Each needs a socket and some memory, but no thread.",
        unit="connections",
        ge=1,
    )
    processes: int = setting(
        1, "Processes that share the port. One serves hundreds of viewers; more use more cores.", unit="processes", ge=1
    )
    threads: int = setting(
        8,
        "Threads of a process for plain requests: pages, lists, files. Two more decode steps and draw thumbnails."
        " A slow client needs none.",
        unit="threads",
        ge=1,
        le=256,
    )
    cache_bytes: ByteSize = setting(
        ByteSize(256 * _MIB),
        "Opened recordings and encoded steps that a process keeps. The least recently used go first.",
        unit="bytes",
        ge=_MIB,
    )
    steps_per_second: float = setting(
        5.0,
        "Pace of `play` on the WebSocket at speed 1. The page has its own clock.",
        unit="steps a second",
        gt=0,
        le=1000,
    )
    memory_bytes: ByteSize = setting(
        ByteSize(1024 * _MIB),
        "Memory of all open recordings in a process, in use or kept. A recording that needs more than half of it "
        "is refused (413). If all of it is in use, others are refused for a while (503).",
        unit="bytes",
        ge=16 * _MIB,
    )
    idle_secs: float = setting(
        3600.0,
        "A viewer that plays nothing and sends nothing for this time is disconnected. The page reconnects by itself.",
        unit="seconds",
        gt=0,
    )
    quotas: QuotaSettings = QuotaSettings()

    @field_validator("trusted_proxies")
    @classmethod
    def _check_networks(cls, text: str) -> str:
        for each in text.split():
            try:
                ip_network(each, strict=False)
            except ValueError as error:
                raise ValueError(f"{each[:60]!r} is neither an address nor a network such as 10.0.0.0/8") from error
        return text
