"""List recordings, newest first, by stage, reason, return, status, lane, agent or seed."""

from __future__ import annotations

import argparse
from typing import Any

from recorder.commands.arguments.filters import add_filters, add_order, describe_order, filters_of, order_of
from recorder.commands.arguments.opening import open_catalog, run_of, settings_of
from recorder.commands.arguments.parsing import non_negative
from recorder.commands.terminal.colors import sign_color, verdict_color
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output, counted, human_bytes, human_return
from recorder.errors import UsageError
from recorder.wording import reason_in_words

EXAMPLE = "list --stage 2 --reason 'top_*' --order return"

_COLUMNS = {
    "run_id": "run",
    "environment": "environment",
    "episode_id": "episode",
    "curriculum_stage": "stage",
    "total_reward": "return",
    "n_agents": "agents",
    "agent_return": "return of agent",
    "survival_steps": "steps",
    "status": "status",
    "reasons": "reasons",
    "size": "size",
    "file_path": "file",
}
_COLORS = {"total_reward": sign_color, "agent_return": sign_color, "status": verdict_color}
_SPARED = (
    "file_path",
    "environment",
    "size",
    "n_agents",
    "status",
    "survival_steps",
    "curriculum_stage",
    "total_reward",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_filters(parser)
    parser.add_argument("--status", choices=("complete", "truncated", "salvaged"), help="how the episode ended")
    parser.add_argument("--lane", type=non_negative, help="only this lane of a vector environment")
    parser.add_argument("--seed", help="only recordings whose environment was reset with this seed")
    parser.add_argument("--agent", metavar="ID", help="only recordings with this agent; shows its returns")
    add_order(parser, has_agent=True)
    parser.add_argument("--limit", type=non_negative, default=50, help="at most this many (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Print the recordings that match the filters.

    Raises:
        UsageError: ``--order agent`` without ``--agent``.
    """
    output = Output.of(args)
    if args.order == "agent" and args.agent is None:
        raise UsageError("--order agent: give the agent, --agent ID")
    with open_catalog(settings_of(args)) as catalog:
        run_id = run_of(args, catalog)
        n_parked = sum(n for parked_id, n in catalog.count_parked().items() if run_id in (None, parked_id))
        runs = [run for run in catalog.list_runs() if run_id in (None, run.run_id)]
        refused = {run.run_id: run.n_refused for run in runs if run.n_refused}
        environments = {run.run_id: str(name) for run in runs if (name := (run.config or {}).get("env_id")) is not None}
        filters: dict[str, Any] = {
            **filters_of(args, catalog),
            "run": run_id,
            "lane": args.lane,
            "status": args.status,
            "agent": args.agent,
            "seed": args.seed,
        }
        rows = catalog.query_recordings(**filters, limit=args.limit, order=order_of(args))
        n_recordings = len(rows) if len(rows) < args.limit else catalog.count_recordings(**filters)
        keys = [(row["run_id"], row["episode_id"]) for row in rows]
        n_agents = catalog.count_agents(keys)
        returns = {} if args.agent is None else catalog.returns_of_agent(args.agent, keys)
    for row, key in zip(rows, keys, strict=True):
        row |= {"environment": environments.get(row["run_id"]), "n_agents": n_agents.get(key)}
        row |= {"agent_return": returns.get(key)} if returns else {}
    output.sequence(rows)
    if output.as_json:
        return ExitStatus.OK
    for row in rows:
        row["size"] = human_bytes(row["compressed_size_bytes"])
        row["reasons"] = [reason_in_words(reason) for reason in row["reasons"]]
    is_shown = {"environment": environments, "n_agents": n_agents, "agent_return": returns}
    columns = {name: title for name, title in _COLUMNS.items() if is_shown.get(name, True)}
    title = counted(n_recordings, "recording")
    if len(rows) < n_recordings:
        title = f"{len(rows)} of {title}, {describe_order(args)}; more: --limit {n_recordings}"
    formats = {"total_reward": human_return, "agent_return": human_return}
    output.table(
        title, columns, rows,
        folded="reasons", spared=_SPARED, cuts=True, shared="run_id", formats=formats, colors=_COLORS,
    )  # fmt: skip
    if n_parked:
        output.note(f"{counted(n_parked, 'more episode')} could not be written; why: hamlet-recorder parked")
    for refused_id, n_refused in refused.items():
        output.note(
            f"{counted(n_refused, 'more episode')} of run {refused_id} {'was' if n_refused == 1 else 'were'} refused; usually "
            "the run already has an episode of that id: to resume a run, pass resume=True; for a new one, another run_id"
        )
    return ExitStatus.OK
