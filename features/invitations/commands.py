"""`python -m auth invite EMAIL`: an invitation by an operator."""

from collections.abc import Sequence

import click

from auth.errors import SignUpClosed
from auth.operator import OpenService
from auth.roles import Role
from features.invitations import rules
from features.invitations.words import CLOSED


@click.command()
@click.argument("email")
@click.option("--role", "roles", type=click.Choice(list(map(str, Role))), multiple=True)
@click.option("--note", default="", help="A sentence for the email.")
@click.pass_obj
def invite(open_service: OpenService, email: str, roles: Sequence[str], note: str) -> None:
    """Email EMAIL a link to make an account with roles, and print the link."""
    with open_service() as auth:
        try:
            click.echo(rules.invite(auth, email, list(map(Role, roles)), note))
        except SignUpClosed:
            raise click.ClickException(CLOSED) from None
