"""`python -m auth export EMAIL`: all data about a user who asked an operator for it."""

import json

import click

from auth.operator import OpenService, member
from features.personal_data.rules import collect


@click.command()
@click.argument("email")
@click.pass_obj
def export(open_service: OpenService, email: str) -> None:
    """Print all data kept about the account EMAIL, as JSON."""
    with open_service() as auth:
        user = member(auth, email)
        with auth.read() as connection:
            data = collect(auth, connection, user)
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))
