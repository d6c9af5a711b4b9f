"""Checks that the catalog can be read and has the version that this program uses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from recorder.commands.arguments.opening import has_catalog, open_catalog
from recorder.commands.checks.finding import Finding
from recorder.commands.checks.server import FoundRedis
from recorder.commands.terminal.output import counted
from recorder.errors import CatalogVersionError, MissingExtraError, RecorderError
from recorder.settings import Settings
from recorder.urls import redact

if TYPE_CHECKING:
    from recorder.catalog import UnreadableValue

__all__ = ["check_catalog"]

_N_NAMED = 20


def check_catalog(settings: Settings, _redis: FoundRedis) -> Iterator[Finding]:
    """Report the catalog's size or why it can't be read, episodes that could not be written, and refused episodes."""
    try:
        if not has_catalog(settings):
            if settings.database is not None:  # otherwise workers create its folder
                _check_place(settings.database)
            yield Finding("ok", "catalog", f"none yet; the first run creates it: {settings.catalog_url}")
            return
        with open_catalog(settings) as catalog:
            runs = catalog.list_runs()
            n_parked = sum(catalog.count_parked().values())
            cause = catalog.most_common_parking_error()
            unreadable = catalog.unreadable_values()
    except MissingExtraError as error:
        yield Finding("warn", "catalog", "can't be read", str(error))
    except CatalogVersionError as error:
        yield Finding("fail", "catalog", "of another version", str(error))
    except RecorderError as error:
        yield Finding("fail", "catalog", "can't be read", str(error))
    else:
        n_recordings = sum(run.n_recordings for run in runs)
        yield Finding(
            "ok",
            "catalog",
            f"{counted(len(runs), 'run')}, {counted(n_recordings, 'recording')}: {redact(settings.catalog_url)}",
        )
        if n_parked:
            yield Finding(
                "warn",
                "parked",
                f"{counted(n_parked, 'episode')} could not be written: {cause}",
                "hamlet-recorder parked",
            )
        if refused := [run for run in runs if run.n_refused]:
            yield Finding(
                "warn",
                "refused",
                f"{counted(sum(run.n_refused for run in refused), 'episode')} of "
                f"{', '.join(run.run_id for run in refused[:3])}{', …' if len(refused) > 3 else ''}: "
                "the run already had their ids, or their ends could not be read",
                "if the run was started again: to resume it, pass resume=True; for a new run, pass another run_id or "
                "unique_run_id=True\nif 'set aside' names entries of the run, another program writes there; the workers' "
                "logs have each reason",
            )
        if unreadable:
            yield _unreadable(unreadable)


def _unreadable(values: Sequence[UnreadableValue]) -> Finding:
    """What other programs have written, by table and key."""
    by_table = Counter(value.table for value in values)
    named = "; ".join(f"{value.table} ({value.key}): {value.column}" for value in values[:_N_NAMED])
    return Finding(
        "warn",
        "catalog values",
        f"{counted(len(values), 'value')} can't be read or make no sense "
        f"({', '.join(f'{n} in {table}' for table, n in by_table.items())}): {named}"
        f"{', …' if len(values) > _N_NAMED else ''}",
        "another program wrote them; they count as unknown: correct these rows or delete them, then run hamlet-recorder "
        "reindex, which takes in recordings whose rows are gone",
    )


def _check_place(database: str) -> None:
    from recorder.catalog.engine import check_place, parse_url  # lazy: loads SQLAlchemy

    check_place(parse_url(database))
