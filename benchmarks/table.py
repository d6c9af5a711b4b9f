"""The figures side by side with the baseline design and the targets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.registry import Figure

__all__ = ["COLUMNS", "render", "rows_of", "verdict"]

COLUMNS = ("key", "figure", "baseline", "ratio", "target", "met")


def rows_of(figures: Iterable[Figure], values: Mapping[str, float]) -> list[tuple[str, ...]]:
    """A row a figure, as text; then what was measured beside them."""
    figures = list(figures)
    rows: list[tuple[str, ...]] = []
    for figure in figures:
        value, theirs = values.get(figure.key), values.get(f"baseline_{figure.key}")
        ratio = value / theirs if value is not None and theirs else None
        rows.append(
            (
                figure.key,
                _number(value, figure.unit),
                _number(theirs, figure.unit),
                "" if ratio is None else f"{ratio:.3g}",
                _target(figure),
                verdict(figure, value, theirs),
            )
        )
    shown = {name for figure in figures for name in (figure.key, f"baseline_{figure.key}")}
    rows += [(key, _number(value, ""), "", "", "", "") for key, value in values.items() if key not in shown]
    return rows


def verdict(figure: Figure, value: float | None, theirs: float | None) -> str:
    """Whether the target is met, and by what: the figure itself, its ratio to the baseline design, or both."""
    if value is None:
        return "not measured"
    if figure.target is None:
        return "reported"
    ways = []
    if _reaches(figure, value, figure.target):
        ways.append("figure")
    if figure.target_ratio is not None and theirs and _reaches(figure, value / theirs, figure.target_ratio):
        ways.append("ratio")
    return f"yes: {' and '.join(ways)}" if ways else "no"


def render(rows: Sequence[Sequence[str]], *, markdown: bool) -> str:
    """The table, for a terminal or for a README."""
    if markdown:
        lines = [COLUMNS, tuple("---" for _ in COLUMNS), *rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)
    widths = [max(len(row[index]) for row in (COLUMNS, *rows)) for index in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (COLUMNS, *rows)
    )


def _reaches(figure: Figure, value: float, target: float) -> bool:
    return value <= target if figure.better == "lower" else value >= target


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    sign = "≤" if figure.better == "lower" else "≥"
    ratio = "" if figure.target_ratio is None else f" or {sign} {figure.target_ratio:.3g} of the baseline"
    return f"{sign} {_number(figure.target, figure.unit)}{ratio}"


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    text = f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"
    return f"{text} {unit}".rstrip()
