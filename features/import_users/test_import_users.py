"""Users from another system: imported once, and nothing about them is guessed."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import bcrypt
import pytest
from click.testing import CliRunner, Result

from auth.__main__ import main
from auth.roles import Role
from auth.service import AuthService
from tests.fixtures import LAPTOP, Person

RunImport = Callable[..., Result]
PASSWORD = "kumquat lantern orbit"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
CONFIG = f"""
cookie: {{expiry_days: 30, key: some_key, name: old}}
credentials:
  usernames:
    grace: {{email: Grace@example.com, name: Grace Hopper, password: {HASH}, roles: [admin]}}
    alan: {{email: alan@example.com, first_name: Alan, last_name: Turing, password: {HASH}}}
    plain: {{email: plain@example.com, password: abc}}
    nobody: {{name: No Email, password: {HASH}}}
pre-authorized: [kay@example.com]
"""


@pytest.fixture
def run(service: AuthService, tmp_path: Path) -> RunImport:
    """Import a file of that name and text; return what the command did."""

    def run_import(name: str, text: str, *options: str) -> Result:
        (tmp_path / name).write_text(text, "utf-8")
        line = ["import", str(tmp_path / name), *options]
        return CliRunner().invoke(main, line, obj=lambda: nullcontext(service))

    return run_import


def test_users_of_streamlit_authenticator_log_in_with_their_email_and_old_password(
    service: AuthService, run: RunImport
) -> None:
    """MI-1, MI-2: the hash works as it is; what can't be taken over is named."""
    done = run("config.yaml", CONFIG)

    assert done.exit_code == 1
    assert "2 accounts created, 0 existing already, 2 refused." in done.output
    assert "password in plain text: plain." in done.output
    assert "no email: nobody." in done.output
    assert "cookie key is a placeholder" in done.output
    assert "kay@example.com" in done.output
    assert HASH not in done.output
    grace = service.log_in("grace@example.com", PASSWORD, LAPTOP).user
    assert (grace.name, list(grace.roles)) == ("Grace Hopper", [Role.ADMIN])
    assert grace.verified_at is None
    assert service.log_in("alan@example.com", PASSWORD, LAPTOP).user.name == "Alan Turing"


def test_who_has_an_account_stays_as_they_are(
    service: AuthService, run: RunImport, ada: Person
) -> None:
    """MI-1: a second run changes nothing."""
    table = f"email,name,password_hash,verified,roles\n{ada.email},Eve,{HASH},true,admin\n"
    table += f"grace@example.com,Grace,{HASH},true,\n"

    assert "1 account created, 1 existing already" in run("users.csv", table).output
    assert "0 accounts created, 2 existing already" in run("users.csv", table).output

    user = service.log_in(ada.email, ada.password, LAPTOP).user
    assert (user.name, list(user.roles)) == ("Ada Lovelace", [])
    assert service.log_in("grace@example.com", PASSWORD, LAPTOP).user.verified_at
