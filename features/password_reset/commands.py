"""`python -m auth reset`: a link to choose a password, printed or emailed by an operator."""

import click

from auth.mail import MailFailed
from auth.operator import OpenService, member
from features.password_reset.rules import issue_reset, without_password


@click.command()
@click.argument("email", required=False)
@click.option("--send", is_flag=True, help="Email the link instead of printing it.")
@click.option("--without-password", "everyone", is_flag=True, help="All who have no password.")
@click.pass_obj
def reset(
    open_service: OpenService, email: str | None, send: bool = False, everyone: bool = False
) -> None:
    """Print a link for the owner of EMAIL to choose a password; it works once, within an hour."""
    if bool(email) == everyone or (everyone and not send):
        raise click.UsageError("Give the EMAIL of an account, or --without-password --send.")
    failed = 0
    with open_service() as auth:
        ids = without_password(auth) if everyone else [member(auth, email or "").id]
        with click.progressbar(ids, label="Sending", hidden=not everyone) as each:
            for user_id in each:
                mail = issue_reset(auth, user_id)
                if not send:
                    click.echo(mail.link)
                    return
                try:
                    auth.send(mail)
                except MailFailed as error:
                    failed += 1
                    click.echo(f"Not sent to {mail.to}: {error}.", err=True)
    done = "sent." if auth.settings.mail_server else "written to data/outbox: SMTP_URL is not set."
    click.echo(f"{len(ids) - failed:,} of {len(ids):,} {done}")
    click.get_current_context().exit(1 if failed else 0)
