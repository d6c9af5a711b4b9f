"""Settings of storage at a URL, and of retention."""

from __future__ import annotations

from pydantic import ByteSize

from recorder.settings.fields import Section, setting

__all__ = ["RetentionSettings", "StorageSettings"]


class StorageSettings(Section):
    """The store, if files are at a URL."""

    timeout_secs: float = setting(
        15.0,
        "Longest wait for an answer of the store. Transfers get one more second for each 128 KiB. A store that "
        "does not answer is left alone for some seconds, so that it delays nothing else.",
        unit="seconds",
        gt=0,
        le=3600,
    )
    listing_timeout_secs: float = setting(
        300.0,
        "Longest wait for the names of one folder, which come a thousand at a time.",
        unit="seconds",
        gt=0,
        le=86400,
    )


class RetentionSettings(Section):
    """What ``prune`` deletes. Nothing is deleted automatically."""

    max_age_days: float | None = setting(
        None, "Recordings older than this are deleted. Left out, none are.", unit="days", gt=0
    )
    max_bytes: ByteSize | None = setting(
        None, "The oldest recordings are deleted until the rest fits. Left out, there is no limit.", unit="bytes", ge=0
    )
