"""The result of a measurement: rows with bounds, printed as a table."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure: *what* was measured, in which *unit*, *how*, and its bound.

    A figure without a bound is for comparison only.
    """

    what: str
    measured: float
    unit: str
    how: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def missed(self) -> bool:
        """Whether the figure misses its bound; NaN does."""
        if self.at_most is not None:
            return not self.measured <= self.at_most
        return self.at_least is not None and not self.measured >= self.at_least

    @property
    def must(self) -> str:
        """The bound in words, or an empty text."""
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return f"≥ {self.at_least:g}" if self.at_least is not None else ""


def render(rows: Sequence[Row]) -> str:
    """Return *rows* as a Markdown table that marks missed bounds."""
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
    """Return *value* with three significant digits: 0.0123, 1.23, 12.3, 123, 1234."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def progress(text: str) -> None:
    """Print a measurement's progress to stderr, on one line that is overwritten."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
    else:
        print(text, file=sys.stderr, flush=True)
