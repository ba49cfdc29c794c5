"""docs/recipes.md, followed to the letter: each section is done in a copy of the project.

Here, and not beside the pages' tests: an owner who followed a recipe cannot follow it again.
"""

import os
import subprocess
import sys
import tomllib
from base64 import b64decode
from contextlib import closing
from importlib.metadata import requires
from pathlib import Path

import pytest
from sqlalchemy import inspect
from streamlit import config

from auth.administration import grant
from auth.roles import Role
from auth.service import AuthService
from auth.sessions import Client
from auth.users import User
from db.engine import Database
from dev import requirements
from settings import ROOT, load_settings
from tests.app import conftest as app_tests
from tests.app.conftest import PASSWORD, Open
from tests.fixtures import Postgres
from tests.serving import copy_project
from tests.template.documents import copy_of_everything, follow, run, run_tests
from tests.template.making import make_project
from web import look

RECIPES = ROOT / "docs" / "recipes.md"

# The same database, user and AppTest as the pages' own tests have.
app_settings, service, ada = app_tests.app_settings, app_tests.service, app_tests.ada
token, old_token, open_app = app_tests.token, app_tests.old_token, app_tests.open_app


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the project, as a new owner has it."""
    return copy_project(tmp_path / "project")


# Beside what a recipe tests itself: its page, as it is drawn.
NOTES = '''"""The page of the recipe."""

from auth.users import User
from tests.app.conftest import SignedIn


def test_a_note_is_kept_and_shown(signed_in: SignedIn, ada: User) -> None:
    page = signed_in(ada, "features/notes/notes.py")
    page.text_input[0].set_value("Buy milk")

    page.main.button[0].click().run()

    assert not page.exception
    assert "Buy milk" in [text.value for text in page.main.text]
'''
BUTTON = '''"""The button of the recipe, with what a provider would say."""

from time import time

import pytest
import streamlit as st

from auth.administration import verify
from auth.service import AuthService
from auth.users import User
from features.external.rules import ISSUER
from tests.app.conftest import Open


class Said:
    claims = {}

    def to_dict(self):
        return self.claims


def test_the_button_leads_to_the_provider_and_then_in(
    open_app: Open, service: AuthService, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify(service, ada.id)
    asked = []
    monkeypatch.setattr(st, "user", Said())
    monkeypatch.setattr(st, "login", lambda: asked.append(1))
    page = open_app().run()
    press(page, "Log in with Google")
    assert asked

    claims = {"iss": ISSUER, "sub": "1", "email": ada.email, "email_verified": True}
    monkeypatch.setattr(Said, "claims", claims | {"iat": int(time())})
    page = open_app().run()
    press(page, "Continue with Google")

    assert not page.exception
    assert page.session_state["user"].email == ada.email


def press(page, label):
    [button] = [each for each in page.main.button if each.label == label]
    button.click().run()
'''


def test_recipes_with_tests_of_their_own(tmp_path: Path, service: AuthService, ada: User) -> None:
    """Each as written, one after the other in one project, whose tests then pass.

    Ada was there before: a column that has no value for her would not be added. Authlib isn't
    installed here, so st.login and st.user stand in for the provider.
    """
    project = copy_of_everything(tmp_path / "project")
    (project / "tests/app/test_notes_page.py").write_text(NOTES)
    (project / "tests/app/test_button.py").write_text(BUTTON)
    before = set((project / "migrations/versions").glob("*.py"))
    tests = [project / "tests/app/test_notes_page.py", project / "tests/app/test_button.py"]

    follow(RECIPES, "Add a page", project, os.environ)
    follow(RECIPES, "Test your own page as a signed-in user", project, os.environ, tests)
    follow(RECIPES, "Keep data for each user", project, os.environ, tests)
    follow(RECIPES, "Add roles of your own", project, os.environ, tests)
    follow(RECIPES, "Log in with `st.login` as well", project, os.environ, tests)
    follow(RECIPES, "Add a column", project, os.environ, tests)

    run_tests(tests, project, os.environ)
    declared = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    for_login = [each for each in requires("streamlit") or () if 'extra == "auth"' in each]
    assert for_login
    known = requirements("\n".join(declared["dependencies"]))
    assert requirements("\n".join(for_login)).keys() <= known.keys()
    columns = inspect(service.database.engine).get_columns("users")
    assert "phone" in {column["name"] for column in columns}
    assert len(set((project / "migrations/versions").glob("*.py")) - before) == 2
    code = ("db", "auth", "features", "views", "app.py")  # Alembic's migrations are not formatted
    ruff = [sys.executable, "-m", "ruff", "check", *code]
    assert subprocess.run(ruff, cwd=project, check=False).returncode == 0


def test_an_added_page_is_private(open_app: Open, project: Path, token: str) -> None:
    """GD-1: the recipe's page is shown to a user, and the form to any other visitor."""
    follow(RECIPES, "Add a page", project, os.environ)

    stranger = open_app(script=project / "app.py").run()
    page = open_app(token, project / "app.py").run().switch_page("views/report.py").run()

    assert [title.value for title in stranger.title] == ["Log in to Streamlit auth starter"]
    assert [title.value for title in page.title] == ["Report"]
    assert page.metric[0].value == "42"


def test_a_callback_is_protected(
    open_app: Open, project: Path, service: AuthService, token: str
) -> None:
    """GD-2: it runs for a user, and not once the session is over."""
    follow(RECIPES, "Add a page", project, os.environ)
    follow(RECIPES, "Protect a callback", project, os.environ)
    ran = leave_a_trace(project / "views/report.py", '    """Note the approval."""\n')
    page = open_app(token, project / "app.py").run().switch_page("views/report.py").run()
    assert page.main.text[1].value == "Not approved yet"

    page.main.button[0].click().run()

    assert not page.exception
    assert page.main.text[1].value == "Approved"
    ran.unlink()
    service.log_out(token)
    page.main.button[0].click().run()
    assert not ran.exists()
    assert [title.value for title in page.title] == ["Log in to Streamlit auth starter"]


def leave_a_trace(page: Path, after: str) -> Path:
    """Have *page* make a file once the line *after* is reached; return the file."""
    text, trace = page.read_text("utf-8"), page.with_name("trace")
    assert text.count(after) == 1
    page.write_text(text.replace(after, f'{after}    open("{trace}", "w").close()\n'))
    return trace


def test_the_password_is_asked_for_once_more(open_app: Open, project: Path, old_token: str) -> None:
    """SE-7: ten minutes after the log-in; the page goes on once it was right."""
    follow(RECIPES, "Ask for the password once more", project, os.environ)
    page = open_app(old_token, project / "app.py").run().switch_page("views/salaries.py").run()
    assert not page.metric

    page.text_input[0].set_value(PASSWORD)
    page.main.button[0].click().run()

    assert [metric.value for metric in page.metric] == ["the same"]


def test_a_page_is_for_admins_only(
    open_app: Open, project: Path, service: AuthService, ada: User, token: str
) -> None:
    """RO-2: for others it is neither in the menu nor at its address."""
    follow(RECIPES, "Add a page for admins only", project, os.environ)
    with pytest.raises(ValueError, match="Could not find a navigation page"):
        open_app(token, project / "app.py").run().switch_page("views/prices.py")

    grant(service, ada.id, Role.ADMIN)
    page = open_app(token, project / "app.py").run().switch_page("views/prices.py").run()

    assert [title.value for title in page.title] == ["Prices"]


def test_the_words_are_changed(open_app: Open, project: Path) -> None:
    """On the page and in a refusal."""
    follow(RECIPES, "Use other words, or another language", project, os.environ)

    page = open_app(script=project / "app.py").run()
    said = run(
        "python3 -c 'from auth.errors import LogInRefused; print(LogInRefused.message)'",
        project,
        os.environ,
    )

    assert page.main.button[0].label == "Anmelden"
    assert said.startswith("E-Mail und Passwort")


def test_the_logo_is_changed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the one that the pages draw."""
    follow(RECIPES, "Use a logo of your own", project, os.environ)

    monkeypatch.setattr(look, "LOGO", project / look.LOGO.relative_to(ROOT))
    drawn = b64decode(look.logo_url.__wrapped__().partition("base64,")[2])

    assert drawn == (project / "views/logo.svg").read_bytes()
    assert b"#0b7a5c" in drawn

    monkeypatch.setattr(look, "PNG", look.LOGO)  # a PNG is shown instead
    assert look.logo_url.__wrapped__().startswith("data:image/png;")


def test_the_look_is_changed(project: Path) -> None:
    """Options that Streamlit knows, with other values than before."""
    follow(RECIPES, "Change the look", project, os.environ)

    before, after = (
        tomllib.loads((folder / ".streamlit/config.toml").read_text("utf-8"))["theme"]["light"]
        for folder in (ROOT, project)
    )
    changed = {f"theme.light.{name}" for name in after if before.get(name) != after[name]}
    assert len(changed) == 2
    assert changed <= config.get_config_options().keys()


def test_a_feature_is_removed(tmp_path: Path) -> None:
    """Folder and lines; test_remove.py shows that the app stands."""
    project = make_project(tmp_path / "project")

    follow(RECIPES, "Remove a feature", project, os.environ)

    assert not (project / "features/activity").exists()


def test_postgresql_takes_the_place_of_sqlite(
    project: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address that the settings accept, and one command that makes the tables."""
    with postgres.copy_of("template1") as url:
        follow(RECIPES, "Switch to PostgreSQL", project, os.environ | {"DATABASE_URL": url})

        with closing(Database(url)) as database:
            assert "users" in inspect(database.engine).get_table_names()
    monkeypatch.delenv("DATABASE_URL")
    assert load_settings(project / ".env").database_url.startswith("postgresql+psycopg://app:")


def test_the_key_is_rotated_and_no_user_is_logged_out(
    project: Path, service: AuthService, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JWT-8: what the old key signed still opens; the new one signs from now on."""
    token = service.log_in(ada.email, PASSWORD, Client()).token
    old = service.settings.secret_key.get_secret_value()
    monkeypatch.delenv("SECRET_KEY")

    follow(RECIPES, "Rotate the key", project, os.environ)
    env = (project / ".env").read_text("utf-8")
    env = env.replace("the-new-key", "Zq4-this-one-signs-from-now-on-8Lw2mT6c").replace(
        "the-old-key", old
    )
    (project / ".env").write_text(env)

    settings = load_settings(project / ".env")
    rotated = AuthService(service.database, settings)
    user = rotated.resume(token)
    assert user is not None
    assert user.email == ada.email
    assert rotated.log_in(ada.email, PASSWORD, Client()).token.split(".")[0] != token.split(".")[0]
