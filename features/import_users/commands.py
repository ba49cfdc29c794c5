"""`python -m auth import FILE`, and its report in words."""

import json
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

import click

from auth.operator import OpenService
from features.import_users.formats import Source, Unreadable, read_file
from features.import_users.rules import Options, Problem, Report, import_rows

SHOWN = 10  # places that are named for each problem; --json has all
FIXES = {
    Problem.NO_EMAIL: "Log-in is by email here: add one to the file.",
    Problem.INVALID_EMAIL: "Correct it in the file.",
    Problem.EMAIL_TWICE: "Decide in the file whose account it is.",
    Problem.INVALID_NAME: "Shorten it, or remove its control characters.",
    Problem.PLAIN_PASSWORD: "Passwords in plain text are never imported. Delete them from the "
    "file, or give --drop-unusable: their owners choose a new one by a reset link.",
    Problem.OTHER_SCHEME: "Only bcrypt's hashes can be checked ($2a$, $2b$, $2y$). "
    "With --drop-unusable their owners choose a new password by a reset link.",
    Problem.UNKNOWN_ROLE: "Add the role to auth/roles.py, or give --ignore-roles.",
}


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check the file and report; change nothing.")
@click.option("--verified", is_flag=True, help="Treat every email as confirmed.")
@click.option("--drop-unusable", is_flag=True, help="Leave out passwords that can't be used.")
@click.option("--ignore-roles", is_flag=True, help="Import no roles.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_obj
def import_users(
    open_service: OpenService,
    file: Path,
    dry_run: bool,
    verified: bool,
    drop_unusable: bool,
    ignore_roles: bool,
    as_json: bool,
) -> None:
    """Import the users in FILE; those who have an account stay as they are.

    FILE is streamlit-authenticator's config.yaml, or JSON lines (.jsonl) or CSV with the columns
    email, name, password_hash, verified and roles, of which only email is needed. Exits with 1 if
    a row was refused: correct the file and run this again.
    """
    try:
        source = read_file(file)
    except (Unreadable, OSError) as error:
        raise click.UsageError(str(error)) from None
    report = Report()
    options = Options(dry_run, verified, drop_unusable, ignore_roles)
    with (
        open_service() as auth,
        click.progressbar(
            length=len(source.rows), label="Importing", hidden=as_json, show_pos=True
        ) as bar,
    ):
        for done in import_rows(auth, source.rows, options, report):
            bar.update(done)
    if as_json:
        click.echo(json.dumps(asdict(report) | {"preauthorized": source.preauthorized}, indent=2))
    else:
        click.echo("\n".join(_words(source, report, dry_run)))
    click.get_current_context().exit(1 if report.refused else 0)


def _words(source: Source, report: Report, dry_run: bool) -> list[str]:
    """Return the report as lines."""
    lines = [
        f"{report.created:,} {'account' if report.created == 1 else 'accounts'} "
        f"{'would be created' if dry_run else 'created'}, "
        f"{report.existing:,} existing already, {len(report.refused):,} refused."
    ]
    if report.without_password:
        lines.append(
            f"{report.without_password:,} without a password: "
            "their owners choose one at /forgot-password."
        )
    places = defaultdict(list)
    for place, problem in report.refused:
        places[problem].append(place)
    for problem, found in places.items():
        more = f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
        lines.append(f"Refused, {problem}: {', '.join(found[:SHOWN])}{more}. {FIXES[problem]}")
    if source.has_user_names:
        lines.append("People log in with their email from now on, not with a user name.")
    if source.placeholder_key:
        lines.append(
            "The file's cookie key is a placeholder: the old app's cookies could be forged by "
            "anyone. None is accepted here."
        )
    if source.preauthorized:
        lines.append(f"Pre-authorised, without an account: {', '.join(source.preauthorized)}.")
    if source.dropped:
        lines.append(f"Not imported: {', '.join(source.dropped)}.")
    return lines
