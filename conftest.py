"""What every test shares, wherever it lives, and what `--quick` leaves out."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).with_name("tests")
pytest_plugins = ["tests.fixtures"]
if (TESTS / "template").is_dir():
    pytest_plugins.append("tests.template.strict")

# What `--quick` leaves out, and says so: folders by their name, tests by what they need.
HEAVY = {  # in a project, the first alone
    "browser": "in a browser",
    "http": "over HTTP",
    "property": "with generated input",
    "template": "of the template itself",
}
SLOW, POSTGRESQL = "marked slow", "on PostgreSQL"
LEFT_OUT = pytest.StashKey[dict[str, int]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --quick: style, types, unit tests and AppTest on SQLite, in about a minute."""
    parser.addoption("--quick", action="store_true", help="only what takes about a minute")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the heavy folders out of a quick run, without even importing them."""
    heavy = collection_path.parent == TESTS and collection_path.name in HEAVY
    of_the_template = collection_path.is_dir() and collection_path.name == "template"
    return True if (heavy or of_the_template) and config.getoption("--quick") else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out of a quick run what is slow or needs PostgreSQL, and count it."""
    if not config.getoption("--quick"):
        return
    reasons = {item: reason for item in items if (reason := _too_slow(item))}
    config.stash[LEFT_OUT] = dict(Counter(reasons.values()))
    config.hook.pytest_deselected(items=list(reasons))
    items[:] = [item for item in items if item not in reasons]


def _too_slow(item: pytest.Item) -> str | None:
    """Return why a quick run leaves *item* out, or None."""
    if item.get_closest_marker("slow"):
        return SLOW
    given = getattr(getattr(item, "callspec", None), "params", {})
    needed = getattr(item, "fixturenames", ())
    if given.get("database_url") == "postgresql" or "postgres" in needed:
        return POSTGRESQL
    return None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand a worker's count to the process that prints the summary."""
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["left_out"] = session.config.stash.get(LEFT_OUT, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Keep what a worker counted: each collects all tests, so one count is enough."""
    if counted := getattr(node, "workeroutput", {}).get("left_out"):
        node.config.stash[LEFT_OUT] = dict(counted)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what a quick run has not tested."""
    if not config.getoption("--quick"):
        return
    heavy = {name: what for name, what in HEAVY.items() if (TESTS / name).is_dir()}
    folders = ", ".join(f"{what} (tests/{name})" for name, what in heavy.items())
    counted = config.stash.get(LEFT_OUT, {})
    tests = ", ".join(f"{number} {why}" for why, number in counted.items())
    terminalreporter.section("left out by --quick")
    terminalreporter.line(f"All tests {folders}; and {tests or 'none'} elsewhere.")
    terminalreporter.line("The whole suite is: python3 dev.py test")
