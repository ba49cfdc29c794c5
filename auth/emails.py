"""Emails: one frame for text and HTML, and the wording of those that two features send."""

from collections.abc import Collection
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
    """Emails of the app called *app*; links begin with *base_url* (RS-4).

    A feature's own are functions in its `emails.py` that take this first. Each email names the
    account's email: people have several, and forward some.
    """

    app: str
    base_url: str
    paths: Collection[str] = ()  # of the features' pages; no email links to one that is not there

    def password_changed(self, to: str) -> Mail:
        """Tell the owner that the password has changed."""
        return self.compose(
            "password_changed",
            to,
            f"Your password for {self.app} was changed",
            f"The password of your account, {to}, was just changed, and your other devices were "
            "logged out.",
            "If it was you, there is nothing to do. If not, choose a new password now.",
            button=self._reset_button("This wasn't me"),
            urgency=Urgency.ALARM,
        )

    def password_off(self, to: str) -> Mail:
        """Tell the owner that too many wrong passwords were tried."""
        return self.compose(
            "password_off",
            to,
            f"Someone is trying to guess your password at {self.app}",
            f"There were 100 wrong passwords in a row for your account, {to}.",
            "To protect it, your password now only works on networks you have used before, until "
            "you log in from one of them or choose a new password.",
            button=self._reset_button("Choose a new password"),
            urgency=Urgency.ALARM,
        )

    def _reset_button(self, label: str) -> tuple[str, str] | None:
        path = "/forgot-password"
        return (label, path) if path in self.paths else None

    def compose(
        self,
        kind: str,
        to: str,
        subject: str,
        *before: str,
        button: tuple[str, str] | None = None,
        after: str = "",
        urgency: Urgency = Urgency.LINK,
    ) -> Mail:
        """Return the email *kind*: paragraphs, then a *button* (its label, its path), then *after*.

        Every value is text and escaped here.
        """
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
    """Return one of each email of the core, to look at: `python -m auth emails`."""
    to = "ada@example.com"
    return [emails.password_changed(to), emails.password_off(to)]
