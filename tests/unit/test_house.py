"""The house rules: permitted imports, and what no code may contain."""

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from settings import ROOT

FOLDERS = (
    "auth",
    "db",
    "web",
    "features",
    "views",
    "migrations",
    "upkeep",
    "hooks",
)  # no project has the last
PRODUCT = sorted(
    file
    for file in [
        *ROOT.glob("*.py"),
        *(each for name in FOLDERS for each in (ROOT / name).rglob("*.py")),
    ]
    if not file.name.startswith(("test_", "conftest"))
)
OURS = {*FOLDERS, *(file.stem for file in ROOT.glob("*.py")), "tests", "bench"}
FRAMEWORKS = {"streamlit", "starlette", "extra_streamlit_components"}
BARRED = {
    "db": {"auth", "web", "features", "views", "settings", *FRAMEWORKS},
    "auth": {"web", "features", "views", *FRAMEWORKS},
    "web": {"features", "views"},
    "features": {"views"},
    "migrations": {"auth", "web", "features", "views", *FRAMEWORKS},
}
# A feature's declaration, rules, emails and commands know no page; its other files are pages and
# cards.
RULES = {"__init__.py", "rules.py", "emails.py", "commands.py", "formats.py"}
# Here the features are handed on: to the service of the app and of an operator's command, and with
# their tables to the migrations.
COMPOSITION = {"web/start.py", "auth/__main__.py", "migrations/env.py"}
TEXTS = {file.relative_to(ROOT): file.read_text("utf-8") for file in PRODUCT}
TREES = {path: ast.parse(text) for path, text in TEXTS.items()}


def imports(tree: ast.AST) -> set[str]:
    """Return the top-level packages that *tree* imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def without_command(tree: ast.Module) -> ast.Module:
    """Return *tree* less what runs only as a command, under `if __name__ == "__main__"`."""
    kept = [n for n in tree.body if not (isinstance(n, ast.If) and "__main__" in ast.dump(n.test))]
    return ast.Module(kept, [])


def test_arrows_point_down_only() -> None:
    """The rules know no framework, and the database knows no rules."""
    against = {path: imports(without_command(tree)) & barred(path) for path, tree in TREES.items()}

    assert {path: names for path, names in against.items() if names} == {}


def barred(path: Path) -> set[str]:
    """Return what the module at *path* must not import."""
    found = set(BARRED.get(path.parts[0], set()))
    if path.parts[0] == "features" and path.name in RULES:
        found |= {"web", *FRAMEWORKS}
    return found - {"features"} if path.as_posix() in COMPOSITION else found


def test_a_module_opens_with_one_sentence() -> None:
    """A reader who opens a file first reads what it is for."""
    first = {
        path: (ast.get_docstring(tree) or "").partition("\n")[0] for path, tree in TREES.items()
    }

    assert [path for path, said in first.items() if not re.fullmatch(r"\S.*[.:]", said)] == []


def test_the_sentences_of_a_feature_stand_in_one_file() -> None:
    """In `words.py`, or on its page if it has only one; its rules raise values.

    The emails have `emails.py`, and what operators alone read stands where it is printed.
    """
    speaking: dict[str, set[str]] = {}
    for path, tree in TREES.items():
        if path.parts[0] == "features" and path.name not in RULES - {"rules.py"}:
            raised = [node for node in ast.walk(tree) if isinstance(node, ast.Raise)]
            if any(map(has_sentence, raised if path.name == "rules.py" else [tree])):
                speaking.setdefault(path.parts[1], set()).add(path.name)

    assert {room: files for room, files in speaking.items() if len(files) > 1} == {}
    assert {room for room, files in speaking.items() if "rules.py" in files} == set()


def has_sentence(tree: ast.AST) -> bool:
    """Return whether *tree* has a text of several words that ends as a sentence does."""
    nodes = list(ast.walk(tree))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {ast.get_docstring(n, clean=False) for n in nodes if isinstance(n, documented)}
    texts = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    spoken = re.compile(r"[^<>{}]*\w \w[^<>{}]*[.!?]")  # which markup is not
    return any(map(spoken.fullmatch, texts - docstrings))


@pytest.mark.parametrize(
    "wrong", ["unsafe_allow_html", "max_chars", 'algorithms="', "verify_signature"]
)
def test_no_code_takes_a_known_wrong_turn(wrong: str) -> None:
    """CK-9, PW-8, JWT-1: no raw HTML, no cut password, no unsigned token."""
    assert [path for path, text in TEXTS.items() if wrong in text] == []


def test_no_test_is_skipped_for_want_of_a_program() -> None:
    """A missing browser, database or proxy is an error that says how to get it, never a skip.

    Only what another operating system does not have may be left out there.
    """
    skips = re.compile(r"(?:pytest\.skip\(|importorskip\(|mark\.skip|xfail)[^\n]*")
    found = [skip for file in (ROOT / "tests").rglob("*.py") for skip in find(skips, file)]

    allowed = re.compile(r"mark\.skipif\((?:os\.name|sys\.platform) [!=]= ")
    assert [skip for skip in found if not allowed.match(skip)] == []


def find(pattern: re.Pattern[str], file: Path) -> list[str]:
    """Return what *pattern* finds in *file*; nothing in this one, which spells it out."""
    return [] if file == Path(__file__) else pattern.findall(file.read_text("utf-8"))


def test_the_requirements_are_what_the_app_imports() -> None:
    """CF-3: each pinned, none missing, none left over."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    listed = {re.split(r"[\[=]", pin)[0].lower() for pin in pins}
    distributions = packages_distributions()

    served = [tree for path, tree in TREES.items() if path.parts[0] != "upkeep"]
    used = set().union(*map(imports, served))
    foreign = used - OURS - set(sys.stdlib_module_names)
    brought = {name.lower() for package in foreign for name in distributions[package]}

    assert all(re.fullmatch(r"[\w.-]+(\[\w+\])?==[\w.]+", pin) for pin in pins)
    assert listed <= brought
    assert brought - listed == BROUGHT_ALONG


# What a listed package brings and documents as its own: pydantic and python-dotenv belong to
# pydantic-settings, Starlette, protobuf, uvicorn and websockets to Streamlit.
BROUGHT_ALONG = {
    *("protobuf", "pydantic", "pydantic_core", "python-dotenv", "starlette", "uvicorn"),
    "websockets",
}


@pytest.mark.parametrize(
    "command",
    [("ruff", "check"), ("ruff", "format", "--check"), ("mypy",)],
    ids=" ".join,
)
def test_the_checkers_have_nothing_to_say(command: tuple[str, ...]) -> None:
    """Style and types hold everywhere, tests included."""
    checked = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_app_py_is_served_before_the_database_is_imported() -> None:
    """SQLAlchemy takes as long to import as a server to start: the first run does that."""
    code = "import sys, web.gate, web.look, web.start; sys.exit('sqlalchemy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
