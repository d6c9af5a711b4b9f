"""What another program wrote into a catalog's tables fails no request, and hides no other row."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from recorder.catalog import Catalog
from recorder.redis_server.embedded import EmbeddedServer
from replay_server.app import EXTENSION
from tests.foreign_rows import FUZZED, add_rows, changeable_columns, garbage_for, odd_values_for, spoiling
from tests.replay.conftest import make_app

API = "/api/v1"
NOW = datetime(2026, 1, 2, tzinfo=UTC)
N_ROUNDS = 4


def addresses(run_id: str, video_id: str) -> list[str]:
    """Everything that the page asks for of a run."""
    of_episode = [f"{API}/episodes/{run_id}/1{more}" for more in ("", "/why", "/tags", "/annotations")]
    of_run = [f"{API}/runs/{run_id}{more}" for more in ("", "/curve", "/live")]
    of_video = [f"{API}/videos?run={run_id}", f"{API}/videos/{video_id}", f"{API}/videos/{video_id}/file"]
    return [*of_episode, *of_run, *of_video, f"/runs/{run_id}/episodes/1"]


def lists() -> list[str]:
    orders = [f"sort={sign}{name}" for sign in ("", "-") for name in ("finished", "reward", "length", "stage")]
    filters = ["tag=good", "reason=*", "recorded=true", "decision=kept", "status=complete", "min_return=0"]
    queries = [f"{API}/episodes?{query}" for query in (*orders, *filters, "limit=1")]
    return ["/", "/readyz", "/metrics", f"{API}/runs", *queries, f"{API}/videos?state=rendering"]


def failures(client: FlaskClient, asked: list[str]) -> list[str]:
    answers = {address: client.get(address) for address in asked}
    return [f"{address}: {it.get_data(as_text=True)[:200]}" for address, it in answers.items() if it.status_code >= 500]


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_values_of_another_program_fail_no_request_and_hide_no_other_row(
    kind: str, tmp_path: Path, redis_server: EmbeddedServer, request: pytest.FixtureRequest
) -> None:
    postgres = request.getfixturevalue("postgres") if kind == "postgresql" else None
    url = postgres.new_database() if postgres else f"sqlite:///{tmp_path / 'catalog.db'}"
    with Catalog(url) as catalog, spoiling(url, postgres) as spoil:
        bad, good = add_rows(catalog, "bad"), add_rows(catalog, "good")
        app = make_app(tmp_path, database=url, redis={"url": redis_server.url})
        client = app.test_client()
        asked = [*lists(), *addresses("bad", bad), *addresses("good", good)]
        before = {address: client.get(address).get_data() for address in addresses("good", good)}
        assert failures(client, asked) == []
        for number in range(N_ROUNDS):
            for table in FUZZED:
                for column in changeable_columns(table):
                    values = [*garbage_for(column, kind), *odd_values_for(column)]
                    if number < len(values):
                        spoil(table, column.name, values[number])
            assert failures(client, asked) == []
            assert {address: client.get(address).get_data() for address in before} == before
            for address, name in (("episodes", "episodes"), ("runs", "runs"), ("videos?limit=9", "videos")):
                rows = client.get(f"{API}/{address}").get_json()[name]
                assert "good" in {row["run_id"] for row in rows}
            assert "good" in {row["run_id"] for row in catalog.query_recordings()}
            assert good in {row.video_id for row in catalog.list_videos()}
            catalog.stale_videos(limit=9)
            list(catalog.iterate_parked())
            catalog.claim_writes(now=NOW, lease_secs=0, limit=9)
            assert good in {row.video_id for row in catalog.claim_videos(now=NOW, lease_secs=0, limit=9)}
            assert good in {row.video_id for row in catalog.claim_segments(now=NOW, lease_secs=0, limit=9)}
        app.extensions[EXTENSION].close("the test is over")
