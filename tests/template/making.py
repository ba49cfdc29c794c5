"""A template to make projects from, with what must never come along, and the ways to make one."""

import ast
import os
import shutil
import stat
import subprocess
import sys
import tokenize
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.first_hour import copy_repository
from upkeep import is_shared

IDENTITY = {
    f"GIT_{who}_{what}": "ada@example.com"
    for who in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}
NOBODYS = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
PRIVATE = {  # what a template's owner has lying about, and no project may get
    ".env": "SECRET_KEY=the-owners",
    "data/app.db": "the owner's accounts",
    ".venv/pyvenv.cfg": "",
    "draft.py": "not committed yet",
}
NO_CODE = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT),
    tokenize.ENDMARKER,
}
RUN = "#!/bin/sh\n"
BRACES = "{{ cookiecutter.app_name }} {% raise %} {{''~cookiecutter.app_name}} {# \r\n"


def git(folder: Path, *arguments: str) -> str:
    """Return what git says in *folder*, whatever this machine's settings are."""
    environment = {name: os.environ[name] for name in os.environ if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=environment | IDENTITY | NOBODYS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def commit(folder: Path, message: str, tag: str = "") -> None:
    """Commit all that stands in *folder*, in a new repository if it has none."""
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    if tag:
        git(folder, "tag", tag)


def make_template(folder: Path) -> Path:
    """Return a copy of this repository in *folder*, committed."""
    copy_repository(folder)
    commit(folder, "Everything")
    return folder


def cookiecutter(
    source: Path | str, folder: Path, name: str | None, *options: str, typed: str = ""
) -> str:
    """Make an app called *name* in *folder* from *source*; return what cookiecutter said.

    Without a *name* it asks, and *typed* is the answer.
    """
    named = () if name is None else ("--no-input", str(source), f"app_name={name}")
    with TemporaryDirectory() as home:  # it keeps clones and answers there
        done = subprocess.run(
            [sys.executable, "-m", "cookiecutter", *options, *(named or (str(source),))],
            cwd=folder,
            env=os.environ | NOBODYS | {"HOME": home, "PWD": str(folder)},
            input=typed,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class File:
    """What two files must have in common to be the same."""

    content: bytes
    executable: bool


def files(folder: Path) -> dict[str, File]:
    """Return all there is in *folder*, less git's own."""
    return {
        path.relative_to(folder).as_posix(): File(
            path.read_bytes(), bool(path.stat().st_mode & stat.S_IXUSR)
        )
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] != ".git"
    }


def tracked(template: Path) -> dict[str, File]:
    """Return what git has of *template* and every project gets."""
    names = git(template, "ls-files", "-z").split("\0")[:-1]
    return {
        name: file for name, file in files(template).items() if name in names and is_shared(name)
    }


def link_venv(folder: Path) -> None:
    """Give the project in *folder* the .venv that runs this, without making one."""
    (folder / ".venv").mkdir()
    for entry in Path(sys.prefix).iterdir():
        (folder / ".venv" / entry.name).symlink_to(entry)


def scatter(folder: Path, texts: dict[str, str]) -> None:
    """Write *texts* to the files they are named after, in *folder*."""
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8", newline="")


def remove(folder: Path, *names: str) -> None:
    """Delete the files and folders *names* in *folder*."""
    for name in names:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def code_lines(text: str) -> int:
    """Return how many lines of Python *text* has, less blank ones, comments and docstrings."""
    tree, lines = ast.parse(text), set[int]()
    for token in tokenize.generate_tokens(StringIO(text).readline):
        if token.type not in NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            lines.difference_update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return len(lines)


def make_project(folder: Path) -> Path:
    """Return a copy in *folder* of what every project gets, without cookiecutter or git."""
    with TemporaryDirectory() as whole:
        for name in files(copy_repository(Path(whole) / "template")):
            if is_shared(name):
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(Path(whole) / "template" / name, target)
    return folder
