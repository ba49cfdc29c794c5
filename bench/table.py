"""What a measurement answers: rows with a bound each, and how they are printed."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure: *what* was measured, in which *unit*, *how*, and the bound it must keep.

    Without a bound the figure is told for comparison only.
    """

    what: str
    measured: float
    unit: str
    how: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def missed(self) -> bool:
        """Whether the figure is on the wrong side of its bound; one that is no number is."""
        if self.at_most is not None:
            return not self.measured <= self.at_most
        return self.at_least is not None and not self.measured >= self.at_least

    @property
    def must(self) -> str:
        """The bound in words, or nothing."""
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return f"≥ {self.at_least:g}" if self.at_least is not None else ""


def render(rows: Sequence[Row]) -> str:
    """Return *rows* as a Markdown table; one that missed its bound says so."""
    head: tuple[str, ...] = ("what", "must", "measured", "unit", "how")
    body = [
        (
            row.what,
            row.must,
            f"{figure(row.measured)}{' MISSED' if row.missed else ''}",
            row.unit,
            row.how,
        )
        for row in rows
    ]
    lines = [head, *body]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    shown = [
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines
    ]
    shown.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(line)} |" for line in shown)


def figure(value: float) -> str:
    """Return *value* with three digits that count: 0.0123, 1.23, 12.3, 123, 1234."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def progress(text: str) -> None:
    """Tell on stderr how far a measurement is, on one line that is written over."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
    else:
        print(text, file=sys.stderr, flush=True)
