"""docs/requirements.md, the tests and the code belong together: no id without a rule or a proof."""

import re
from collections import Counter

import pytest

from settings import ROOT

FAMILIES = "PW|BC|JWT|SE|CK|EN|TH|RS|AC|MF|GD|DB|LG|CF|AV|SF|RO|MI"
ID = re.compile(rf"\b(?:{FAMILIES})-\d+\b")
ROW = re.compile(rf"^\| ((?:{FAMILIES})-\d+) \| ([MS]) \| (.+) \| (.+) \| (.*) \|$", re.MULTILINE)
PAGE = (ROOT / "docs/requirements.md").read_text("utf-8")
RULES, _, NOT_BUILT = PAGE.partition("## Not built yet")
ROWS = {match[1]: match for match in ROW.finditer(RULES)}
DEVIATIONS = (ROOT / "SECURITY.md").read_text("utf-8").partition("## Deviations")[2]
PLACES = (
    "*.py",
    "*.md",
    "auth",
    "bench",
    "db",
    "docs",
    "features",
    "hooks",
    "migrations",
    "tests",
    "views",
    "web",
)
FILES = [
    file
    for place in PLACES
    for found in ROOT.glob(place)
    for file in (found.rglob("*") if found.is_dir() else [found])
    if file.suffix in {".py", ".md", ".toml"}
]


def reserved() -> set[str]:
    """Return the ids of what is not built yet; the page names them as ranges."""
    ranges = re.findall(rf"({FAMILIES})-(\d+) to (?:{FAMILIES})-(\d+)", NOT_BUILT)
    return {f"{family}-{n}" for family, a, b in ranges for n in range(int(a), int(b) + 1)}


def test_every_id_has_one_row() -> None:
    """CF-5: an id means one thing, and each table row is one that this test can read."""
    listed = re.findall(rf"^\| ((?:{FAMILIES})-\d+) ", RULES, re.MULTILINE)

    assert [name for name, count in Counter(listed).items() if count > 1] == []
    assert listed == list(ROWS)


def test_every_id_that_is_cited_is_defined() -> None:
    """CF-5: a reader of any file can look an id up."""
    cited = {
        (name, str(file.relative_to(ROOT)))
        for file in FILES
        for name in ID.findall(file.read_text("utf-8"))
    }

    assert {(name, file) for name, file in cited if name not in ROWS.keys() | reserved()} == set()


@pytest.mark.parametrize("name", ROWS)
def test_a_rule_is_proved_where_the_page_says(name: str) -> None:
    """CF-5: the files named are there and cite the rule; without one it is a deviation."""
    proofs = re.findall(r"`([^`]+)`", ROWS[name][5])

    assert [file for file in proofs if not (ROOT / file).is_file()] == []
    assert [
        file for file in proofs if name not in ID.findall((ROOT / file).read_text("utf-8"))
    ] == []
    assert proofs or name in ID.findall(DEVIATIONS), f"{name} has no proof and no reason"


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row[2] == "M"])
def test_a_rule_that_blocks_a_release_has_a_test(name: str) -> None:
    """CF-5: a measurement alone runs too rarely to keep a rule."""
    proofs = re.findall(r"`([^`]+)`", ROWS[name][5])

    assert any(file.startswith("tests/") for file in proofs) or name in ID.findall(DEVIATIONS)


def test_no_file_cites_what_a_reader_cannot_look_up() -> None:
    """CF-5: a docstring says what holds, not which task asked for it."""
    citing = re.compile(r"\bissue [#]?\d", re.IGNORECASE)

    assert [str(file) for file in FILES if citing.search(file.read_text("utf-8"))] == []
