"""Asks the catalog at a trainer's start whether its run is recorded already, in case Redis has forgotten the run."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from recorder.errors import RecorderError, RecordingNotFoundError
from recorder.publish.run_watch import ADVICE
from recorder.step_stream import StepStream
from recorder.urls import is_url

if TYPE_CHECKING:
    from recorder.settings import Settings

__all__ = ["warn_of_recorded_run"]

_log = logging.getLogger(__name__)

_ASK_SECS = 2.0
"""Longest wait for the catalog."""


def warn_of_recorded_run(settings: Settings, stream: StepStream, run_id: str) -> None:
    """Log a warning if only the catalog knows the run. The sender warns of a run that Redis knows.

    Says nothing if the catalog can't be reached from here, as on another machine or without SQLAlchemy.

    Args:
        settings: name the catalog.
        stream: on Redis; this trainer has spoken to it.
    """
    catalog_url = settings.catalog_url
    if not is_url(catalog_url) and not Path(catalog_url).exists():
        return
    try:
        if stream.known_run(run_id) is not None or len(stream.run_info(run_id).producers) > 1:
            return
        from recorder.catalog import Catalog  # lazy: loads SQLAlchemy

        with Catalog(catalog_url, read_only=True, busy_timeout_secs=_ASK_SECS) as catalog:
            n_episodes = catalog.get_run(run_id).n_episodes
            if n_episodes:
                last = catalog.list_episodes(run=run_id, order="-episode_id", limit=1).episodes[0].episode_id
                _log.warning(
                    "run %s: the run is not new: number of its episodes in the catalog: %d, last id: %d; %s",
                    run_id, n_episodes, last, ADVICE,
                )  # fmt: skip
    except RecordingNotFoundError:
        return  # a new run
    except RecorderError as error:
        _log.debug("run %s: the catalog can't be asked whether the run is new: %s", run_id, error)
