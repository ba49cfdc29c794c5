"""The letters: what each mail says, once, for its text and its HTML alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from auth.mail import Mail

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
class Letters:
    """The letters of the app called *app*; links begin with *base_url* (RS-4)."""

    app: str
    base_url: str

    def verify(self, to: str, token: str) -> Mail:
        """Ask whoever reads *to* whether it is theirs."""
        return self._letter(
            to,
            f"Confirm your email for {self.app}",
            ["Welcome! Please confirm that this is your email address."],
            ("Confirm my email", f"/verify-email?token={token}"),
            ["The link works once, for 24 hours. If you did not sign up, ignore this mail."],
        )

    def taken(self, to: str) -> Mail:
        """Tell the owner that somebody wants an account with their address."""
        return self._letter(
            to,
            f"You already have an account at {self.app}",
            [
                "Somebody, probably you, tried to use this email address for an account.",
                "You have an account already: log in with it, or ask for a new password.",
            ],
            ("Log in", "/log-in"),
            ["If it was not you, there is nothing to do: nothing was changed."],
        )

    def finish(self, to: str, token: str) -> Mail:
        """Let whoever reads *to* choose the password of an account that nobody has confirmed."""
        return self._letter(
            to,
            f"Finish signing up for {self.app}",
            ["Somebody, probably you, signed up with this email address again."],
            ("Choose my password", f"/reset-password?token={token}"),
            ["The link works once, for 1 hour. If it was not you, ignore this mail."],
        )

    def reset(self, to: str, token: str) -> Mail:
        """Let the owner choose a new password."""
        return self._letter(
            to,
            f"Choose a new password for {self.app}",
            ["Somebody, probably you, asked for a new password."],
            ("Choose a new password", f"/reset-password?token={token}"),
            [
                "The link works once, for 1 hour. If it was not you, ignore this mail: "
                "nothing changes by it."
            ],
        )

    def password_changed(self, to: str) -> Mail:
        """Tell the owner that the password is another one."""
        return self._letter(
            to,
            f"Your password for {self.app} was changed",
            ["Your password was changed just now, and your other devices were logged out."],
            ("It was not me", "/forgot-password"),
            ["If it was you, there is nothing to do."],
        )

    def password_off(self, to: str) -> Mail:
        """Tell the owner that too many wrong passwords were tried."""
        return self._letter(
            to,
            f"Somebody tries passwords on your account at {self.app}",
            [
                "There were 100 wrong passwords in a row for your account.",
                "To keep it safe, your password now works only from networks you have used before, "
                "until you log in there or choose a new one.",
            ],
            ("Choose a new password", "/forgot-password"),
            [],
        )

    def change(self, to: str, token: str) -> Mail:
        """Ask whoever reads the new address whether it is theirs."""
        return self._letter(
            to,
            f"Confirm your new email for {self.app}",
            ["This is to become the email address of your account."],
            ("Confirm my new email", f"/verify-email?token={token}"),
            [
                "The link works once, for 24 hours. Until then your account keeps its old address. "
                "If it was not you, ignore this mail."
            ],
        )

    def changing(self, to: str, new: str, token: str) -> Mail:
        """Tell the owner of the old address, who can object."""
        return self._letter(
            to,
            f"Your email for {self.app} is about to change",
            [f"Somebody, probably you, asked to change your email address to {new}."],
            ("Keep my old email", f"/keep-email?token={token}"),
            ["If it was you, there is nothing to do. The link works for 24 hours."],
        )

    def new_device(self, to: str, device: str, place: str) -> Mail:
        """Tell the owner of a log-in from a browser that is new."""
        where = f" from {place}" if place else ""
        return self._letter(
            to,
            f"New log-in at {self.app}",
            [f"Somebody, probably you, logged in with {device}{where}."],
            ("See your devices", "/devices"),
            ["If it was not you, end that session there and choose a new password."],
        )

    def deleted(self, to: str) -> Mail:
        """Say goodbye."""
        return self._letter(
            to,
            f"Your account at {self.app} is gone",
            ["Your account and everything personal in it was deleted, as you asked."],
            None,
            [],
        )

    def _letter(
        self,
        to: str,
        subject: str,
        before: Sequence[str],
        button: tuple[str, str] | None,
        after: Sequence[str],
    ) -> Mail:
        label, link = (button[0], self.base_url + button[1]) if button else ("", "")
        lines = [*before, *([f"{label}:\n{link}"] if button else []), *after, f"-- \n{self.app}"]
        body = [PARAGRAPH.format(escape(line)) for line in before]
        if button:
            body.append(BUTTON.format(link=escape(link), label=escape(label)))
        body += [PARAGRAPH.format(escape(line)) for line in after]
        return Mail(
            to=to,
            subject=" ".join(subject.split()),  # an app's name must not begin another header
            text="\n\n".join(lines) + "\n",
            html=PAGE.format(subject=escape(subject), app=escape(self.app), body="\n".join(body)),
            link=link or None,
        )


def samples(letters: Letters) -> dict[str, Mail]:
    """Return one of each letter, by name, to look at: `python -m auth letters`."""
    to, token = "ada@example.com", "a-token-of-nobody"
    return {
        "verify": letters.verify(to, token),
        "taken": letters.taken(to),
        "finish": letters.finish(to, token),
        "reset": letters.reset(to, token),
        "password_changed": letters.password_changed(to),
        "password_off": letters.password_off(to),
        "change": letters.change(to, token),
        "changing": letters.changing(to, "ada@new.example.com", token),
        "new_device": letters.new_device(to, "Firefox on Linux", "192.0.2.7"),
        "deleted": letters.deleted(to),
    }
