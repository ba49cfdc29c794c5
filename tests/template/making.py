"""A template to make projects from, with what must never come along, and the ways to make one."""

import os
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.first_hour import copy_repository
from upkeep import MACHINERY, VERSION

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
    git(folder, "commit", "--quiet", "--message", message)
    if tag:
        git(folder, "tag", tag)


def make_template(folder: Path) -> Path:
    """Return a copy of this repository in *folder*, committed and released."""
    copy_repository(folder)
    commit(folder, "Release", VERSION)
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
    """Return what git has of *template*, less what only makes projects."""
    machinery = tuple(f"{path}/" for path in MACHINERY)
    names = git(template, "ls-files", "-z").split("\0")[:-1]
    return {
        name: file
        for name, file in files(template).items()
        if name in names and not f"{name}/".startswith(machinery)
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
