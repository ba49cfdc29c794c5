"""The import, on files that the real streamlit-authenticator has written."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
import streamlit_authenticator
import yaml
from click.testing import CliRunner, Result
from sqlalchemy import select
from streamlit_authenticator.models import AuthenticationModel

from auth.__main__ import main
from auth.roles import Role
from auth.service import AuthService
from db.models import User as UserRow
from tests.fixtures import LAPTOP

Import = Callable[..., Result]
# As in its README: plain passwords, which it hashes itself, and both forms of names.
CONFIG = {
    "cookie": {"expiry_days": 30, "key": "k9-a-key-of-its-own", "name": "old"},
    "credentials": {
        "usernames": {
            "jsmith": {
                "email": "jsmith@example.com",
                "first_name": "John",
                "last_name": "Smith",
                "password": "abc",
                "roles": ["admin"],
            },
            "RBriggs": {
                "email": "rb@example.com",
                "name": "Rebecca Briggs",
                "password": "def",
            },
        }
    },
    "oauth2": {"google": {"client_id": "id", "client_secret": "a-secret"}},
    "pre-authorized": {"emails": ["melsby@example.com", "late@example.com"]},
}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough here; the feature's own test has both."""
    return sqlite_url


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The file as its owner wrote it."""
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(CONFIG), "utf-8")
    return path


@pytest.fixture
def run(service: AuthService) -> Import:
    """Import a file; return what the command did."""

    def run_import(path: Path, *options: str) -> Result:
        line = ["import", str(path), *options]
        return CliRunner().invoke(main, line, obj=lambda: nullcontext(service))

    return run_import


def test_a_file_it_wrote_is_imported_and_its_hashes_are_upgraded(
    service: AuthService, config: Path, run: Import
) -> None:
    """MI-1, BC-7: a user it hashed, one it registered, and the second form of its list."""
    old = AuthenticationModel(path=str(config))  # hashes the passwords, as at each start of an app
    old.register_user(
        "Mel",
        "Elsby",
        "melsby@example.com",
        "melsby",
        "Mel's own 1!",
        "a hint",
        roles=["admin"],
    )
    written = yaml.safe_load(config.read_text("utf-8"))
    assert written["pre-authorized"] == ["late@example.com"]

    done = run(config)

    assert done.exit_code == 0, done.output
    assert "3 accounts created" in done.output
    assert "late@example.com" in done.output
    assert "oauth2, password_hint" in done.output
    assert "a-secret" not in done.output
    for name, email, password, shown, roles in (
        ("jsmith", "jsmith@example.com", "abc", "John Smith", [Role.ADMIN]),
        ("rbriggs", "rb@example.com", "def", "Rebecca Briggs", []),
        ("melsby", "melsby@example.com", "Mel's own 1!", "Mel Elsby", [Role.ADMIN]),
    ):
        assert hash_of(service, email) == written["credentials"]["usernames"][name]["password"]
        user = service.log_in(email, password, LAPTOP).user
        assert (user.name, list(user.roles)) == (shown, roles)
        assert (hash_of(service, email) or "").startswith("v1$2b$04$")


def test_a_file_it_has_not_hashed_yet_gives_nobody_a_password(
    service: AuthService, config: Path, run: Import
) -> None:
    """MI-2: refused; or, if the operator says so, made without a password."""
    refused = run(config)

    assert refused.exit_code == 1
    assert "0 accounts created, 0 existing already, 2 refused" in refused.output
    assert "password in plain text: RBriggs, jsmith" in refused.output

    assert run(config, "--drop-unusable").exit_code == 0
    assert hash_of(service, "jsmith@example.com") is None


def test_its_pre_hashed_file_is_imported(service: AuthService, config: Path, run: Import) -> None:
    """MI-1: hashed by its Hasher, as it advises for many users; written by its own helper."""
    hashed = streamlit_authenticator.Hasher.hash_passwords(CONFIG["credentials"])
    streamlit_authenticator.utilities.Helpers.update_config_file(str(config), "credentials", hashed)

    assert "2 accounts created" in run(config).output
    assert service.log_in("rb@example.com", "def", LAPTOP)


def hash_of(service: AuthService, email: str) -> str | None:
    """Return the stored hash of the account."""
    with service.read() as connection:
        found: str | None = connection.scalar(
            select(UserRow.password_hash).where(UserRow.email == email)
        )
    return found
