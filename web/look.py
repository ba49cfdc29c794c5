"""The look: the app's logo and name, the style sheet, and the card that frames public pages.

Colours, corners and sizes are in .streamlit/config.toml. What Streamlit has no option for is in
`look.css`. The logo is `views/logo.png`, if there is one, and emails then show it too; otherwise it
is `views/logo.svg`. The name is `APP_NAME` in `.env`.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from html import escape
from pathlib import Path
from string import Template

import streamlit as st
from starlette.responses import HTMLResponse
from streamlit import config
from streamlit.delta_generator import DeltaGenerator
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx

from auth.emails import LOGO as PNG
from settings import ROOT

LOGO = ROOT / "views" / "logo.svg"
STYLE, FULL = (Path(__file__).with_name(name) for name in ("look.css", "full.html"))
RELOAD_AFTER = 20  # seconds until the page of a full server loads itself again


def dress() -> None:
    """Give the page its style and its icon in the browser's tab: first in every run."""
    # The page has it already if this server served the page and was not updated since. An element
    # that is only a style takes no space.
    st.html(style())
    message = ForwardMsg()
    message.page_config_changed.favicon = logo_url()
    _send(message)


def show_logo(name: str) -> None:
    """Show the logo, with the app's *name* beside it, at the top of the sidebar.

    As `st.logo` does, which imports numpy and Pillow for any image: 14 MB that no page needs.
    """
    message = ForwardMsg()
    message.logo.image = logo_url()
    message.logo.size = "medium"
    _send(message)
    header = '[data-testid="stSidebarHeader"] > :has([data-testid="stSidebarLogo"])::after'
    st.html(f"<style>{header} {{ content: {_css_text(name)}; }}</style>")


@contextmanager
def card(title: str, text: str = "", *, name: str = "") -> Iterator[DeltaGenerator]:
    """Frame a page as one card in the middle of the screen, with its *title* and a line of *text*.

    With *name*, the app's, the logo and the name are above the card. Yields the place below it.
    """
    if name:
        st.html(f'<div class="brand"><img src="{logo_url()}" alt="">{escape(name)}</div>')
    framed = st.container(border=True, key="card")
    below = st.container(key="below")
    with framed:
        st.title(title, anchor=False, text_alignment="center")
        if text:
            st.caption(text, text_alignment="center")
        yield below


def as_text(text: str) -> str:
    """Return Markdown that shows *text* as it is, all punctuation escaped (CommonMark, 2.4).

    Streamlit makes links of URLs once the escapes are undone: a character without a width stands
    in them, so that no user's name leads an admin to another site.
    """
    apart = re.sub(r"(?i)(:(?=//)|www(?=\.))", "\\1\u2060", text)
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", apart)


def show_person(name: str, email: str) -> None:
    """Show who is signed in: initials in a circle, the *name* if there is one, and the *email*.

    One element, since each costs every run about as much as any other.
    """
    words = [word for word in (name or email).partition("@")[0].split() if word[0].isalnum()]
    initials = "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"
    lines = "".join(f"<span>{escape(line)}</span>" for line in (name, email) if line)
    circle = f'<i aria-hidden="true">{escape(initials)}</i>'
    st.html(f'<div class="person">{circle}<div>{lines}</div></div>')


def card_skeleton() -> None:
    """Draw the shape of a form page while it isn't known which page comes."""
    _skeleton("as-card", "logo", "title", "field", "field", "button")


def page_skeleton() -> None:
    """Draw the shape of a signed-in page while it isn't known which page comes."""
    _skeleton("as-page", "title", "line", "body", "body")


def _skeleton(shape: str, *parts: str) -> None:
    blocks = "".join(f'<div class="waiting {part}"></div>' for part in parts)
    st.html(f'<div class="skeleton {shape}" role="status" aria-label="Loading">{blocks}</div>')


def full_page(name: str) -> HTMLResponse:
    """Return the page that the app called *name* shows while the server is full."""
    page = Template(FULL.read_text("utf-8")).substitute(name=escape(name), again=RELOAD_AFTER)
    headers = {"Retry-After": str(RELOAD_AFTER), "Cache-Control": "no-store"}
    return HTMLResponse(page, 503, headers)


@cache
def logo_url() -> str:
    """Return the logo as a data URL, which comes with the page, so that nothing appears later."""
    file, kind = (PNG, "png") if PNG.exists() else (LOGO, "svg+xml")
    return f"data:image/{kind};base64,{b64encode(file.read_bytes()).decode()}"


def style() -> str:
    """Return the style sheet as HTML, with the themes' colours of links."""
    light, dark = (config.get_option(f"theme.{each}.linkColor") for each in ("light", "dark"))
    link = f" :root {{ --link: light-dark({light}, {dark}); }}" if light and dark else ""
    return f"<style>{_sheet()}{link}</style>"


@cache
def _sheet() -> str:
    """Return the style sheet on one line: Streamlit looks at each line of it in every run."""
    return re.sub(r"/\*.*?\*/|\s+", " ", STYLE.read_text("utf-8"), flags=re.DOTALL)


def _css_text(text: str) -> str:
    """Return *text* as a CSS string: each character by its number, so that none can end it."""
    return '"' + "".join(f"\\{ord(char):06x}" for char in text) + '"'


def _send(message: ForwardMsg) -> None:
    if context := get_script_run_ctx():
        context.enqueue(message)
