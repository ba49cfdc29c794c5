"""The documentation: what it shows is valid, what it names is there, what it commands is run."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import dev
from settings import ROOT, Settings
from tests.template.documents import FENCE, PAGES, Block, blocks

RECIPES = ROOT / "docs" / "recipes.md"
DEPLOY = ROOT / "docs" / "deploy.md"
# What needs root, a container engine or an account: these commands are checked for what they name.
ELSEWHERE = {"sudo", "sudoedit", "cd", "docker", "gcloud"}
SECTIONS = re.findall(
    r'follow\(RECIPES, "([^"]+)"', (ROOT / "tests/template/test_recipes.py").read_text("utf-8")
)
FOLLOWED = [block for block in blocks(RECIPES) if block.section in SECTIONS]
MADE = {
    "views/logo.png",
    "views/report.py",
    "views/salaries.py",
    "tests/app/test_report.py",
    "features/account/change_phone.py",
    "tests/app/test_phone.py",
    "views/prices.py",
    "views/headline.py",
    "tests/app/test_headline.py",
}
MADE |= {"tests/browser/test_report.py", "data/app.db", "upkeep/template.toml"}
ALL = blocks()
COMMANDS = [(block, command) for block in ALL for command in block.commands]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


# Run by tests/template/making.py, from what tests/template installs.
BY_OTHERS = {
    "uvx cookiecutter path/or/url/of/this/repository",
    "pipx run cookiecutter path/or/url/of/this/repository",
    "git clone path/or/url/of/this/repository",
}


def prose(page: Path) -> str:
    """Return the text of *page* without its code blocks."""
    return FENCE.sub("", page.read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """Return what a link to a heading of *page* may say after its #."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def known(block: Block, command: str) -> bool:
    """Tell whether *command* is one that a test runs, or that names only what is there."""
    words = command.split()
    if words[:2] == ["python3", "dev.py"]:  # tests/unit/test_dev.py starts each of them
        return not words[2:] or words[2].startswith("-") or words[2] in {*dev.COMMANDS, "help"}
    if words[0] in {".venv/bin/python", "python3"}:
        return any(command in recipe.commands for recipe in FOLLOWED)
    if command in BY_OTHERS:
        return True
    named = [
        word for word in words if re.match(r"(deploy/|\.env\.|requirements|constraints)", word)
    ]
    return words[0] in ELSEWHERE and all((ROOT / name).is_file() for name in named)


@pytest.mark.parametrize(
    ("block", "command"), COMMANDS, ids=[f"{block.page} {command}" for block, command in COMMANDS]
)
def test_every_command_is_run_by_a_test(block: Block, command: str) -> None:
    """By the recipes, by dev.py's own tests, or it needs a machine that is not ours."""
    assert known(block, command)


def test_every_recipe_is_followed() -> None:
    """Each section of the recipes is done by a test, word for word."""
    sections = {block.section for block in blocks(RECIPES)}

    assert sections == set(SECTIONS)
    assert sections == set(re.findall(r"^## (.+)$", prose(RECIPES), re.MULTILINE))


@pytest.mark.parametrize(
    "block", [b for b in ALL if b.language == "python"], ids=lambda b: f"{b.page} {b.section}"
)
def test_python_in_the_documentation_compiles(block: Block) -> None:
    """What is copied from a page is valid."""
    compile(block.text, block.page, "exec")


@pytest.mark.parametrize(
    "block",
    [b for b in ALL if b.language in {"env", "toml", "yaml"}],
    ids=lambda b: f"{b.page} {b.section}",
)
def test_settings_in_the_documentation_are_settings(block: Block) -> None:
    """A name that no code reads would be a setting without effect."""
    match block.language:
        case "env":
            names = {line.partition("=")[0] for line in block.text.splitlines()}
        case "toml":
            names = set(tomllib.loads(block.text)) - {"auth"}  # Streamlit's own, in secrets.toml
        case _:
            names = set()
            assert yaml.safe_load(block.text)

    assert names <= {name.upper() for name in Settings.model_fields}


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    """To a file that is there, and to a heading in it."""
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", prose(page))

    for name, anchor in links:
        target = page.parent / name if name else page
        assert target.exists(), name
        assert not anchor or anchor in anchors(target), anchor


@each_page
def test_the_files_a_page_names_are_there(page: Path) -> None:
    """A reader who looks for a file that a page names finds it."""
    folders = "auth|db|web|views|migrations|tests|docs|deploy|bench|upkeep"
    named = set(re.findall(rf"`((?:{folders})/[\w/.-]*)`", prose(page)))

    assert {name for name in named - MADE if not (ROOT / name).exists()} == set()


def test_every_claim_about_a_host_says_how_we_know() -> None:
    """Tested here, or read; nothing in between."""
    points = re.findall(r"^- (.+?)(?=^- |^\n)", prose(DEPLOY) + "\n", re.MULTILINE | re.DOTALL)

    assert len(points) > 20
    assert [p for p in points if not re.search(r"\*\((tested here|read)\)\*\s*$", p)] == []


def test_the_sequence_is_drawn_through_all_three_layers() -> None:
    """Log in, F5 and log out, from the browser to the database."""
    drawn, *_ = (
        block.text for block in blocks(ROOT / "docs/how-it-works.md") if block.language == "mermaid"
    )

    assert re.findall(r"note over P,D: (.+)", drawn) == ["Log in", "F5", "Log out"]
    assert [f"({layer}: " in drawn for layer in (1, 2, 3)] == [True] * 3
    assert drawn.count("rect ") == len(re.findall(r"^ *end$", drawn, re.MULTILINE))


def test_a_decision_has_two_sentences() -> None:
    """A title that says what was decided, and below it why."""
    page = (ROOT / "docs/design-decisions.md").read_text("utf-8")
    reasons = re.split(r"^## .+$", page, flags=re.MULTILINE)[1:]

    assert len(reasons) > 10
    for reason in reasons:
        assert len(re.findall(r"[.!?](?=\s|$)", reason)) == 2, reason
