"""The demo's final report: kept episodes by reason, overhead, losses, sizes and next commands."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recorder.capture import RecorderStats
from recorder.commands.program import PROGRAM
from recorder.commands.terminal.output import Output, human_bytes
from recorder.wording import reason_family

if TYPE_CHECKING:
    from recorder.catalog import Catalog

__all__ = ["best_recording", "report", "this_program"]


def report(
    output: Output, catalog: Catalog, recordings: Path, run_id: str, result: Any, stats: RecorderStats
) -> dict[str, Any]:
    """Print the report and return it as a document.

    Args:
        result: a ``TrainingResult`` of either trainer.
    """
    summary = catalog.summarise_run(run_id)
    rows = catalog.query_recordings(run=run_id, limit=None)
    disk_bytes = sum(row["compressed_size_bytes"] for row in rows)
    n_steps_kept = sum(row["n_steps"] for row in rows)
    n_failed = catalog.count_parked().get(run_id, 0)
    n_missing = stats.n_missing_steps + summary.n_missing_steps
    document = {
        "run_id": run_id,
        "recordings": str(recordings),
        "seconds": result.seconds,
        "env_steps": result.env_steps,
        "n_episodes": summary.n_episodes,
        "by_decision": summary.by_decision,
        "by_reason": summary.by_reason,
        "first_fifth_survival": result.first_fifth_survival,
        "last_fifth_survival": result.last_fifth_survival,
        "overhead_percent": result.overhead_percent,
        "n_missing_steps": n_missing,
        "n_failed_episodes": n_failed,
        "n_recordings": len(rows),
        "disk_bytes": disk_bytes,
        "n_bytes_sent": stats.n_bytes_sent,
        "is_whole": n_missing == 0 and n_failed == 0 and summary.n_steps == result.env_steps,
    }
    output.document(document)
    families = Counter[str]()
    for reason, count in summary.by_reason.items():
        families[reason_family(reason).words] += count
    by_family = [{"reason": family, "episodes": families[family]} for family in sorted(families)]
    output.note("")
    output.table("Kept episodes by reason", {"reason": "reason", "episodes": "episodes"}, by_family)
    kept = summary.by_decision.get("kept", 0)
    output.note("")
    output.fields(
        "The run",
        {
            "trained": f"{result.env_steps:,} steps, {summary.n_episodes:,} episodes in {result.seconds:.0f} s",
            "learned": f"survival {result.first_fifth_survival:.0f} steps in the first fifth of episodes,"
            f" {result.last_fifth_survival:.0f} in the last",
            "reached": f"stage {result.stage}",
            "kept": f"{kept:,} of {summary.n_episodes:,} episodes (an episode may have several reasons)",
            "overhead": f"{1e6 * result.recording_seconds / max(1, result.env_steps):.1f} us a step in calls,"
            f" {result.overhead_percent:.1f} % of the agent's own computing time",
            "lost": "nothing"
            if document["is_whole"]
            else f"{n_missing:,} steps, {n_failed} episodes that could not be written",
            "on disk": f"{human_bytes(disk_bytes)} in {len(rows):,} files, {disk_bytes / max(1, n_steps_kept):.0f} bytes a step",
        },
    )
    best = best_recording(rows)
    if best is not None:
        program = this_program()
        place = f"--recordings {shlex.quote(_shown(recordings))} --run {shlex.quote(run_id)}"
        output.note(
            "",
            "Next:",
            f"  {program} list {place} --order return",
            f"  {program} why {best['episode_id']} {place}",
            f"  {program} show {best['episode_id']} {place}",
        )
    return document


def best_recording(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The complete episode that survived longest, then the one with the higher return; None without a complete one."""
    complete = [row for row in rows if row["status"] == "complete"]
    return max(complete, key=lambda row: (row["survival_steps"], row["total_reward"]), default=None)


def this_program() -> str:
    """How to call this program from the user's shell: by name if the shell finds it, else by path."""
    script = Path(sys.executable).with_name(PROGRAM)
    if not script.exists():
        return f"{shlex.quote(_shown(Path(sys.executable)))} -m recorder"
    found = shutil.which(PROGRAM)
    if found is not None and script.samefile(found) and "cache" not in sys.prefix.lower():
        return PROGRAM
    # uvx and pipx run put a cached environment on the path of their child, not on the shell's.
    return shlex.quote(_shown(script))


def _shown(path: Path) -> str:
    """The path relative to the current folder, if it is inside."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
