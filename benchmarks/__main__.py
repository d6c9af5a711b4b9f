"""``python -m benchmarks [--json FILE] [KEY …]``: measure, print one table, exit with 0 when everything ran."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import describe_machine
from benchmarks.registry import FIGURES, Figure, measure_of
from benchmarks.table import render, rows_of

_QUICK_NOTE = "--quick: a smoke test; these figures say nothing about speed"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit status."""
    args = _parser().parse_args(arguments)
    if args.list:
        for figure in FIGURES.values():
            print(f"{figure.key:22} {figure.meaning}")
        return 0
    logging.basicConfig(level=logging.ERROR)
    figures = [FIGURES[key] for key in args.keys or FIGURES]
    machine = describe_machine()
    print(machine, file=sys.stderr)
    values, failed = _measure(figures, quick=args.quick)
    if args.quick:
        print(_QUICK_NOTE)
    shown = [figure for figure in FIGURES.values() if figure in figures or figure.key in values]
    print(render(rows_of(shown, values), markdown=args.markdown))
    print(f"\n{machine}")
    if args.json is not None:
        args.json.write_text(json.dumps({**values, **({"quick": 1} if args.quick else {})}, indent=2) + "\n")
    for name in failed:
        print(f"failed: {name}", file=sys.stderr)
    return 1 if failed else 0


def _measure(figures: Sequence[Figure], *, quick: bool) -> tuple[dict[str, float], list[str]]:
    """All numbers by key, and the measurements that failed; one that gives several figures runs once."""
    values: dict[str, float] = {}
    failed: list[str] = []
    for figure in {figure.measure: figure for figure in figures}.values():
        print(f"measuring {figure.key} …", file=sys.stderr, flush=True)
        try:
            values.update(measure_of(figure)(quick=quick))
        except Exception:  # noqa: BLE001 - the other figures are worth having
            traceback.print_exc()
            failed.append(figure.measure)
    return values, failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure this project's figures, side by side with the baseline design in the same run.",
        epilog="example:\n  python -m benchmarks --json figures.json file_bytes load_ms",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("keys", nargs="*", metavar="KEY", type=_key, help="figures to measure (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write one flat object, key to number")
    parser.add_argument("--list", action="store_true", help="print the keys and end")
    parser.add_argument("--markdown", action="store_true", help="print the table for a README")
    parser.add_argument("--quick", action="store_true", help="as little as shows that it runs; no figures to quote")
    return parser


def _key(text: str) -> str:
    if text not in FIGURES:
        raise argparse.ArgumentTypeError(f"no figure is called {text!r}; --list names them")
    return text


if __name__ == "__main__":
    sys.exit(main())
