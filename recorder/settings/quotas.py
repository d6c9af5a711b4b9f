"""How much clients may write: the settings under ``recording.server.quotas``."""

from __future__ import annotations

from recorder.settings.fields import Section, setting

__all__ = ["QuotaSettings"]


class QuotaSettings(Section):
    """What one client, and all of them, may write through the server."""

    writes_per_min: int = setting(
        600,
        "Requests a minute with which one client may change something, in the long run; beyond it they are answered by "
        "429. A client is an address and a program; one address gets five times as many. Each process counts for itself.",
        unit="requests a minute",
        ge=1,
    )
    write_burst: int = setting(
        100, "Such requests at once, before the rate counts: a person never notices it.", unit="requests", ge=1
    )
    videos_per_client: int = setting(
        20, "Videos that one client may wait for; beyond it a request is answered by 429.", unit="videos", ge=1
    )
    videos_per_run: int = setting(
        200,
        "Videos of one run that may wait, whoever asked for them; beyond it a request is answered by 429.",
        unit="videos",
        ge=1,
    )
    note_letters_per_run: int = setting(
        4_000_000, "Letters of all annotations of a run; beyond it a new one is refused.", unit="letters", ge=1000
    )
    tags_per_run: int = setting(
        100_000, "Tags on all episodes of a run; beyond it new ones are refused.", unit="tags", ge=100
    )
