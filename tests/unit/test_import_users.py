"""The import's files and refusals, one by one."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from auth.__main__ import main
from auth.housekeeping import purge_batch
from auth.service import AuthService
from db.models import AuditEvent
from db.models import User as UserRow
from tests.fixtures import LAPTOP, Clock

Import = Callable[..., Result]
PASSWORD = "kumquat lantern orbit"
HASH = "$2b$04$0pUBD.jwM0TMbGlMWDHyiOPfr0BSQYnvXJ2dBoL9FBJLN/TDILaP6"  # of that, with bcrypt alone
HEADER = "email,name,password_hash,verified,roles\n"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough here; the feature's own test has both."""
    return sqlite_url


@pytest.fixture
def run(service: AuthService, tmp_path: Path) -> Import:
    """Import a file of that name with that content; return what the command did."""

    def run_import(name: str, content: str | bytes, *options: str) -> Result:
        file = tmp_path / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        line = ["import", str(file), *options]
        return CliRunner().invoke(main, line, obj=lambda: nullcontext(service))

    return run_import


def users(service: AuthService) -> int:
    """Return how many accounts there are."""
    with service.read() as connection:
        return connection.scalar(select(func.count()).select_from(UserRow)) or 0


@pytest.mark.parametrize(
    "stored",
    [HASH, HASH.replace("$2b$", "$2a$"), HASH.replace("$2b$", "$2y$"), f"bcrypt${HASH}"],
    ids=["Supabase, Auth0, Devise", "older", "Laravel", "Django"],
)
def test_the_bcrypt_hash_of_another_system_opens_the_account(
    service: AuthService, run: Import, stored: str
) -> None:
    """MI-2: as it is."""
    row = {"email": "grace@example.com", "password_hash": stored, "verified": True}

    assert run("users.jsonl", json.dumps(row)).exit_code == 0

    assert service.log_in("grace@example.com", PASSWORD, LAPTOP).user.verified_at


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (f"g@example.com,,bcrypt_sha256${HASH},,", "another scheme"),
        ("g@example.com,,pbkdf2_sha256$600000$salt$hash,,", "another scheme"),
        (f"g@example.com,,{HASH.replace('$2b$', '$2x$')},,", "another scheme"),
        (f"g@example.com,,v1.00000000{HASH},,", "another scheme"),
        ("g@example.com,,,,king", "unknown role"),
        ("nonsense,,,,", "invalid email"),
        (" ,,,,", "no email"),
        (f"g@example.com,{'x' * 101},,,", "invalid name"),
        ("g@example.com,,,,\nG@EXAMPLE.COM,,,,", "email twice"),
    ],
)
def test_what_is_wrong_or_ambiguous_is_refused_and_named(
    service: AuthService, run: Import, cells: str, why: str
) -> None:
    """MI-1, MI-2: by its line, never by what the cell holds; the other rows are imported."""
    done = run("users.csv", f"{HEADER}{cells}\nada@example.com,,,,\n")

    assert (done.exit_code, users(service)) == (1, 1)
    assert why in done.output and "line 2" in done.output
    assert not any(secret in done.output for secret in (HASH[7:], "600000"))


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("users.csv", "email,password\na@example.com,x\n", "'password'"),
        ("users.csv", "name\nAda\n", "no 'email'"),
        ("users.csv", f"{HEADER}a@example.com,x\n", "as many cells"),
        ("users.csv", f"{HEADER}a@example.com,,,perhaps,\n", "neither true nor false"),
        ("users.csv", b"email\n\xff@example.com\n", "not UTF-8"),
        ("users.jsonl", '{"email": "a@example.com"}\n[1]\n', "Line 2 is not a JSON object"),
        ("users.jsonl", "[" * 100_000, "Line 1 is not a JSON object"),
        ("config.yaml", "a: [", "not YAML"),
        ("config.yaml", "cookie: {}", "no credentials"),
        ("users.txt", "", "must end in"),
    ],
)
def test_a_file_that_can_not_be_read_changes_nothing(
    service: AuthService, run: Import, name: str, content: str | bytes, why: str
) -> None:
    """MI-1: not even the rows before the fault; the sentence says where it is."""
    done = run(name, content)

    assert (done.exit_code, users(service)) == (2, 0)
    assert why in done.output.replace("\n", " ")


def test_a_dry_run_reports_and_writes_nothing(service: AuthService, run: Import) -> None:
    """MI-1: neither accounts nor events."""
    done = run("users.csv", f"{HEADER}a@example.com,,,,\n", "--dry-run", "--json")

    assert json.loads(done.output)["created"] == 1
    with service.read() as connection:
        assert connection.scalar(select(func.count()).select_from(AuditEvent)) == 0
    assert users(service) == 0


def test_the_operator_decides_about_a_whole_file(service: AuthService, run: Import) -> None:
    """MI-2: other hashes and roles are left out, and emails counted as confirmed, if asked."""
    options = ("--drop-unusable", "--ignore-roles", "--verified")

    done = run("users.csv", f"{HEADER}a@example.com,,md5,,king\n", *options)

    assert done.exit_code == 0
    assert "1 without a password" in done.output
    with service.read() as connection:
        row = connection.execute(select(UserRow.password_hash, UserRow.verified_at)).one()
    assert (row.password_hash, row.verified_at) == (None, service.now())


def test_imported_accounts_are_not_purged_as_unused(
    service: AuthService, run: Import, clock: Clock
) -> None:
    """DB-7: they were used in the other system."""
    run("users.csv", f"{HEADER}a@example.com,,,,\n")
    kept = service.settings.unverified_accounts_kept
    assert kept

    clock.advance(2 * kept)
    purge_batch(service)

    assert users(service) == 1
