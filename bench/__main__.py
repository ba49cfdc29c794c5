"""Measure, print the tables, and fail when a bound is missed: `python -m bench [names] [--quick]`.

Every ratio is measured side by side, interleaved, in one run; servers listen on the loopback
only. Progress goes to stderr, the tables to stdout.
"""

import argparse
import sys
from importlib import import_module

from bench.table import Row, progress, render

MEASUREMENTS = {
    "guard_cost": "The guard, per script run",
    "log_in_cost": "Log-in, beside bcrypt",
    "reload": "Reload and log-in in Chromium",
    "factors": "Log-in with a code and with a passkey in Chromium",
    "throughput": "Signed-in reruns over real websockets",
    "log_in_wave": "Everybody else while 50 people log in",
    "memory": "Memory of an idle signed-in session",
    "cold_start": "From the command to the first page",
    "first_hour": "From an empty folder to the log-in page",
    "walk": "What a reader walks through",
}
OTHERS = {  # by name only: they take minutes
    "siege": "What a visitor feels while strangers flood the server",
    "faults": "What is lost when something breaks",
    "mutations": "Small changes to the code that guards accounts: how many the tests notice",
}
LARGE = {"large": "A million users, ten million audit rows"}


def main(arguments: list[str]) -> int:
    """Run the measurements named in *arguments*, or all; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=parser_names())
    parser.add_argument("--quick", action="store_true", help="a smoke test: seconds, rough figures")
    parser.add_argument("--large", action="store_true", help="the large database: ten minutes")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.names) - (MEASUREMENTS | OTHERS).keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose from {parser_names()}")
    missed: list[Row] = []
    chosen = {name: (MEASUREMENTS | OTHERS)[name] for name in asked.names}
    for name, title in (LARGE if asked.large else chosen or MEASUREMENTS).items():
        rows: list[Row] = import_module(f"bench.{name}").measure(asked.quick)
        progress("")
        print(f"\n{title}\n\n{render(rows)}", flush=True)
        missed += [row for row in rows if row.missed]
    for row in missed:
        print(f"\nmissed: {row.what} is {row.measured:.3g} {row.unit}, must be {row.must}")
    return 1 if missed else 0


def parser_names() -> str:
    """Return the names of all measurements, as part of a sentence."""
    return ", ".join(MEASUREMENTS | OTHERS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
