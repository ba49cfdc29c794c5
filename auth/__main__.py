"""The operator's commands: `python -m auth purge`, log-out, disable, enable and emails."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
from alembic.util.exc import CommandError
from sqlalchemy.exc import OperationalError

from auth.addresses import InvalidAddress, read_address
from auth.emails import Emails, samples
from auth.errors import Unavailable
from auth.service import AuthService
from db.engine import Database
from db.migrate import explain, migrate
from settings import SettingsError, load_settings


@click.group()
def main() -> None:
    """Manage the accounts of this app."""


@main.command()
def purge() -> None:
    """Delete what has expired: sessions, links, tickets, counters, unused accounts, old events."""
    with (
        service() as rules,
        click.progressbar(rules.purge(), label="Deleting", show_pos=True) as batches,
    ):
        gone = sum(batches)
    click.echo(f"{gone:,} rows deleted.")


@main.command()
@click.argument("email", required=False)
@click.option("--everybody", is_flag=True, help="End the sessions of all users.")
def log_out(email: str | None, everybody: bool) -> None:
    """End every session of the account EMAIL, or of all accounts."""
    if bool(email) == everybody:
        raise click.UsageError("Give the EMAIL of an account, or --everybody.")
    with service() as rules:
        rules.end_every_session(user_id(rules, email) if email else None)
    click.echo("Their sessions have ended.")


@main.command()
@click.argument("email")
def disable(email: str) -> None:
    """Refuse log-ins to the account EMAIL, and end its sessions."""
    with service() as rules:
        rules.disable(user_id(rules, email))
    click.echo("The account is disabled.")


@main.command()
@click.argument("email")
def enable(email: str) -> None:
    """Let the account EMAIL log in again."""
    with service() as rules:
        rules.enable(user_id(rules, email))
    click.echo("The account is enabled.")


@main.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def emails(folder: Path) -> None:
    """Write a sample of each email into FOLDER, to view in a browser."""
    settings = load_settings()
    folder.mkdir(parents=True, exist_ok=True)
    for mail in samples(Emails(settings.app_name, settings.base_url)):
        (folder / f"{mail.kind}.html").write_text(mail.html, "utf-8")
        (folder / f"{mail.kind}.txt").write_text(f"{mail.subject}\n\n{mail.text}", "utf-8")
    click.echo(f"Written to {folder}.")


@contextmanager
def service() -> Iterator[AuthService]:
    """Yield the verbs over the app's own database, up to date."""
    settings = load_settings()
    with closing(Database(settings.database_url)) as database:
        migrate(database)
        yield AuthService(database, settings)


def user_id(rules: AuthService, email: str) -> str:
    """Return the id of the account EMAIL, or end with a sentence."""
    try:
        found = rules.find_user(read_address(email).key)
    except InvalidAddress as fault:
        raise click.UsageError(str(fault)) from None
    if found is None:
        raise click.ClickException("There is no account with this email.")
    return found


if __name__ == "__main__":
    try:
        main(prog_name="python -m auth")
    except SettingsError as fault:
        sys.exit(str(fault))
    except Unavailable as fault:
        sys.exit(explain(fault.__cause__) if isinstance(fault.__cause__, Exception) else str(fault))
    except (OperationalError, CommandError, OSError) as fault:
        sys.exit(explain(fault))
