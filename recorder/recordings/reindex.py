"""The catalog from the files alone: what a lost or foreign catalog is rebuilt from.

A file is written when its reasons are final, so it has all that the catalog knows of a kept episode, except the explanations
of the criteria. Episodes that were not kept have no file, and are not found again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from recorder.catalog import Catalog, EpisodeRow, RecordingRow
from recorder.episode_file import open_episode
from recorder.errors import (
    EpisodeFileCorruptError,
    EpisodeFileError,
    RecordingNotFoundError,
    StorageError,
    StorageUnavailableError,
)
from recorder.recordings.find import MAX_RECORDING_BYTES
from recorder.run_ids import why_no_run_id
from recorder.storage import Storage, episode_path
from recorder.text import holdable_text
from recorder.urls import is_url

__all__ = ["ReindexReport", "files_below", "has_recordings", "is_there", "reindex", "rows_of", "run_named_after"]

_NANOS_A_MILLISECOND = 1_000_000


@dataclass(slots=True)
class ReindexReport:
    """What was done.

    Args:
        n_files: files that were looked at.
        n_imported: recordings that the catalog now has.
        replaced: files of an episode that was played again: the later play's file is in the catalog.
        unreadable: file to what is wrong with it; they are left where they are.
        missing: recordings of the catalog whose file is not there.
    """

    n_files: int = 0
    n_imported: int = 0
    replaced: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def files_below(storage: Storage, run_id: str | None = None) -> list[str]:
    """The recordings below the root, by name; an episode's plays stand next to each other.

    Args:
        run_id: only those in its folder, and those in no run's folder.
    """
    folder = None if run_id is None else episode_path(run_id, 0).partition("/")[0]
    return sorted(
        name for name in storage.names() if folder is None or "/" not in name or name.partition("/")[0] == folder
    )


def run_named_after(storage: Storage, name: str) -> str:
    """The run of a file that names none, as those of the original recorder: its folder, or the root's name."""
    folder = name.rpartition("/")[0]
    if folder:
        return unquote(folder)
    root = storage.root.rstrip("/")
    return (root if is_url(root) else str(Path(root).resolve())).rpartition("/")[2]


def reindex(
    storage: Storage,
    catalog: Catalog,
    names: Iterable[str],
    *,
    run_id: str | None = None,
    reasons: Mapping[str, tuple[str, ...]] | None = None,
    forget_missing: bool = False,
    allow_empty: bool = False,
) -> ReindexReport:
    """Put files into the catalog. What the catalog knows already of their episodes stays.

    Args:
        names: places below the root, in the order of ``files_below``.
        run_id: only this run's files count, and only its rows are looked up for files that are missing.
        reasons: file to why it was kept, for files that don't say.
        forget_missing: take recordings whose file is missing out of the catalog.
        allow_empty: do so also if there is no recording file below the root.

    Raises:
        CatalogError: the catalog can't be written.
        StorageError: all are missing and are to be forgotten without ``allow_empty``.
    """
    report = ReindexReport()
    seen: set[str] = set()
    vanished: dict[str, str] = {}
    report.n_imported = catalog.import_recordings(
        _latest_plays(storage, names, report, seen, vanished, run_id=run_id, reasons=reasons or {}),
        on_refused=lambda row, why: report.unreadable.update({row.file_path: why}),
    )
    # Listed again: a file that was deleted while its row was being imported must not leave the row behind.
    present = set(storage.names())
    # What is listed still and has no file is a link to nowhere; the others were deleted since they were listed.
    report.unreadable |= {name: why for name, why in vanished.items() if name in present}
    report.n_files += sum(name in present for name in vanished)
    gone = [
        row
        for row in catalog.iterate_recordings(run_id)
        if row.file_path not in present and _is_missing(storage, catalog, row, report)
    ]
    missing = [row for row in gone if row.file_path not in seen or not present]
    report.missing = [row.file_path for row in missing]
    if present:
        for row in gone:
            if row.file_path in seen:
                catalog.delete_recording(row.run_id, row.episode_id, as_of=row)
    if forget_missing:
        if missing and not allow_empty and not present:
            raise StorageError(
                f"no recording lies there, and the catalog has {len(missing)}; nothing was forgotten, for a folder that is"
                f" not mounted looks the same: mount it, or add --allow-empty if they are gone for good: {storage.root}"
            )
        for row in missing:
            catalog.delete_recording(row.run_id, row.episode_id, as_of=row)
    return report


def has_recordings(storage: Storage) -> bool:
    """Whether any recording lies below the root."""
    return next(iter(storage.names()), None) is not None


def is_there(storage: Storage, name: str) -> bool:
    """Whether there is such a file; one that this user may not look for counts."""
    try:
        return storage.exists(name)
    except StorageUnavailableError:
        raise
    except StorageError:
        return True


def _is_missing(storage: Storage, catalog: Catalog, row: RecordingRow, report: ReindexReport) -> bool:
    """Whether the file of a row is not there, and the row still says that it is: workers write and delete meanwhile."""
    try:
        if storage.exists(row.file_path):
            return False
    except StorageUnavailableError:
        raise
    except StorageError as error:  # it lies in a folder that this user may not read
        report.unreadable[row.file_path] = str(error)
        return False
    try:
        now = catalog.get_recording(row.run_id, row.episode_id)
    except RecordingNotFoundError:
        return False
    return (now.file_path, now.recorded_at) == (row.file_path, row.recorded_at)


def _latest_plays(
    storage: Storage,
    names: Iterable[str],
    report: ReindexReport,
    seen: set[str],
    vanished: dict[str, str],
    *,
    run_id: str | None,
    reasons: Mapping[str, tuple[str, ...]],
) -> Iterator[tuple[EpisodeRow, RecordingRow]]:
    latest: tuple[EpisodeRow, RecordingRow] | None = None
    for name in names:
        try:
            _check_name(name)
            data = storage.read(name, max_bytes=MAX_RECORDING_BYTES)
            rows = rows_of(name, data, run_id=run_named_after(storage, name), reasons=reasons.get(name, ()))
        except (EpisodeFileError, StorageError) as error:
            if isinstance(error, StorageUnavailableError):
                raise
            if isinstance(error, StorageError) and error.is_missing_file:
                vanished[name] = str(error)
                continue
            report.n_files += 1
            seen.add(name)
            report.unreadable[name] = str(error)
            continue
        if run_id not in (None, rows[0].run_id):
            continue
        report.n_files += 1
        seen.add(name)
        if latest is not None and _key(latest) == _key(rows):
            latest, earlier = (rows, latest) if rows[0].play_id >= latest[0].play_id else (latest, rows)
            report.replaced.append(earlier[1].file_path)
            continue
        if latest is not None:
            yield latest
        latest = rows
    if latest is not None:
        yield latest


def _check_name(name: str) -> None:
    """Raises: EpisodeFileError: a catalog can't hold it."""
    if holdable_text(name) != name:
        raise EpisodeFileCorruptError("its name is no UTF-8, which the catalog can't hold: rename it")


def _key(rows: tuple[EpisodeRow, RecordingRow]) -> tuple[str, int]:
    return rows[0].run_id, rows[0].episode_id


def rows_of(
    name: str, data: bytes, *, run_id: str = "", reasons: tuple[str, ...] = ()
) -> tuple[EpisodeRow, RecordingRow]:
    """What the catalog holds of a recording.

    The play is taken from the time at which the episode was opened, which it is named by.

    Args:
        name: place below the root.
        data: the file.
        run_id, reasons: for a file that says none.

    Raises:
        EpisodeFileError: it can't be read.
    """
    episode = open_episode(data)
    metadata = episode.metadata
    run_id = metadata.run_id or run_id
    if run_id and (why := why_no_run_id(run_id)):
        raise EpisodeFileCorruptError(f"its run id can't be: {why}")
    reasons = tuple(episode.reasons) or reasons
    play_id = (metadata.started_unix_nanos or 0) // _NANOS_A_MILLISECOND
    timestamp = metadata.timestamp or 0.0
    row = EpisodeRow(
        run_id=run_id,
        episode_id=metadata.episode_id,
        play_id=play_id,
        lane=metadata.lane,
        status=str(metadata.status),
        decision="kept",
        reasons=reasons,
        n_steps=episode.n_steps,
        n_missing_steps=sum(gap.n_steps or 0 for gap in episode.gaps),
        survival_steps=metadata.survival_steps,
        total_reward=metadata.total_reward,
        extrinsic_reward=metadata.extrinsic_reward,
        intrinsic_reward=metadata.intrinsic_reward,
        curriculum_stage=metadata.curriculum_stage,
        epsilon=metadata.epsilon,
        intrinsic_weight=metadata.intrinsic_weight,
        timestamp=timestamp,
        env_steps=metadata.env_steps,
        started_unix_nanos=metadata.started_unix_nanos,
        finished_unix_nanos=metadata.finished_unix_nanos or 0,
        n_bytes=sum(ref.n_bytes for ref in episode.chunks),
    )
    recording = RecordingRow(
        run_id=run_id,
        episode_id=metadata.episode_id,
        play_id=play_id or None,
        survival_steps=metadata.survival_steps,
        total_reward=metadata.total_reward,
        curriculum_stage=metadata.curriculum_stage,
        recording_reason=reasons[0] if reasons else "",
        reasons=reasons,
        timestamp=timestamp,
        file_path=name,
        file_size_bytes=episode.unpacked_bytes,
        compressed_size_bytes=len(data),
        lane=metadata.lane,
        status=str(metadata.status),
        n_steps=episode.n_steps,
        content_hash=episode.content_hash or hashlib.blake2b(data, digest_size=16).hexdigest(),
        format_version=episode.version,
        epsilon=metadata.epsilon,
        env_steps=metadata.env_steps,
    )
    return row, recording
