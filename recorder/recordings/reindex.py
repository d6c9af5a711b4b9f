"""Rebuilds the catalog from the files.

A file has all that the catalog knows of a kept episode, except the criteria's explanations. Episodes that were not kept
have no file and are not restored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from urllib.parse import unquote

from recorder.catalog import Catalog, EpisodeRow, RecordingRow
from recorder.episode_file import open_episode
from recorder.errors import (
    EpisodeFileCorruptError,
    EpisodeFileError,
    StorageError,
    StorageUnavailableError,
)
from recorder.recordings.file_reader import FileReader, recordings_in
from recorder.recordings.name_set import NameSet
from recorder.recordings.reindex_report import ReindexReport
from recorder.run_ids import why_no_run_id
from recorder.storage import Storage, run_folder
from recorder.urls import is_url
from recorder.values.episode_metrics import episode_metrics
from recorder.values.text import sanitize_text

__all__ = [
    "file_exists",
    "has_recordings",
    "recording_names",
    "reindex",
    "rows_of",
    "run_id_of_folder",
]

_ROWS_AT_ONCE = 500

_NANOS_A_MILLISECOND = 1_000_000


def recording_names(storage: Storage, run_id: str | None = None) -> NameSet:
    """Names of the recordings, sorted, so that the plays of an episode are adjacent. The caller closes them.

    A pack that can't be read stands for the recordings in it.

    Args:
        run_id: only files in this run's folder, and files in no run's folder.
    """
    folder = None if run_id is None else run_folder(run_id)
    return NameSet(
        recording
        for name in storage.names()
        if folder is None or "/" not in name or name.partition("/")[0] == folder
        for recording in recordings_in(storage, name)
    )


def run_id_of_folder(storage: Storage, name: str) -> str:
    """Run id of a file that has none, as those of the original recorder: its folder's name, or the root's."""
    folder, slash, _ = name.partition("/")
    if slash:
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
    """Import files into the catalog. Existing data of their episodes stays.

    Args:
        names: names below the root, in the order of ``recording_names``.
        run_id: only import files of this run, and only look for missing files of this run.
        reasons: file to its reasons, for files that have none.
        forget_missing: remove recordings from the catalog if their file is missing.
        allow_empty: do so also if there is no recording file at all.

    Raises:
        CatalogError: the catalog can't be written.
        StorageError: ``forget_missing`` without ``allow_empty``, and no recording file exists.
    """
    report = ReindexReport()
    with NameSet() as seen, NameSet() as vanished:
        report.n_imported = catalog.import_recordings(
            _latest_plays(storage, names, report, seen, vanished, run_id=run_id, reasons=reasons or {}),
            on_refused=lambda row, why: report.add_unreadable(row.file_path, why),
        )
        # List again: a file that was deleted during the import must not leave a row.
        with recording_names(storage) as present:
            for name in vanished:
                if name in present:  # a dangling link; the others were deleted meanwhile
                    report.n_files += 1
                    report.add_unreadable(name, f"the link leads nowhere: {storage.location(name)}")
            may_delete = bool(present) or allow_empty
            for row in _rows_without_file(storage, catalog, run_id, present, report):
                was_just_deleted = row.file_path in seen and bool(present)
                if not was_just_deleted:
                    report.add_missing(row.file_path)
                if was_just_deleted or (forget_missing and may_delete):
                    catalog.delete_recording(row.run_id, row.episode_id, as_of=row)
    if forget_missing and report.n_missing and not may_delete:
        raise StorageError(
            f"no recording file found, but the catalog has {report.n_missing} recordings; none was removed, because the"
            " folder may not be mounted: mount it, or add --allow-empty if the files are gone for good:"
            f" {storage.root}"
        )
    return report


def has_recordings(storage: Storage) -> bool:
    """Whether any recording file exists."""
    return next(iter(storage.names()), None) is not None


def file_exists(storage: Storage, name: str) -> bool:
    """Whether the file exists. A file that can't be checked, for lack of permission, counts as existing."""
    try:
        return storage.exists(name)
    except StorageUnavailableError:
        raise
    except StorageError:
        return True


def _rows_without_file(
    storage: Storage, catalog: Catalog, run_id: str | None, present: NameSet, report: ReindexReport
) -> Iterator[RecordingRow]:
    """Rows whose file is missing and that are unchanged: workers write and delete meanwhile."""
    rows = catalog.iterate_recordings(run_id)
    while page := list(islice(rows, _ROWS_AT_ONCE)):
        missing = [row for row in page if row.file_path not in present and _is_missing(storage, row, report)]
        if missing:
            yield from catalog.unchanged_recordings(missing)


def _is_missing(storage: Storage, row: RecordingRow, report: ReindexReport) -> bool:
    try:
        return not storage.exists(row.file_path)
    except StorageUnavailableError:
        raise
    except StorageError as error:  # its folder can't be read by this user
        report.add_unreadable(row.file_path, str(error))
        return False


def _latest_plays(
    storage: Storage,
    names: Iterable[str],
    report: ReindexReport,
    seen: NameSet,
    vanished: NameSet,
    *,
    run_id: str | None,
    reasons: Mapping[str, tuple[str, ...]],
) -> Iterator[tuple[EpisodeRow, RecordingRow]]:
    latest: tuple[EpisodeRow, RecordingRow] | None = None
    files = FileReader(storage)
    for name in names:
        try:
            _check_name(name)
            data, n_stored_bytes = files.read(name)
            folder_id = run_id_of_folder(storage, name)
            rows = rows_of(name, data, n_stored_bytes, run_id=folder_id, reasons=reasons.get(name, ()))
        except (EpisodeFileError, StorageError) as error:
            if isinstance(error, StorageUnavailableError):
                raise
            if isinstance(error, StorageError) and error.is_missing_file:
                vanished.add(name)
                continue
            report.n_files += 1
            seen.add(name)
            report.add_unreadable(name, str(error))
            continue
        if run_id not in (None, rows[0].run_id):
            continue
        report.n_files += 1
        seen.add(name)
        if latest is not None and _key(latest) == _key(rows):
            latest, earlier = (rows, latest) if rows[0].play_id >= latest[0].play_id else (latest, rows)
            report.add_replaced(earlier[1].file_path)
            continue
        if latest is not None:
            yield latest
        latest = rows
    if latest is not None:
        yield latest


def _check_name(name: str) -> None:
    if sanitize_text(name) != name:
        raise EpisodeFileCorruptError("the file's name is not valid UTF-8: rename it")


def _key(rows: tuple[EpisodeRow, RecordingRow]) -> tuple[str, int]:
    return rows[0].run_id, rows[0].episode_id


def rows_of(
    name: str, data: bytes, n_stored_bytes: int | None = None, *, run_id: str = "", reasons: tuple[str, ...] = ()
) -> tuple[EpisodeRow, RecordingRow]:
    """The catalog's rows for a recording. The play id is the time at which the episode began.

    Args:
        name: the file's name below the root.
        data: the file.
        n_stored_bytes: what it takes in storage; None for its length.
        run_id, reasons: for a file that has none.

    Raises:
        EpisodeFileError: the file can't be read.
    """
    episode = open_episode(data)
    metadata = episode.metadata
    run_id = metadata.run_id or run_id
    if run_id and (why := why_no_run_id(run_id)):
        raise EpisodeFileCorruptError(f"invalid run id: {why}")
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
        metrics=episode_metrics(metadata.info),
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
        compressed_size_bytes=len(data) if n_stored_bytes is None else n_stored_bytes,
        lane=metadata.lane,
        status=str(metadata.status),
        n_steps=episode.n_steps,
        content_hash=episode.content_hash or hashlib.blake2b(data, digest_size=16).hexdigest(),
        format_version=episode.version,
        epsilon=metadata.epsilon,
        env_steps=metadata.env_steps,
        seed=metadata.seed,
        agents=metadata.agents,
    )
    return row, recording
