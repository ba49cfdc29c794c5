"""`python -m auth`: what an operator's commands do, say and refuse."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from errno import EPIPE
from pathlib import Path
from unittest.mock import Mock

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert

from auth.__main__ import SentAtOnce, main
from auth.administration import grant
from auth.errors import LogInRefused
from auth.mail import Mail, Mailer, MailFailed
from auth.roles import Role, has_admin
from auth.service import AuthService
from db.engine import Database
from db.models import Counter
from features import FEATURES
from features.invitations.rules import accept
from features.password_reset.rules import reset_password
from settings import ROOT
from tests.fixtures import KEY, LAPTOP, NOON, Clock, Letterbox, Person
from tests.mailbox import mail_server
from tests.serving import free_port

Run = Callable[..., Result]
NEW = "kumquat lantern orbit seven"


@pytest.fixture
def run(service: AuthService) -> Run:
    """Run a command on the test's database."""

    def run_command(*line: str, typed: str = "") -> Result:
        return CliRunner().invoke(main, line, input=typed, obj=lambda: nullcontext(service))

    return run_command


def test_the_first_admin_is_made_by_a_command_and_chooses_a_password_by_its_link(
    service: AuthService, run: Run
) -> None:
    """MI-3, AC-7: no password passes through the terminal."""
    done = run("create", "ada@example.com", "--name", "Ada", "--role", "admin")

    assert done.exit_code == 0, done.output
    link = done.output.split()[-1]
    assert link.startswith("http://localhost:8501/reset-password?token=")
    reset_password(service, link.partition("token=")[2], NEW, LAPTOP)
    user = service.log_in("ada@example.com", NEW, LAPTOP).user
    assert (user.name, list(user.roles)) == ("Ada", [Role.ADMIN])


def test_a_password_comes_from_stdin_and_obeys_the_same_rules(
    service: AuthService, run: Run
) -> None:
    """MI-3, AC-7: never from the command line, which other users of the machine can see."""
    weak = run("create", "ada@example.com", "--password-stdin", typed="password\n")

    assert weak.exit_code == 1
    assert "at least 15" in weak.output
    assert run("create", "ada@example.com", "--password-stdin", typed=f"{NEW}\n").exit_code == 0
    assert service.log_in("ada@example.com", NEW, LAPTOP)


def test_an_account_that_an_operator_made_is_kept_until_its_owner_comes(
    service: AuthService, run: Run, clock: Clock
) -> None:
    """MI-3: the purge of accounts that were never used is for strangers' sign-ups."""
    run("create", "ada@example.com", "--password-stdin", typed=f"{NEW}\n")
    kept = service.settings.unverified_accounts_kept
    assert kept
    clock.advance(kept)

    assert "0 rows" in run("purge").output
    assert service.log_in("ada@example.com", NEW, LAPTOP)


def test_an_email_that_fails_leaves_no_account_half_made(
    service: AuthService, run: Run, database: Database, clock: Clock
) -> None:
    """MI-3: the command says so, and goes on."""

    class Broken(Mailer):
        def send(self, mail: Mail) -> None:
            raise MailFailed("the server is away")

    queue = SentAtOnce(Broken())
    sending = AuthService(
        database, service.settings, features=FEATURES, mail_queue=queue, clock=clock
    )
    line = ("create", "ada@example.com", "--role", "admin", "--password-stdin")

    done = CliRunner().invoke(main, line, input=f"{NEW}\n", obj=lambda: nullcontext(sending))

    assert done.exit_code == 0, done.output
    assert "An email could not be sent: the server is away." in done.output
    assert list(service.log_in("ada@example.com", NEW, LAPTOP).user.roles) == [Role.ADMIN]


def test_no_invitation_is_sent_while_sign_up_is_closed(
    service: AuthService, database: Database
) -> None:
    """RO-4: the sentence names the setting."""
    closed = service.settings.model_copy(update={"sign_up": "closed"})
    shut = AuthService(database, closed, features=FEATURES)

    done = CliRunner().invoke(main, ["invite", "ada@example.com"], obj=lambda: nullcontext(shut))

    assert done.exit_code == 1
    assert "(SIGN_UP=closed)" in done.output


def test_an_account_is_made_once(run: Run, ada: Person) -> None:
    """MI-3: the sentence says what to do instead."""
    done = run("create", ada.email, "--role", "admin")

    assert done.exit_code == 1
    assert "use grant or reset" in done.output


def test_roles_are_granted_and_the_last_admin_stays(run: Run, ada: Person) -> None:
    """MI-3, RO-3: by the same rules as on any page."""
    assert "granted" in run("grant", ada.email, "admin").output
    assert "already has this role" in run("grant", ada.email, "admin").output

    for line in (["revoke", ada.email, "admin"], ["disable", ada.email], ["delete", ada.email]):
        refused = run(*line, typed="y\n")
        assert (refused.exit_code, "the only admin" in refused.output) == (1, True)
    assert run("grant", ada.email, "king").exit_code == 2


def test_accounts_are_listed_by_prefix_and_role(
    service: AuthService, run: Run, ada: Person
) -> None:
    """MI-3: the next part begins after the last email."""
    for name in ("al", "bob"):
        service.sign_up(f"{name}@example.com", NEW)
    grant(service, ada.id, Role.ADMIN)

    listed = run("list", "A", "--json")

    emails = [json.loads(line)["email"] for line in listed.output.splitlines()]
    assert emails == ["Ada@example.com", "al@example.com"]
    assert run("list", "--role", "admin").output == "Ada@example.com  Ada Lovelace  admin\n"
    assert run("list", "--limit", "1").stderr == "There are more: --after Ada@example.com\n"
    assert "al@example" in run("list", "--limit", "1", "--after", "Ada@example.com").output


def test_an_account_is_shown_verified_and_deleted(
    service: AuthService, run: Run, ada: Person
) -> None:
    """MI-3: deleting asks first."""
    service.log_in(ada.email, ada.password, LAPTOP)
    run("verify", ada.email)

    shown = json.loads(run("show", ada.email, "--json").output)

    assert (shown["open_sessions"], shown["verified_at"]) == (1, NOON.isoformat())
    told = run("show", ada.email).output
    assert "hash" not in told
    assert re.search(r"^open_sessions +1$", told, re.MULTILINE)
    run("log-out", ada.email)
    told = run("show", ada.email).output
    assert re.search(r"^open_sessions +0$", told, re.MULTILINE)
    assert re.search(r"^verified_at +\S", told, re.MULTILINE)
    assert ada.email in run("export", ada.email).output
    assert run("delete", ada.email, typed="n\n").exit_code == 1
    assert run("delete", ada.email, "--yes").exit_code == 0
    assert "user_deleted" in run("audit", "--limit", "1").output
    with pytest.raises(LogInRefused):
        service.log_in(ada.email, ada.password, LAPTOP)


def test_the_audit_is_filtered(service: AuthService, run: Run, ada: Person) -> None:
    """MI-3: by account and event, the newest first."""
    service.sign_up("bob@example.com", NEW)
    run("verify", ada.email)

    lines = run("audit", "--email", ada.email, "--json").output.splitlines()

    assert [json.loads(line)["event"] for line in lines] == ["user_updated", "user_created"]
    assert len(run("audit", "--event", "user_created").output.splitlines()) == 2


def test_a_link_is_emailed_to_all_who_have_no_password(
    service: AuthService, run: Run, ada: Person, letterbox: Letterbox, tmp_path: Path
) -> None:
    """MI-1: after an import without hashes; not to the others."""
    users = tmp_path / "users.csv"
    users.write_text("email\nbob@example.com\n")
    run("import", str(users))
    service._mail_queue = letterbox.queue

    done = run("reset", "--without-password", "--send").output
    assert "1 of 1 written to data/outbox: SMTP_URL is not set." in done

    assert letterbox.link("bob@example.com", "reset-password")
    assert letterbox.to(ada.email) == []
    assert run("reset", "--without-password").exit_code == 2


def test_an_invitation_is_sent_and_printed(
    service: AuthService, run: Run, letterbox: Letterbox
) -> None:
    """MI-3: with its roles."""
    service._mail_queue = letterbox.queue

    done = run("invite", "bob@example.com", "--role", "admin", "--note", "Welcome")

    link = letterbox.link("bob@example.com", "accept-invitation")
    assert link in done.output
    accept(service, link, "Bob", NEW, LAPTOP)
    assert list(service.log_in("bob@example.com", NEW, LAPTOP).user.roles) == [Role.ADMIN]


def test_a_dry_run_counts_what_would_be_purged(service: AuthService, run: Run) -> None:
    """DB-7: and deletes nothing."""
    row = {"key": "k", "count": 1, "until": NOON, "expires_at": NOON}
    with service.write() as connection:
        connection.execute(insert(Counter), row)

    assert run("purge", "--dry-run").output == "1 rows would be deleted.\n"
    assert "1 row deleted" in run("purge").output


# Runs each command line in a process of its own, which finds the libraries imported already: that
# takes longer than the command. It prints the exit code and the output of each.
FORKS = """
import gc, json, os, runpy, sys
from tempfile import TemporaryFile
import alembic.command, alembic.config, bcrypt, features, auth.smtp, db.migrate, sqlite3
gc.freeze()
for line, typed in json.load(sys.stdin):
    with TemporaryFile("w+") as given, TemporaryFile("w+") as said:
        given.write(typed)
        given.seek(0)
        child = os.fork()
        if not child:
            for number, file in enumerate((given, said, said)):
                os.dup2(file.fileno(), number)
            sys.argv = ["auth", *line]
            try:
                runpy.run_module("auth", run_name="__main__")
            except SystemExit as end:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(end.code)  # without taking down, module by module, what is all shared
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        print(json.dumps([code, said.read()]), flush=True)
"""


def process(
    sqlite_url: str, *line: str, typed: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python with *line* in a process of its own, on that database."""
    settings = {"DATABASE_URL": sqlite_url, "SECRET_KEY": KEY, "BASE_URL": "http://app.example"}
    return subprocess.run(
        [sys.executable, *line],
        cwd=ROOT,
        env=os.environ | settings | {"BCRYPT_ROUNDS": "10"} | environment,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_every_command_runs_as_a_process(sqlite_url: str, tmp_path: Path) -> None:
    """CF-1, MI-3: exit code 0 done, 1 refused, 2 misused; a sentence, and never a traceback."""
    ada, bob, eve, al = (f"{name}@example.com" for name in ("ada", "bob", "eve", "al"))
    (tmp_path / "users.csv").write_text(f"email\n{al}\n")
    lines = {
        f"create {ada} --role admin --password-stdin": (0, "with the role admin"),
        f"delete {ada} --yes": (1, "Error: This is the only admin."),
        f"create {bob}": (0, "http://app.example/reset-password?token="),
        f"grant {bob} admin": (0, "granted"),
        f"revoke {ada} admin": (0, "revoked"),
        f"verify {bob}": (0, "confirmed"),
        f"reset {ada} --send": (0, "1 of 1 sent."),
        f"disable {ada}": (0, "disabled"),
        "list --json": (0, '"is_active": false'),
        f"enable {ada}": (0, "enabled"),
        f"log-out {ada}": (0, "ended"),
        f"show {ada} --json": (0, '"open_sessions": 0'),
        f"export {ada}": (0, ada),
        f"two-factor-off {ada}": (0, "off already"),
        f"passkeys-off {ada}": (0, "no passkey"),
        f"invite {eve} --note Welcome": (0, "http://app.example/accept-invitation?token="),
        f"import {tmp_path}/users.csv --json": (0, '"created": 1'),
        f"delete {al} --yes": (0, "deleted"),
        "purge": (0, "rows deleted"),
        "rotate": (0, "0 secrets"),
        f"emails {tmp_path}/samples": (0, "Written"),
        "audit --json": (0, '"user_deleted"'),
        "list --limit none": (2, "Usage: "),
    }
    typed = json.dumps([(line.split(), f"{NEW}\n") for line in lines])

    with mail_server(free_port()) as mailbox:
        done = process(sqlite_url, "-c", FORKS, typed=typed, SMTP_URL=mailbox.url)

    assert (done.returncode, done.stderr) == (0, "")
    answers = [json.loads(answer) for answer in done.stdout.splitlines()]
    for (line, (code, said)), answer in zip(lines.items(), answers, strict=True):
        assert (line, answer[0]) == (line, code), answer[1]
        assert said in answer[1]
        assert "Traceback" not in answer[1]
    assert {line.split()[0] for line in lines} == main.commands.keys()
    assert "Choose a new password" in mailbox.subjects(ada)[-1]
    assert len(mailbox.subjects(eve)) == 1
    assert len(list((tmp_path / "samples").glob("*.html"))) > 10


def test_a_reader_that_has_read_enough_is_no_fault_of_the_database() -> None:
    """MI-3: `list | head` ends without a sentence."""
    ended = CliRunner().invoke(main, ["list"], obj=Mock(side_effect=BrokenPipeError(EPIPE, "")))

    assert (ended.exit_code, ended.output) == (1, "")


@pytest.mark.slow
def test_a_setting_that_cannot_be_used_is_named(sqlite_url: str) -> None:
    """CF-1: on stderr, without a traceback."""
    wrong = process(sqlite_url, "-m", "auth", "list", SECRET_KEY="short")

    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "SECRET_KEY" in wrong.stderr and "Traceback" not in wrong.stderr


@pytest.mark.slow
def test_a_shell_completes_commands(sqlite_url: str) -> None:
    """MI-3: by click's own completion, for an executable called auth."""
    asked = {"_AUTH_COMPLETE": "bash_complete", "COMP_WORDS": "auth dis", "COMP_CWORD": "1"}

    assert process(sqlite_url, "-m", "auth", **asked).stdout == "plain,disable\n"


def test_an_app_knows_whether_it_has_an_admin(service: AuthService, ada: Person) -> None:
    """MI-3: until then, its log says at each start how to make one."""
    assert not has_admin(service)

    grant(service, ada.id, Role.ADMIN)

    assert has_admin(service)
