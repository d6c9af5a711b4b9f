"""One page of a list of episodes over HTTP, of 1,000,000 episodes in SQLite.

``list_ms`` is the p99 over every filter alone and with each other one, in every order, the first page and the second. The
filters' values are drawn from a fixed seed, rare ones and common ones.
"""

from __future__ import annotations

import http.client
import json
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import combinations, product
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

from benchmarks.replay_server import DEADLINE_SECS, get, serving
from recorder.agents import AgentInfo
from recorder.catalog import Catalog, EpisodeRow, RecordingRow
from recorder.runtime.python_versions import UTC

__all__ = ["measure_list"]

_SEED = 1
_RUN_SHARES = (0.4, 0.3, 0.2, 0.1)
"""Of all episodes; each run begins a little before the one before it ends."""
_N_STAGES = 5
_N_LANES = 64
_LOOKBACK = 5
_BATCH = 20_000
_ORDERS = [sign + name for name in ("finished", "episode_id", "reward", "length", "stage") for sign in ("", "-")]


def measure_list(*, quick: bool) -> dict[str, float]:
    """``list_ms``, with ``list_worst_ms``, the slowest page of all."""
    n_episodes = 2_000 if quick else 1_000_000
    millis: list[float] = []
    with tempfile.TemporaryDirectory(prefix="hamlet-bench-") as name:
        folder = Path(name)
        fill_catalog(folder / "catalog.db", n_episodes)
        with serving(folder) as port:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECS)
            for order in _ORDERS:  # a server that has answered before: its first pages come from the disk
                get(connection, f"/api/v1/episodes?sort={order}")
            for query in queries(n_episodes):
                cursor = None
                for _ in range(2):
                    asked = {**query, "limit": "50"} if cursor is None else {**query, "limit": "50", "cursor": cursor}
                    started = time.perf_counter()
                    body = get(connection, f"/api/v1/episodes?{urlencode(asked)}")
                    millis.append(1e3 * (time.perf_counter() - started))
                    cursor = json.loads(body)["next_cursor"]
                    if cursor is None:
                        break
    return {"list_ms": float(np.percentile(millis, 99)), "list_worst_ms": max(millis)}


def queries(n_episodes: int) -> Iterator[dict[str, str]]:
    """What is asked for: no filter, each one, and each pair, in every order."""
    random = np.random.default_rng(_SEED)

    def one_of(*values: str) -> str:
        return values[random.integers(len(values))]

    def an_episode() -> int:
        return int(random.integers(int(n_episodes * _RUN_SHARES[0])))

    def values_of(name: str) -> dict[str, str]:
        lowest = float(random.uniform(-50, 350))
        first = an_episode()
        return {
            "run": {"run": f"run-{random.integers(len(_RUN_SHARES))}"},
            "stage": {"stage": str(random.integers(1, _N_STAGES + 1))},
            "reason": {"reason": one_of("periodic_*", "top_10.0pct", "stage_*", "stage_2_pre_transition", "manual_*")},
            "status": {"status": one_of("complete", "truncated", "salvaged", "aborted")},
            "decision": {"decision": one_of("kept", "held", "skipped")},
            "lane": {"lane": str(random.integers(_N_LANES + 2))},
            "min_return": {"min_return": f"{lowest:.3f}"},
            "max_return": {"max_return": f"{lowest:.3f}"},
            "return": {"min_return": f"{lowest:.3f}", "max_return": f"{lowest + 1:.3f}"},
            "tag": {"tag": one_of("good", "bug", "unused")},
            "recorded": {"recorded": one_of("true", "false")},
            "agent": {"agent": one_of("red_0", "blue_0", "unused")},
            "seed": {"seed": str(random.integers(1000))},
            "min_episode": {"min_episode": str(first)},
            "max_episode": {"max_episode": str(first)},
            "episode": {"min_episode": str(first), "max_episode": str(first + 1000)},
        }[name]

    names = (
        *("run", "stage", "reason", "status", "decision", "lane", "tag", "recorded", "agent", "seed"),
        *("min_return", "max_return", "return", "min_episode", "max_episode", "episode"),
    )
    chosen = [(), *((name,) for name in names), *combinations(names, 2)]
    for filters, order in product(chosen, _ORDERS):
        query = {"sort": order}
        for name in filters:
            query.update(values_of(name))
        yield query


def fill_catalog(path: Path, n_episodes: int) -> None:
    """Episodes of four runs, as the default criteria keep them: returns grow, and what is kept is written."""
    random = np.random.default_rng(_SEED)
    now = datetime.now(UTC)
    with Catalog(path) as catalog:
        begun = 0
        for number, share in enumerate(_RUN_SHARES):
            run_id, n_of_run = f"run-{number}", int(n_episodes * share)
            catalog.ensure_run(run_id)
            cursor = catalog.load_run_state(run_id).cursor
            for first in range(0, n_of_run, _BATCH):
                rows = _episodes(run_id, first, min(_BATCH, n_of_run - first), n_of_run, begun, now, random)
                new_cursor = f"{first + 1}-0"
                catalog.commit_evaluation(
                    run_id,
                    old_cursor=cursor,
                    new_cursor=new_cursor,
                    criteria_state={},
                    new_episodes=rows,
                    decided=[],
                    at=now,
                )
                cursor = new_cursor
                if number == 0:
                    catalog.upsert_recordings([_recording(row) for row in rows if row.decision == "kept"])
            for tag, n_tagged in (("good", n_of_run // 500), ("bug", 5)):
                for episode_id in random.integers(n_of_run, size=n_tagged):
                    catalog.tag_episode(run_id, int(episode_id), tag)
            begun += n_of_run * 8 // 10


def _recording(row: EpisodeRow) -> RecordingRow:
    """A recording of two agents; every fiftieth has a third."""
    names = ("red_0", "red_1", "blue_0") if row.episode_id % 50 == 0 else ("red_0", "red_1")
    agents = tuple(AgentInfo(name, "red", 0, slot, 0, 499, 1.0, 500) for slot, name in enumerate(names))
    return RecordingRow(row.run_id, row.episode_id, reasons=row.reasons, seed=str(row.episode_id % 900), agents=agents)


def _episodes(
    run_id: str, first: int, n_rows: int, n_of_run: int, begun: int, now: datetime, random: np.random.Generator
) -> list[EpisodeRow]:
    """Episodes of a run from its ``first`` on; ``begun`` are those that were finished before it began."""
    ids = np.arange(first, first + n_rows)
    stages = 1 + ids * _N_STAGES // n_of_run
    returns = random.normal(50 + 200 * ids / n_of_run, 60)
    lengths = np.maximum(1, 2 * returns + random.normal(0, 30, n_rows))
    finished = 1_700_000_000_000_000_000 + (begun + ids) * 1_000_000 + random.integers(0, _N_LANES * 1_000_000, n_rows)
    is_top = random.random(n_rows) < 0.05
    is_before_transition = ids * _N_STAGES % n_of_run >= n_of_run - _LOOKBACK * _N_LANES * _N_STAGES
    is_held = ids >= n_of_run - _LOOKBACK * _N_LANES
    luck = random.random(n_rows)
    statuses = np.select(
        [luck < 0.0001, luck < 0.0011, luck < 0.0111], ["aborted", "salvaged", "truncated"], "complete"
    )
    why_json = json.dumps(
        [
            {"criterion": criterion, "keep": False, "value": 1.5, "threshold": 2.5, "detail": "not among the best"}
            for criterion in ("periodic", "stage_transitions", "performance", "stage_boundaries")
        ]
    )
    rows = []
    for index, episode_id in enumerate(ids.tolist()):
        reasons = (
            *(("periodic_100",) if episode_id % 100 == 0 else ()),
            *((f"stage_{stages[index]}_pre_transition",) if is_before_transition[index] else ()),
            *(("top_10.0pct",) if is_top[index] else ()),
        )
        is_kept = bool(reasons) and not is_held[index]
        rows.append(
            EpisodeRow(
                run_id,
                episode_id,
                lane=episode_id % _N_LANES,
                status=str(statuses[index]),
                decision="held" if is_held[index] else "kept" if is_kept else "skipped",
                reasons=reasons if is_kept else (),
                why_json=why_json,
                n_steps=500,
                survival_steps=int(lengths[index]),
                total_reward=float(returns[index]),
                curriculum_stage=int(stages[index]),
                finished_unix_nanos=int(finished[index]),
                written_at=now if is_kept else None,
                stream_dropped_at=None if is_held[index] else now,
            )
        )
    return rows
