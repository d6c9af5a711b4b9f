"""How much clients may write: the settings under ``recording.server.quotas``."""

from __future__ import annotations

from recorder.settings.fields import Section, setting

__all__ = ["QuotaSettings"]


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
