"""The operator's commands: `python -m auth purge`, log-out, disable, enable and emails."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
from alembic.util.exc import CommandError
from sqlalchemy.exc import OperationalError

from auth import administration, housekeeping
from auth.emails import Emails
from auth.emails import samples as core_samples
from auth.errors import Unavailable
from auth.feature import paths_of
from auth.fields import InvalidEmail, read_email
from auth.service import AuthService
from db.engine import Database
from db.migrate import explain, migrate
from features import FEATURES
from settings import SettingsError, load_settings


@click.group()
def main() -> None:
    """Manage the accounts of this app."""


@main.command()
def purge() -> None:
    """Delete what has expired: sessions, links, tickets, counters, unused accounts, old events."""
    with (
        service() as auth,
        click.progressbar(housekeeping.purge(auth), label="Deleting", show_pos=True) as batches,
    ):
        deleted = sum(batches)
    click.echo(f"{deleted:,} {'row' if deleted == 1 else 'rows'} deleted.")


@main.command()
@click.argument("email", required=False)
@click.option("--everybody", is_flag=True, help="End the sessions of all users.")
def log_out(email: str | None, everybody: bool) -> None:
    """End every session of the account EMAIL, or of all accounts."""
    if bool(email) == everybody:
        raise click.UsageError("Give the EMAIL of an account, or --everybody.")
    with service() as auth:
        administration.end_every_session(auth, user_id(auth, email) if email else None)
    click.echo("Their sessions have ended.")


@main.command()
@click.argument("email")
def disable(email: str) -> None:
    """Refuse log-ins to the account EMAIL, and end its sessions."""
    with service() as auth:
        administration.disable(auth, user_id(auth, email))
    click.echo("The account is disabled.")


@main.command()
@click.argument("email")
def enable(email: str) -> None:
    """Let the account EMAIL log in again."""
    with service() as auth:
        administration.enable(auth, user_id(auth, email))
    click.echo("The account is enabled.")


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
        (folder / f"{mail.kind}.html").write_text(mail.html, "utf-8")
        (folder / f"{mail.kind}.txt").write_text(f"{mail.subject}\n\n{mail.text}", "utf-8")
    click.echo(f"Written to {folder}.")


@contextmanager
def service() -> Iterator[AuthService]:
    """Yield the service over the app's own database, migrated."""
    settings = load_settings()
    with closing(Database(settings.database_url)) as database:
        migrate(database)
        yield AuthService(database, settings, features=FEATURES)


def user_id(auth: AuthService, email: str) -> str:
    """Return the id of the account EMAIL, or exit with an error message."""
    try:
        found = administration.find_user(auth, read_email(email).key)
    except InvalidEmail as error:
        raise click.UsageError(str(error)) from None
    if found is None:
        raise click.ClickException("There is no account with this email.")
    return found


if __name__ == "__main__":
    try:
        main(prog_name="python -m auth")
    except SettingsError as error:
        sys.exit(str(error))
    except Unavailable as error:
        sys.exit(explain(error.__cause__) if isinstance(error.__cause__, Exception) else str(error))
    except (OperationalError, CommandError, OSError) as error:
        sys.exit(explain(error))
