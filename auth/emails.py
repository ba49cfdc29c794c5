"""The emails: what each says, once, for its text and its HTML alike."""

from dataclasses import dataclass
from html import escape

from auth.mail import Mail, Urgency

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{subject}</title></head>
<body style="margin:0;padding:24px;background:#f4f6fa;font:16px/1.5 sans-serif;color:#1c2333">
<div style="max-width:520px;margin:0 auto;padding:32px;background:#fff;border-radius:8px">
<p style="margin:0 0 24px;font-weight:bold">{app}</p>
{body}
</div></body></html>
"""
PARAGRAPH = '<p style="margin:0 0 16px">{}</p>'
BUTTON = (
    '<p style="margin:24px 0"><a href="{link}" style="display:inline-block;padding:12px 24px;'
    'background:#2f5fd0;color:#fff;text-decoration:none;border-radius:8px">{label}</a></p>'
    '<p style="margin:0 0 16px;font-size:13px;color:#5a6478;word-break:break-all">{link}</p>'
)


@dataclass(frozen=True)
class Emails:
    """The emails of the app called *app*; links begin with *base_url* (RS-4).

    Each names the account's email: people have several, and forward some.
    """

    app: str
    base_url: str

    def verify(self, to: str, token: str) -> Mail:
        """Ask the owner of *to* to confirm a new account."""
        return self._email(
            "verify",
            to,
            f"Confirm your email for {self.app}",
            f"Someone, probably you, signed up for {self.app} as {to}.",
            "To confirm that this is your email, follow the link and enter the password you signed "
            "up with. You can also choose a new one there.",
            button=("Confirm my email", f"/verify-email?token={token}"),
            after="The link works once, within 24 hours. If you didn't sign up, ignore this email.",
        )

    def taken(self, to: str) -> Mail:
        """Tell an owner that someone tried to use their email for another account."""
        return self._email(
            "taken",
            to,
            f"You already have an account at {self.app}",
            f"Someone, probably you, tried to use {to} for a new account.",
            "You already have an account with it: log in, or choose a new password if you have "
            "forgotten yours.",
            button=("Log in", "/log-in"),
            after="If it wasn't you, ignore this email. Nothing has changed.",
            urgency=Urgency.NOTICE,
        )

    def finish(self, to: str, token: str) -> Mail:
        """Let the owner of *to* choose the password of an account that was never confirmed."""
        return self._email(
            "finish",
            to,
            f"Finish signing up for {self.app}",
            f"Someone, probably you, signed up again as {to}.",
            "To finish, choose the password of your account.",
            button=("Choose my password", f"/reset-password?token={token}"),
            after="The link works once, within 1 hour. If it wasn't you, ignore this email.",
        )

    def reset(self, to: str, token: str) -> Mail:
        """Let the owner choose a new password."""
        return self._email(
            "reset",
            to,
            f"Choose a new password for {self.app}",
            f"Someone, probably you, asked for a new password for your account, {to}.",
            button=("Choose a new password", f"/reset-password?token={token}"),
            after="The link works once, within 1 hour. If it wasn't you, ignore this email: "
            "your password stays as it is.",
        )

    def password_changed(self, to: str) -> Mail:
        """Tell the owner that the password has changed."""
        return self._email(
            "password_changed",
            to,
            f"Your password for {self.app} was changed",
            f"The password of your account, {to}, was just changed, and your other devices were "
            "logged out.",
            "If it was you, there is nothing to do. If not, choose a new password now.",
            button=("This wasn't me", "/forgot-password"),
            urgency=Urgency.ALARM,
        )

    def password_off(self, to: str) -> Mail:
        """Tell the owner that too many wrong passwords were tried."""
        return self._email(
            "password_off",
            to,
            f"Someone is trying to guess your password at {self.app}",
            f"There were 100 wrong passwords in a row for your account, {to}.",
            "To protect it, your password now only works on networks you have used before, until "
            "you log in from one of them or choose a new password.",
            button=("Choose a new password", "/forgot-password"),
            urgency=Urgency.ALARM,
        )

    def change(self, to: str, token: str) -> Mail:
        """Ask the owner of *to* to confirm it as the new email of an account."""
        return self._email(
            "change",
            to,
            f"Confirm your new email for {self.app}",
            f"Someone, probably you, wants to use {to} for their account.",
            "To confirm it, follow the link where you are logged in, or enter your password there.",
            button=("Confirm my new email", f"/verify-email?token={token}"),
            after="The link works once, within 24 hours. Until then your account keeps its old "
            "email. If it wasn't you, ignore this email.",
        )

    def changing(self, to: str, new: str, token: str) -> Mail:
        """Tell the owner of the old email, who can object."""
        return self._email(
            "changing",
            to,
            f"Your email for {self.app} is about to change",
            f"Someone, probably you, asked to change the email of your account from {to} to {new}.",
            "If it was you, there is nothing to do. If not, follow this link within 24 hours: your "
            "account keeps this email, every device is logged out, and you choose a new password.",
            button=("Keep my old email", f"/keep-email?token={token}"),
            urgency=Urgency.ALARM,
        )

    def new_device(self, to: str, device: str, ip: str) -> Mail:
        """Tell the owner of a log-in from a browser that is new."""
        where = f" from {ip}" if ip else ""
        return self._email(
            "new_device",
            to,
            f"New log-in at {self.app}",
            f"Someone, probably you, logged in as {to} with {device}{where}.",
            button=("See your devices", "/devices"),
            after="If it wasn't you, log that device out there and choose a new password.",
            urgency=Urgency.NOTICE,
        )

    def deleted(self, to: str) -> Mail:
        """Confirm that an account was deleted."""
        return self._email(
            "deleted",
            to,
            f"Your account at {self.app} was deleted",
            f"Your account, {to}, and everything personal in it was deleted, as you asked.",
            urgency=Urgency.NOTICE,
        )

    def _email(
        self,
        kind: str,
        to: str,
        subject: str,
        *before: str,
        button: tuple[str, str] | None = None,
        after: str = "",
        urgency: Urgency = Urgency.LINK,
    ) -> Mail:
        label, link = (button[0], self.base_url + button[1]) if button else ("", "")
        below = [after] if after else []
        lines = [*before, *([f"{label}:\n{link}"] if button else []), *below, f"-- \n{self.app}"]
        body = [PARAGRAPH.format(escape(line)) for line in before]
        if button:
            body.append(BUTTON.format(link=escape(link), label=escape(label)))
        body += [PARAGRAPH.format(escape(line)) for line in below]
        return Mail(
            to=to,
            subject=" ".join(subject.split()),  # an app's name must not begin another header
            text="\n\n".join(lines) + "\n",
            html=PAGE.format(subject=escape(subject), app=escape(self.app), body="\n".join(body)),
            link=link or None,
            kind=kind,
            urgency=urgency,
        )


def samples(emails: Emails) -> list[Mail]:
    """Return one of each email, to look at: `python -m auth emails`."""
    to, token = "ada@example.com", "a-sample-token"
    return [
        emails.verify(to, token),
        emails.taken(to),
        emails.finish(to, token),
        emails.reset(to, token),
        emails.password_changed(to),
        emails.password_off(to),
        emails.change(to, token),
        emails.changing(to, "ada@new.example.com", token),
        emails.new_device(to, "Firefox on Linux", "192.0.2.7"),
        emails.deleted(to),
    ]
