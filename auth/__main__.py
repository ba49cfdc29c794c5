"""The operator's commands, `python -m auth COMMAND`, and those that features add."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from auth import administration, housekeeping
from auth.audit import Event
from auth.emails import LOGO, LOGO_ID, Emails
from auth.emails import samples as core_samples
from auth.errors import AuthError, EmailTaken, InvalidDetails, Unavailable
from auth.feature import paths_of
from auth.mail import Mail, MailFailed, MailQueue
from auth.members import list_members
from auth.operator import OpenService, account_command, member
from auth.roles import Role
from auth.service import AuthService
from auth.smtp import Outbox, Smtp
from db.engine import Database
from db.migrate import CannotMigrate, explain, migrate
from db.models import AuditEvent
from features import FEATURES
from settings import ROOT, SettingsError, load_settings


class Commands(click.Group):
    """The commands; one that is refused ends with a sentence and exit code 1."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command; raises ClickException."""
        try:
            return super().invoke(context)
        except InvalidDetails as error:
            sentences = [sentence for found in error.errors.values() for sentence in found]
            raise click.ClickException(" ".join(sentences)) from None
        except Unavailable as error:
            cause = error.__cause__
            said = explain(cause) if isinstance(cause, Exception) else error.message
            raise click.ClickException(said) from None
        except AuthError as error:
            raise click.ClickException(error.message) from None
        except SettingsError as error:
            raise click.ClickException(str(error)) from None
        except MailFailed as error:
            raise click.ClickException(f"An email could not be sent: {error}.") from None
        except BrokenPipeError:
            raise  # what reads, such as `head`, has read enough: click ends without a word
        except (OperationalError, CannotMigrate, OSError) as error:
            raise click.ClickException(explain(error)) from None


class SentAtOnce(MailQueue):
    """A queue that sends at once, so that the command can report an email that failed."""

    def enqueue(self, job: Callable[[], object], *order: object, **bounds: object) -> None:
        """Run *job* now; the command continues without an email that it could not send."""
        try:
            job()
        except MailFailed as error:
            click.echo(f"An email could not be sent: {error}.", err=True)

    def send(self, mail: Mail) -> None:
        """Send *mail* now; raises MailFailed."""
        self._mailer.send(mail)


@contextmanager
def service() -> Iterator[AuthService]:
    """Yield the service over the app's own database, migrated."""
    settings = load_settings()
    with closing(Database(settings.database_url)) as database:
        migrate(database)
        outbox = Outbox(ROOT / "data" / "outbox", settings.sender, show_links=False)
        server = settings.mail_server
        queue = SentAtOnce(Smtp(server, settings.sender) if server else outbox)
        yield AuthService(database, settings, features=FEATURES, mail_queue=queue)


@click.group(cls=Commands)
@click.pass_context
def main(context: click.Context) -> None:
    """Manage the accounts of this app.

    Exit codes: 0 done, 1 refused or not done in full, 2 wrong usage.
    """
    context.obj = context.obj or service


def command(*parameters: Callable[..., Any]) -> Callable[[Callable[..., None]], click.Command]:
    """Return a decorator that adds a command, with its click *parameters*, to the group."""

    def add(function: Callable[..., Any]) -> click.Command:
        name = function.__name__.strip("_").replace("_", "-")
        function = click.pass_obj(function)
        for parameter in reversed(parameters):
            function = parameter(function)
        return main.command(name)(function)

    return add


EMAIL = click.argument("email")
ROLE = click.Choice([role.value for role in Role])
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@command(
    EMAIL,
    click.option("--name", default="", help="The user's name."),
    click.option("--role", "roles", type=ROLE, multiple=True, help="A role; may be repeated."),
    click.option("--password-stdin", is_flag=True, help="Read the password from stdin."),
)
def create(
    open_service: OpenService, email: str, name: str, roles: Sequence[str], password_stdin: bool
) -> None:
    """Create an account for EMAIL, and print a link to choose its password."""
    reset = main.commands.get("reset")
    if not (password_stdin or reset):
        raise click.UsageError("No page of this app sets a password: give --password-stdin.")
    with open_service() as auth:
        try:
            if password_stdin:
                password = sys.stdin.readline().rstrip("\n")
                user = auth.sign_up(email, password, name)
                administration.mark_used(auth, user.id)
            else:
                user = administration.add_account(auth, email, name)
        except EmailTaken:
            raise click.ClickException(
                "There is already an account with this email: use grant or reset."
            ) from None
        for role in roles:
            administration.grant(auth, user.id, Role(role))
    click.echo(f"Created {user.email}{', with the role ' * bool(roles)}{' and '.join(roles)}.")
    if reset and not password_stdin:
        click.echo("To choose a password, open this link within an hour. It works once:")
        click.get_current_context().invoke(reset, email=user.email)


@command(
    click.argument("prefix", default=""),
    click.option("--role", type=ROLE, help="Only those with this role."),
    click.option("--after", default="", metavar="EMAIL", help="Start after this email."),
    click.option("--limit", type=click.IntRange(1), default=50, show_default=True),
    JSON,
)
def list_(
    open_service: OpenService, prefix: str, role: str | None, after: str, limit: int, as_json: bool
) -> None:
    """List the accounts whose email begins with PREFIX, sorted. With --json, one on each line."""
    with open_service() as auth:
        found = list_members(
            auth, prefix, only=Role(role) if role else None, after=after, most=limit + 1
        )
    for each in found[:limit]:
        state = "" if each.is_active else "disabled"
        words = (each.email, each.name, " ".join(sorted(each.roles)), state)
        click.echo(_json(asdict(each)) if as_json else "  ".join(filter(None, words)))
    if len(found) > limit:
        click.echo(f"There are more: --after {found[limit - 1].email}", err=True)


@command(EMAIL, JSON)
def show(open_service: OpenService, email: str, as_json: bool) -> None:
    """Show the account EMAIL: roles, state, and its open sessions."""
    with open_service() as auth:
        found = member(auth, email)
        with auth.read() as connection:
            sessions = auth.sessions.of_user(connection, found.id, auth.now())
    details = asdict(found) | {
        "open_sessions": len(sessions),
        "last_seen_at": max((each.last_seen_at for each in sessions), default=None),
    }
    if as_json:
        click.echo(_json(details))
    else:
        for name, value in details.items():
            click.echo(f"{name:14}{_plain(value)}")


@command(EMAIL, click.argument("role", type=ROLE))
def grant(open_service: OpenService, email: str, role: str) -> None:
    """Give the account EMAIL a role, from its next click on."""
    with open_service() as auth:
        done = administration.grant(auth, member(auth, email).id, Role(role))
    click.echo("The role is granted." if done else "The account already has this role.")


@command(EMAIL, click.argument("role", type=ROLE))
def revoke(open_service: OpenService, email: str, role: str) -> None:
    """Take a role from the account EMAIL, from its next click on."""
    with open_service() as auth:
        done = administration.revoke(auth, member(auth, email).id, Role(role))
    click.echo("The role is revoked." if done else "The account doesn't have this role.")


def verify(auth: AuthService, user_id: str) -> str:
    """Mark EMAIL as confirmed; use it only if you know whose it is."""
    administration.verify(auth, user_id)
    return "The email is confirmed."


def disable(auth: AuthService, user_id: str) -> str:
    """Refuse log-ins to the account EMAIL, and end its sessions."""
    administration.disable(auth, user_id)
    return "The account is disabled."


def enable(auth: AuthService, user_id: str) -> str:
    """Let the account EMAIL log in again."""
    administration.enable(auth, user_id)
    return "The account is enabled."


for each in (verify, disable, enable):
    main.add_command(account_command(each.__name__, each))


@command(
    click.argument("email", required=False),
    click.option("--everybody", is_flag=True, help="End the sessions of all users."),
)
def log_out(open_service: OpenService, email: str | None, everybody: bool) -> None:
    """End every session of the account EMAIL, or of all accounts."""
    if bool(email) == everybody:
        raise click.UsageError("Give the EMAIL of an account, or --everybody.")
    with open_service() as auth:
        administration.end_every_session(auth, member(auth, email).id if email else None)
    click.echo("The sessions have ended.")


@command(EMAIL, click.option("--yes", is_flag=True, help="Don't ask."))
def delete(open_service: OpenService, email: str, yes: bool) -> None:
    """Delete the account EMAIL with all its data. This can't be undone."""
    with open_service() as auth:
        found = member(auth, email)
        if not yes:
            click.confirm(f"Delete {found.email} and all its data?", abort=True, err=True)
        administration.delete_account(auth, found.id)
    click.echo("The account is deleted.")


@command(
    click.option("--email", help="Only about this account."),
    click.option("--event", type=click.Choice([event.value for event in Event])),
    click.option("--limit", type=click.IntRange(1), default=50, show_default=True),
    JSON,
)
def audit(
    open_service: OpenService, email: str | None, event: str | None, limit: int, as_json: bool
) -> None:
    """Show the latest security events, the newest first. With --json, one on each line."""
    with open_service() as auth:
        about = [AuditEvent.user_id == member(auth, email).id] if email else []
        kind = [AuditEvent.event == event] if event else []
        columns = ("at", "event", "user_id", "by_id", "detail", "ip", "user_agent")
        chosen = select(*(getattr(AuditEvent, name) for name in columns)).where(*about, *kind)
        with auth.read() as connection:
            rows = connection.execute(chosen.order_by(AuditEvent.id.desc()).limit(limit)).all()
    for row in rows:
        words = filter(None, map(_plain, row))
        click.echo(_json(dict(row._mapping)) if as_json else "  ".join(words))


@command(click.option("--dry-run", is_flag=True, help="Count; delete nothing."))
def purge(open_service: OpenService, dry_run: bool) -> None:
    """Delete what has expired: sessions, links, tickets, counters, unused accounts, old events."""
    with open_service() as auth:
        if dry_run:
            click.echo(f"{housekeeping.count_expired(auth):,} rows would be deleted.")
            return
        steps = housekeeping.purge(auth)
        with click.progressbar(steps, label="Deleting", show_pos=True) as batches:
            deleted = sum(batches)
    click.echo(f"{deleted:,} {'row' if deleted == 1 else 'rows'} deleted.")


@main.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def emails(folder: Path) -> None:
    """Write a sample of each email into FOLDER, to view in a browser."""
    settings = load_settings()
    folder.mkdir(parents=True, exist_ok=True)
    frame = Emails(settings.app_name, settings.base_url, paths_of(FEATURES))
    mails = core_samples(frame)
    for feature in FEATURES:
        mails += feature.samples(frame) if feature.samples else []
    for mail in mails:
        shown = mail.html.replace(f"cid:{LOGO_ID}", LOGO.as_uri())
        (folder / f"{mail.kind}.html").write_text(shown, "utf-8")
        (folder / f"{mail.kind}.txt").write_text(f"{mail.subject}\n\n{mail.text}", "utf-8")
    click.echo(f"Written to {folder}.")


@command()
def rotate(open_service: OpenService) -> None:
    """Encrypt stored secrets under the newest SECRET_KEY, so that older keys can be removed."""
    with open_service() as auth:
        done = sum(feature.rotate(auth) for feature in auth.features if feature.rotate)
    click.echo(f"{done:,} {'secret' if done == 1 else 'secrets'} encrypted anew.")


for feature in FEATURES:
    for feature_command in feature.commands:
        main.add_command(feature_command)


def _plain(value: Any) -> str:
    """Return *value* as text for a person to read."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, frozenset):
        return " ".join(sorted(value))
    return "" if value is None else str(value)


def _json(row: Mapping[str, Any]) -> str:
    """Return *row* as a line of JSON, its dates as ISO 8601."""
    sets = {name: sorted(value) for name, value in row.items() if isinstance(value, frozenset)}
    return json.dumps(dict(row) | sets, default=datetime.isoformat, ensure_ascii=False)


if __name__ == "__main__":
    # Click completes the name of an executable: see docs/commands.md.
    completing = "_AUTH_COMPLETE" in os.environ
    main(prog_name="auth" if completing else "python -m auth", complete_var="_AUTH_COMPLETE")
