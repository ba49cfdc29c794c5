"""Upgrades of a project: what arrives, what both changed, what is never touched or refused."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.template.making import (
    IDENTITY,
    File,
    commit,
    cookiecutter,
    files,
    git,
    link_venv,
    make_template,
    remove,
    scatter,
    tracked,
)

OLD, NEXT, TRIAL, NEWEST = "v0.1.0", "v90.9.0", "v90.10.0-rc1", "v90.10.0"
ORIGIN = "upkeep/template.toml"
LOST = "views/lost.py"  # a page that a later release has no more
# What each release changes, too.
PINNED = ("pyproject.toml", "requirements.txt")
CODE = (
    *("app.py", "auth/roles.py", "features/account/test_account.py", "tests/serving.py"),
    *("views/log_in.py", "web/existing.py"),
)


@dataclass(frozen=True)
class Project:
    """A project in *folder*, committed as it was made."""

    folder: Path

    def upgrade(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command."""
        found = next(
            name for name in ("dev.py", "accounts/dev.py") if (self.folder / name).exists()
        )
        return subprocess.run(
            [sys.executable, found, "upgrade", *arguments],
            cwd=self.folder,
            env={k: v for k, v in os.environ.items() if k != "TEMPLATE_URL"} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace *old*, which is there once, in the file *name*, and commit that."""
        replace(self.folder / name, old, new)
        commit(self.folder, f"Edit {name}")

    def read(self, name: str) -> str:
        """Return the text of the file *name*."""
        return (self.folder / name).read_text("utf-8")

    @property
    def files(self) -> dict[str, File]:
        """All there is in the folder, less what Python leaves behind."""
        return {k: v for k, v in files(self.folder).items() if not k.endswith(".pyc")}

    @property
    def start(self) -> str:
        """The template's commit that it says it is at."""
        commit: str = tomllib.loads(self.read(ORIGIN))["commit"]
        return commit

    @property
    def head(self) -> str:
        """The commit that it stands at."""
        return git(self.folder, "rev-parse", "HEAD")


def replace(file: Path, old: str, new: str) -> None:
    """Replace *old*, which is there once, in *file*."""
    text = file.read_text("utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), "utf-8")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template with three releases: the newest by number is the oldest by age."""
    folder = make_template(tmp_path_factory.mktemp("template") / "Ada's starter")
    scatter(folder, {LOST: "print()\n", "greeting.py": "first\n" + "\n" * 9 + "last\n"})
    commit(folder, "A release to start from")
    git(folder, "tag", OLD)
    for release in (NEWEST, TRIAL, NEXT):
        git(folder, "checkout", "--quiet", "-B", "main", OLD)
        replace(folder / "greeting.py", "first", f"first of {release}")
        scatter(folder, {"views/new.py": release, "hooks/new.py": release, ".env": release})
        scatter(folder, {"data/app.db": release})
        for name in PINNED:
            pin = re.sub("bcrypt==[0-9.]+", f"bcrypt=={release[1:]}", (folder / name).read_text())
            (folder / name).write_text(pin, "utf-8")
        for name in CODE:
            (folder / name).write_text(
                f"{(folder / name).read_text('utf-8')}# {release}\n", "utf-8"
            )
        remove(folder, LOST)
        git(folder, "add", "--force", ".env", "data")  # a mistake that no project must pay for
        commit(folder, release, release)
    git(folder, "checkout", "--quiet", "-B", "main", OLD)
    return folder


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of the first release, in git, set up and with people in its database."""
    folder = tmp_path_factory.mktemp("made")
    cookiecutter(template, folder, "Mine")
    link_venv(folder / "mine")
    scatter(folder / "mine", {"data/app.db": "people"})
    return folder / "mine"


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Project:
    """That project, to be changed."""
    shutil.copytree(made, tmp_path / "mine", symlinks=True)
    return Project(tmp_path / "mine")


def test_a_release_arrives_beside_ones_own_changes(project: Project, template: Path) -> None:
    """What only the template changed is as in the release, what only the project changed stays."""
    project.edit("greeting.py", "last", "mine")
    scatter(project.folder, {"views/mine.py": "mine"})
    commit(project.folder, "A page")
    head = project.head

    ended = project.upgrade()

    assert (ended.returncode, ended.stderr) == (0, "")
    assert project.read("greeting.py").split() == ["first", "of", NEWEST, "mine"]
    assert project.read("views/new.py") == NEWEST
    assert project.read("views/mine.py") == "mine"
    assert not (project.folder / LOST).exists()
    assert project.head == head  # it is the owner who commits


def test_an_untouched_project_becomes_the_release_byte_for_byte(
    project: Project, template: Path, tmp_path: Path
) -> None:
    """As if it were made today; the machinery of the template, changed too, does not come along."""
    git(template, "worktree", "add", "--quiet", str(tmp_path / "release"), NEWEST)

    project.upgrade()

    named = (".env.example", "pyproject.toml")  # these have the app's name
    expected = tracked(tmp_path / "release")
    for name in (".env", "data/app.db", *named):
        del expected[name]
    present = {name: files(project.folder)[name] for name in tracked(project.folder)}
    for name in (ORIGIN, *named):
        del present[name]
    assert present == expected


def test_settings_and_data_are_never_touched(project: Project) -> None:
    """Not even by a release that holds such files by mistake."""
    before = {name: project.read(name) for name in (".env", "data/app.db")}

    project.upgrade()

    assert {name: project.read(name) for name in before} == before
    assert git(project.folder, "ls-files", *before) == ""


def test_the_release_asked_for_is_the_one_that_comes(project: Project, template: Path) -> None:
    """Without a name it is the newest by number, past trials of it; step by step works as well."""
    first = project.upgrade(NEXT)
    commit(project.folder, NEXT)
    second = project.upgrade()

    assert f"From {OLD} to {NEXT}" in first.stdout
    assert f"From {NEXT} to {NEWEST}" in second.stdout
    assert project.start == git(template, "rev-parse", NEWEST).strip()


def test_what_was_done_is_told(project: Project) -> None:
    """Each file, what to do now, and the way back."""
    said = project.upgrade().stdout

    assert all(f" {name} " in said for name in ("greeting.py", "views/new.py", LOST))
    assert "hooks" not in said
    assert "git diff --cached" in said
    assert "git reset --hard" in said


def test_a_line_that_both_changed_is_marked(project: Project) -> None:
    """Only a person knows which is right; everything else has arrived, and there is a way back."""
    project.edit("greeting.py", "first", "mine")

    ended = project.upgrade()

    assert ended.returncode == 1
    assert "see the <<<<<<< marks:\n  greeting.py\n" in ended.stdout
    assert project.read("greeting.py").splitlines()[:5] == [
        "<<<<<<< HEAD",
        "mine",
        "=======",
        f"first of {NEWEST}",
        project.read("greeting.py").splitlines()[4],
    ]
    assert f"template {NEWEST}" in project.read("greeting.py").splitlines()[4]
    assert project.read("views/new.py") == NEWEST


def test_all_of_it_can_be_taken_back(project: Project) -> None:
    """The command that is told undoes an upgrade with conflicts too, completely."""
    project.edit("greeting.py", "first", "mine")
    before = project.files
    project.upgrade()

    git(project.folder, "reset", "--quiet", "--hard")

    assert project.files == before


def test_a_file_that_the_project_deleted_stays_deleted(project: Project) -> None:
    """A feature is removed by deleting its file; a release that mends it does not bring it back."""
    remove(project.folder, "greeting.py")
    commit(project.folder, "No greetings")

    ended = project.upgrade()

    assert ended.returncode == 0
    assert not (project.folder / "greeting.py").exists()
    assert "this project deleted it:\n  greeting.py\n" in ended.stdout
    assert "greeting.py" not in git(project.folder, "status", "--porcelain")


def test_a_file_that_the_template_gave_up_stays_where_it_was_changed(project: Project) -> None:
    """An owner's work is never deleted silently: without conflict marks, it is listed apart."""
    project.edit(LOST, "print()", "print('mine')")

    ended = project.upgrade()

    assert ended.returncode == 1
    assert project.read(LOST) == "print('mine')\n"
    assert f"and changed here (git add or git rm):\n  {LOST}\n" in ended.stdout
    assert "<<<<<<<" not in ended.stdout


def test_a_file_that_the_project_moved_is_followed(project: Project) -> None:
    """A security fix reaches the code where it now is."""
    git(project.folder, "mv", "greeting.py", "welcome.py")
    commit(project.folder, "Move")

    assert project.upgrade().returncode == 0
    assert f"first of {NEWEST}" in project.read("welcome.py")


def test_a_copy_of_the_whole_repository_is_upgraded_too(
    template: Path, made: Path, tmp_path: Path
) -> None:
    """With "Use this template" there is no common history, and the machinery stays as it is."""
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "--quiet", str(template), str(copy))
    remove(copy, ".git")
    commit(copy, "Initial commit")
    link_venv(copy)
    project = Project(copy)

    ended = project.upgrade(TEMPLATE_URL=str(template))

    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"first of {NEWEST}" in project.read("greeting.py")
    assert not (copy / "hooks/new.py").exists()
    assert (copy / "hooks/pre_prompt.py").exists()


def test_a_clone_that_went_on_is_upgraded_too(template: Path, tmp_path: Path) -> None:
    """Without cookiecutter the history says where both parted."""
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "--quiet", str(template), str(copy))
    scatter(copy, {"views/mine.py": "mine"})
    commit(copy, "A page")
    link_venv(copy)
    project = Project(copy)

    ended = project.upgrade(TEMPLATE_URL=str(template))
    commit(copy, NEWEST)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"first of {NEWEST}" in project.read("greeting.py")
    assert "already" in project.upgrade().stdout  # from what the first one wrote


@pytest.mark.parametrize("into", ["", "accounts/"])
def test_an_adopted_app_gets_the_accounts_and_keeps_all_else(
    template: Path, tmp_path: Path, into: str
) -> None:
    """MI-4: what adopt brought is upgraded, its guard too; the script and the tests are its own.

    So it is where all of it stands in one package, beside a file of the app's with such a name.
    """
    app = tmp_path / "sales"
    own = {"app.py": "import streamlit as st\n", "tests/serving.py": "", "views.txt": ""}
    own |= {"auth.py": "mine"} if into else {}
    scatter(app, own | {"requirements.txt": "plotly==6.0\n", ".gitignore": ".venv\n"})
    commit(app, "An app")
    options = ["--into", into.strip("/")] if into else []
    adopt = [sys.executable, "-m", "upkeep.adopt", str(app), *options]
    subprocess.run(adopt, cwd=template, check=True)
    commit(app, "Accounts")
    link_venv(app)
    project = Project(app)
    before = project.files.keys()

    ended = project.upgrade()

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "deleted it" not in ended.stdout
    for name in ("auth/roles.py", "views/log_in.py", "web/existing.py"):
        assert project.read(into + name).endswith(f"\n# {NEWEST}\n")
    for name in ("pyproject.toml", "requirements.txt"):
        assert f"bcrypt=={NEWEST[1:]}" in project.read(name)
    assert "plotly==6.0" in project.read("requirements.txt")
    assert {name: project.read(name) for name in own} == own
    assert project.files.keys() - before == {f"{into}views/new.py"}
    assert before - project.files.keys() == {into + LOST}


@pytest.fixture
def untagged(template: Path, tmp_path: Path) -> Path:
    """Return a copy of the template that has gone on since OLD, and has no other tag."""
    folder = tmp_path / "untagged"
    git(tmp_path, "clone", "--quiet", str(template), str(folder))
    git(folder, "tag", "--delete", NEXT, TRIAL, NEWEST)
    replace(folder / "greeting.py", "first", "first of the newest commit")
    commit(folder, "A fix that is in no release")
    return folder


@pytest.mark.parametrize("tags", [True, False])
def test_the_newest_commit_comes_where_no_release_is_newer(
    project: Project, untagged: Path, tags: bool
) -> None:
    """Whether or not the template has tags at all."""
    if not tags:
        git(untagged, "tag", "--delete", OLD)

    ended = project.upgrade(TEMPLATE_URL=str(untagged))

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "first of the newest commit" in project.read("greeting.py")
    assert project.start == git(untagged, "rev-parse", "HEAD").strip()


@pytest.mark.parametrize("name", ["HEAD", "commit"])
def test_a_commit_can_be_asked_for(project: Project, untagged: Path, name: str) -> None:
    """A fix need not wait for a release."""
    commit_name = git(untagged, "rev-parse", "HEAD").strip()
    git(untagged, "tag", NEWEST, OLD)

    ended = project.upgrade(
        "HEAD" if name == "HEAD" else commit_name[:12], TEMPLATE_URL=str(untagged)
    )

    assert ended.returncode == 0
    assert f"From {NEWEST} to {commit_name[:12]}" in ended.stdout
    assert project.start == commit_name


def test_a_start_that_the_template_does_not_have_is_told(project: Project, untagged: Path) -> None:
    """Rather than to guess, and to mix up what belongs to whom."""
    scatter(project.folder, {ORIGIN: f'url = "{untagged}"\ncommit = "{"0" * 40}"\n'})
    commit(project.folder, "From nowhere")

    ended = project.upgrade()

    assert ended.returncode == 2
    assert f"has no commit {'0' * 40}, which {ORIGIN} names" in ended.stderr


def test_a_project_at_that_release_is_left_alone(project: Project) -> None:
    """A second upgrade has nothing to do, and says so."""
    project.upgrade()
    commit(project.folder, NEWEST)

    ended = project.upgrade()

    assert (ended.returncode, ended.stdout) == (0, f"This project is at {NEWEST} already.\n")


def modify(project: Project) -> None:
    """Change a file without committing it."""
    scatter(project.folder, {"app.py": "mine"})


def add(project: Project) -> None:
    """Write a file that git does not know."""
    scatter(project.folder, {"views/mine.py": "mine"})


def conflict(project: Project) -> None:
    """Leave an upgrade's conflicts as they are."""
    project.edit("greeting.py", "first", "mine")
    project.upgrade()


def leave_git(project: Project) -> None:
    """Have no repository."""
    remove(project.folder, ".git")


def nest(project: Project) -> None:
    """Be a folder inside another repository."""
    remove(project.folder, ".git")
    commit(project.folder.parent, "Everything")


def forget_template(project: Project) -> None:
    """Have no file that says where it is."""
    remove(project.folder, ORIGIN)
    commit(project.folder, "Forget")


def move_template(project: Project) -> None:
    """Have the address of nothing."""
    scatter(project.folder, {ORIGIN: 'url = "/no/such/place"\n'})
    commit(project.folder, "Move")


@pytest.mark.parametrize(
    ("trouble", "arguments", "reason"),
    [
        (modify, (), "commit or stash your changes first: app.py"),
        (add, (), "commit or stash your changes first: views/mine.py"),
        (conflict, (), "commit or stash your changes first: "),
        (leave_git, (), "not committed in a git repository of its own"),
        (nest, (), "not committed in a git repository of its own"),
        (forget_template, (), f'write url = "https://..." into {ORIGIN}'),
        (move_template, (), "/no/such/place could not be fetched"),
        (None, ("v77",), f"no v77; choose from {OLD}, {NEXT}, {TRIAL}, {NEWEST}, HEAD."),
        (None, ("--force",), "usage: python3 dev.py upgrade [TAG | HEAD]"),
    ],
)
def test_an_upgrade_that_cannot_be_is_refused(
    project: Project,
    trouble: Callable[[Project], None] | None,
    arguments: tuple[str, ...],
    reason: str,
) -> None:
    """One sentence that tells what to do, an exit code of its own, and nothing is changed."""
    if trouble:
        trouble(project)
    before = project.files

    ended = project.upgrade(*arguments)

    assert ended.returncode == 2
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr
    assert project.files == before


def test_an_upgrade_started_by_a_git_hook_changes_this_project(project: Project) -> None:
    """There git has set which repository it is at; ours is where dev.py stands."""
    ended = project.upgrade(GIT_DIR="/no/such/place", GIT_INDEX_FILE="/no/such/index")

    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_project_that_has_no_author_set_is_upgraded(project: Project) -> None:
    """A machine that only serves has git without a name and an address."""
    nameless = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    ended = project.upgrade(**nameless, **dict.fromkeys(IDENTITY, ""))

    assert (ended.returncode, ended.stderr) == (0, "")
