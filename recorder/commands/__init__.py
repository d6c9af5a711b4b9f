"""The command line: one subcommand a file, each with ``NAME``, ``add_parser(subparsers)`` and ``run(args) -> int``.

A subcommand's module is imported only when it is asked for, so that ``--help`` costs no catalog and no Celery.
"""

from __future__ import annotations

__all__ = ["COMMANDS"]

COMMANDS: dict[str, str] = {
    "demo": "record a real training run on this machine",
    "worker": "decide, write and sweep; make videos",
    "serve": "watch recordings in a browser, live ones too",
    "list": "recordings, by stage, reason, reward",
    "show": "everything known about one episode",
    "why": "why an episode was kept, or was not",
    "stats": "runs, trainers, queues and losses at a glance",
    "export": "make a video of an episode",
    "batch": "make a video of every recording that meets filters",
    "reel": "best, median and worst of each stage, in one video",
    "videos": "videos that workers make: progress, cancel, retry",
    "reproduce": "play an episode again in its environment, and compare",
    "cat": "the steps of an episode, a line of JSON each",
    "verify": "read recordings to the last byte, and check hashes",
    "convert": "write a recording in another version or compression",
    "reindex": "rebuild the catalog from the files",
    "parked": "episodes that could not be written; --retry",
    "prune": "delete recordings by age or size",
    "probe": "whether a worker here is alive, for health checks",
    "doctor": "look for what is missing or wrong, and say what to do",
}
"""Every subcommand, named as its module is, with one line for ``--help``. A new one is a new file and a new line."""
