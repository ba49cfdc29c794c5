"""Emails: one frame for text and HTML, and the wording of those that no single feature owns."""

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from html import escape

from auth.mail import Mail, Urgency
from settings import ROOT

THEME = ROOT / ".streamlit" / "config.toml"
LOGO = ROOT / "views" / "logo.png"  # where there is one: mail programs show no SVG
LOGO_ID = "logo@app"  # its Content-ID: it travels along, since fetching it would report the reader
RESET = "/forgot-password"
# Mail programs know tables and inline styles; those with a dark mode also apply the classes.
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{subject}</title>
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<style>
:root {{ color-scheme: light dark; }}
@media (prefers-color-scheme: dark) {{
.page {{ background: {dark_page} !important; }}
.card {{ background: {dark_card} !important; border-color: {dark_line} !important; }}
.text {{ color: {dark_text} !important; }}
.link {{ color: {dark_link} !important; }}
}}
</style></head>
<body class="page" style="margin:0;padding:0;background:{page}">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" class="page"
 style="background:{page}"><tr><td align="center" style="padding:32px 16px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:520px">
<tr><td style="padding:0 0 20px"><table role="presentation" cellpadding="0" cellspacing="0"><tr>
{logo}
<td class="text" style="padding-left:10px;{font};font-size:16px;font-weight:bold;color:{text}">
{app}</td></tr></table></td></tr>
<tr><td class="card text" style="padding:32px 32px 16px;background:{card};border:1px solid {line};
border-radius:16px;{font};font-size:16px;line-height:1.5;color:{text}">
{body}
</td></tr></table>
</td></tr></table>
</body></html>
"""
INITIAL = """<td width="32" height="32" align="center" bgcolor="{primary}"
 style="border-radius:9px;{font};font-size:16px;font-weight:bold;color:#ffffff">{initial}</td>"""
IMAGE = f'<td><img src="cid:{LOGO_ID}" width="32" height="32" alt="" style="display:block"></td>'
FONT = "font-family:'Source Sans 3',-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
PARAGRAPH = '<p class="text" style="margin:0 0 16px;color:{text}">{{}}</p>'
BUTTON = (
    '<table role="presentation" cellpadding="0" cellspacing="0" style="margin:8px 0 24px"><tr>'
    '<td bgcolor="{primary}" style="border-radius:8px"><a href="{{link}}" style="display:block;'
    "padding:12px 24px;{font};font-weight:bold;color:#ffffff;text-decoration:none;"
    'border-radius:8px">{{label}}</a></td></tr></table>'
    '<p style="margin:0 0 16px;font-size:13px;word-break:break-all">'
    '<a class="link" href="{{link}}" style="color:{link}">{{link}}</a></p>'
)


@cache
def _colors() -> dict[str, str]:
    """Return the colours of the app's two themes, and the font, by their names in the frame."""
    theme = tomllib.loads(THEME.read_text("utf-8"))["theme"]
    light, dark = theme["light"], theme["dark"]
    return {
        "font": FONT,
        "primary": light["primaryColor"],
        "page": light["secondaryBackgroundColor"],
        "card": light["backgroundColor"],
        "line": light.get("borderColor", light["secondaryBackgroundColor"]),
        "text": light["textColor"],
        "link": light.get("linkColor", light["primaryColor"]),
        "dark_page": dark["backgroundColor"],
        "dark_card": dark["secondaryBackgroundColor"],
        "dark_line": dark.get("borderColor", dark["secondaryBackgroundColor"]),
        "dark_text": dark["textColor"],
        "dark_link": dark.get("linkColor", dark["primaryColor"]),
    }


@dataclass(frozen=True)
class Emails:
    """Emails of the app called *app*; links begin with *base_url* (RS-4).

    A feature's own emails are functions in its `emails.py` that take this object first. Each one
    names the account's email: people have several, and forward some.
    """

    app: str
    base_url: str
    paths: Collection[str]  # of the pages that a button may lead to

    def password_changed(self, to: str) -> Mail:
        """Return the notice that the password has changed."""
        return self.compose(
            "password_changed",
            to,
            f"Your password for {self.app} was changed",
            f"The password of your account, {to}, was just changed, and your other devices were "
            "logged out.",
            "If it was you, there is nothing to do. If not, choose a new password now.",
            button=("This wasn't me", RESET),
            urgency=Urgency.ALARM,
        )

    def password_off(self, to: str) -> Mail:
        """Return the notice that too many wrong passwords were tried."""
        return self.compose(
            "password_off",
            to,
            f"Someone is trying to guess your password at {self.app}",
            f"There were 100 wrong passwords in a row for your account, {to}.",
            "To protect it, you can log in only from networks you have used before. Doing so, or "
            "choosing a new password, lifts this.",
            button=("Choose a new password", RESET),
            urgency=Urgency.ALARM,
        )

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
        """Return the email *kind*: paragraphs, then a *button* (label and path), then *after*.

        All values are plain text and are escaped here. A button to a page that the app
        doesn't have is left out.
        """
        if button and button[1].partition("?")[0] not in self.paths:
            button = None
        label, link = (button[0], self.base_url + button[1]) if button else ("", "")
        below = [after] if after else []
        lines = [*before, *([f"{label}:\n{link}"] if button else []), *below, f"-- \n{self.app}"]
        colors, logo = _colors(), LOGO.read_bytes() if LOGO.exists() else b""
        initial = INITIAL.format(initial=escape(self.app[:1].upper()), **colors)
        paragraph, drawn = PARAGRAPH.format(**colors), BUTTON.format(**colors)
        body = [paragraph.format(escape(line)) for line in before]
        if button:
            body.append(drawn.format(link=escape(link), label=escape(label)))
        body += [paragraph.format(escape(line)) for line in below]
        return Mail(
            to=to,
            subject=" ".join(subject.split()),  # an app's name must not begin another header
            text="\n\n".join(lines) + "\n",
            html=PAGE.format(
                subject=escape(subject),
                app=escape(self.app),
                logo=IMAGE if logo else initial,
                body="\n".join(body),
                **colors,
            ),
            logo=logo,
            link=link or None,
            kind=kind,
            urgency=urgency,
        )


def samples(emails: Emails) -> list[Mail]:
    """Return a sample of each of the core's emails, for `python -m auth emails`."""
    to = "ada@example.com"
    return [emails.password_changed(to), emails.password_off(to)]
