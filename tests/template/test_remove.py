"""`python3 dev.py remove`: each feature goes, and the house stands without it."""

import compileall
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from features import FEATURES
from tests.serving import ROOT
from tests.template.making import make_project
from upkeep.remove import Refused, features, remove, users_of

# Runs the tests of each project named by a line of input, in a process that has all libraries
# already: importing them takes longer than the tests. It prints the names of those that failed.
RUNNER = """
import os, sys
import alembic.command, bcrypt, email_validator, psycopg, pydantic_settings, pytest, sqlalchemy.orm
import streamlit.testing.v1, streamlit.web.bootstrap, xdist, zxcvbn
for folder in sys.stdin.read().splitlines():
    child = os.fork()
    if not child:
        os.chdir(folder)
        sys.path.insert(0, folder)
        os._exit(pytest.main(sys.argv[1:]))
    if os.waitpid(child, 0)[1]:
        print("FAILED:", folder, flush=True)
"""
NAMES = [feature.name for feature in FEATURES]
FLOWS = ("tests/app/test_flows.py", "tests/app/test_pages.py")
LIVES = "signing_up_signs_in or logging_in_and_out or every_page_opens or public_page_opens"
NOTES = {
    "__init__.py": '''"""Notes: a table of the owner's."""

from auth.feature import Feature
from features.notes.tables import Note

FEATURE = Feature(name="notes")
__all__ = ["Note"]
''',
    "tables.py": '''"""The table of notes."""

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.models import Base


class Note(Base):
    """A note of a user."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(Text)
''',
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A new project, with the tests that every project gets."""
    return make_project(tmp_path / "project")


def run(project: Path, *line: str) -> str:
    """Run `python -m` *line* in the project and return its output; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", *line], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def remove_with_users(project: Path, name: str) -> None:
    """Remove the feature *name*, after those that need it."""
    for user in users_of(project, name):
        if user in features(project):
            remove_with_users(project, user)
    remove(project, name)


@pytest.mark.slow
def test_the_house_stands_without_a_feature(tmp_path: Path) -> None:
    """Each in turn: the app starts, signs up, logs in and out, and every page left opens."""
    whole = make_project(tmp_path / "whole")
    compileall.compile_dir(whole, quiet=1)  # once, and not in each of its copies
    projects = {name: shutil.copytree(whole, tmp_path / name) for name in NAMES}
    for name, project in projects.items():
        remove_with_users(project, name)
        assert not (project / "features" / name).exists()
        assert f"features.{name}" not in (project / "features/__init__.py").read_text()

    done = subprocess.run(
        [sys.executable, "-c", RUNNER, "-q", "-n0", "-k", LIVES, "-p", "no:cacheprovider", *FLOWS],
        input="\n".join(map(str, projects.values())),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.count(" passed") == len(NAMES), done.stdout + done.stderr
    assert "FAILED" not in done.stdout, done.stdout


def test_the_house_stands_without_any(project: Path) -> None:
    """Sign up, log in, log out, and the migrations on both databases."""
    for name in NAMES:
        if name in features(project):
            remove_with_users(project, name)

    assert features(project) == []
    run(
        project,
        "pytest",
        "-q",
        "-n0",
        "-p",
        "no:cacheprovider",
        "tests/app",
        "tests/test_migrations.py",
    )


def test_what_another_feature_needs_is_refused_by_name(project: Path) -> None:
    """Nothing is changed, and the sentence names who needs it."""
    before = (project / "features/__init__.py").read_text()

    with pytest.raises(Refused, match="needed by email_change, email_verification"):
        remove(project, "password_reset")
    with pytest.raises(Refused, match="no feature 'carrier_pigeons'"):
        remove(project, "carrier_pigeons")

    assert (project / "features/__init__.py").read_text() == before
    assert (project / "features/password_reset").is_dir()


def test_what_an_owners_page_needs_is_refused_by_name(project: Path) -> None:
    """The file is named, so that its owner can decide."""
    (project / "views/report.py").write_text("from features.devices import rules\n")

    with pytest.raises(Refused, match=r"views/report\.py"):
        remove(project, "devices")


def test_a_feature_with_tables_leaves_a_migration_that_drops_them(project: Path) -> None:
    """For the owner to read; the way back makes the tables again."""
    (project / "features/notes").mkdir()
    for name, text in NOTES.items():
        (project / "features/notes" / name).write_text(text)
    listed = project / "features/__init__.py"
    listed.write_text(
        listed.read_text()
        .replace(
            "from features.password",
            "from features.notes import FEATURE as NOTES\nfrom features.password",
            1,
        )
        .replace("    DEVICES,\n", "    DEVICES,\n    NOTES,\n")
    )
    script = "from pathlib import Path; from upkeep.remove import write_migration"
    added = [sys.executable, "-c", f"{script}; print(write_migration(Path('.'), 'nothing yet'))"]
    subprocess.run(added, cwd=project, check=True, capture_output=True)

    done = run(project, "upkeep.remove", "notes")

    (written,) = (project / "migrations/versions").glob("*remove_notes*.py")
    text = written.read_text()
    assert written.name in done
    assert 'drop_table("notes")' in text.replace("'", '"')
    assert "create_table" in text.partition("def downgrade")[2]
    run(project, "pytest", "-q", "-n0", "-k", "not postgresql", "-p", "no:cacheprovider", *FLOWS)


def test_the_template_lists_what_can_be_removed() -> None:
    """Without a name, the command says which there are."""
    said = subprocess.run(
        [sys.executable, "-m", "upkeep.remove"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode == 2
    assert all(name in said.stdout for name in NAMES)
