"""The command line: one module per subcommand, each with ``EXAMPLE``, ``add_arguments(parser)`` and ``run(args) -> int``.

Its docstring is the description in its help, and ``EXAMPLE`` has what follows ``hamlet-recorder``, one command a line.
``add_arguments`` is left out if there are none. ``HIDES_PLACES`` leaves the options that locate data out of the help, for a
command that refuses them. ``RUN_HELP`` says what ``--run`` means if it does not select a run.

A module is imported only when its subcommand is used, so ``--help`` loads neither SQLAlchemy nor Celery.
"""

from __future__ import annotations

__all__ = ["COMMANDS"]

COMMANDS: dict[str, str] = {
    "demo": "record a real training run on this machine",
    "worker": "run a worker: select and write episodes, render videos",
    "serve": "watch recorded and live episodes in a browser",
    "summary": "say what happened in a run, and in which episodes",
    "list": "list recordings by stage, reason, return",
    "show": "show the catalog's data about one episode",
    "why": "explain why an episode was kept or not",
    "stats": "show runs, trainers, queues and losses",
    "watch": "play an episode in the terminal",
    "export": "make a video of an episode",
    "batch": "make a video of every recording that matches filters",
    "reel": "make one video of the best, median and worst",
    "videos": "list, cancel and retry the videos that workers render",
    "reproduce": "play an episode again in its environment and compare",
    "cat": "print the steps of an episode as lines of JSON",
    "verify": "read recordings completely and check their hashes",
    "convert": "write a recording in another version or compression",
    "reindex": "rebuild the catalog from the files",
    "parked": "list and retry episodes that could not be written",
    "recover": "send what trainers have left in their black boxes",
    "prune": "delete recordings by age or size",
    "completion": "print a script that completes commands in a shell",
    "probe": "check whether a worker is alive, for health checks",
    "doctor": "check the installation and say what to do",
}
"""Subcommand (the name of its module) to its line in ``--help``."""
