"""What the operator's commands share: how to open the service, and to find an account by email."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import click

from auth.members import Member, find_member
from auth.service import AuthService
from auth.users import InvalidEmail, read_email

# What `click.pass_obj` passes to a command: it opens the service over the app's own database.
OpenService = Callable[[], AbstractContextManager[AuthService]]


def member(auth: AuthService, email: str) -> Member:
    """Return the user with this email; raises ClickException."""
    try:
        found = find_member(auth, read_email(email).key)
    except InvalidEmail as error:
        raise click.UsageError(str(error)) from None
    if found is None:
        raise click.ClickException("There is no account with this email.")
    return found


def account_command(name: str, verb: Callable[[AuthService, str], str]) -> click.Command:
    """Return the command NAME EMAIL: *verb* gets the account's id and returns a sentence."""

    @click.command(name, help=(verb.__doc__ or "").partition("\n")[0])
    @click.argument("email")
    @click.pass_obj
    def command(open_service: OpenService, email: str) -> None:
        with open_service() as auth:
            click.echo(verb(auth, member(auth, email).id))

    return command
