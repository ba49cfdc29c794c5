"""Hostile strings: cookies of any bytes, names full of markup; and where the token must not be."""

import secrets

import pytest

from auth.service import AuthService
from auth.users import User
from tests.browser.conftest import ONE_BRIDGE, NewContext
from tests.browser.template.meddler import meddle
from tests.browser.visitor import PASSWORD, Visitor, expect
from tests.serving import Server

NAMES = [
    '<script>alert(1)</script><img src=x onerror="alert(2)"><b>bold</b><a href="//evil">x</a>',
    "**b** _i_ `c` ~~s~~ # h [l](javascript:alert(3)) :smile: :material/home: :red[r] $x^2$",
    "'; DROP TABLE users;-- \\u0000 %s {0} ${7*7} {{7*7}} الاسم 田中さん 👩‍👩‍👧",
]
HOSTILE = [
    b"auth=\xff\xfe\x80\x81",  # not UTF-8
    b"auth=" + "токен🔑".encode(),
    b'auth="a;b\\"c',  # an open quote
    b"auth=" + b"A" * 6000,
    b"auth=" + b".".join([b"eyJhbGciOiJub25lIn0"] * 3),  # three parts, and no algorithm
    b"auth=one; auth=two; auth=",
    b"auth; ;;=;auth==",
]
MARKUP = "script, b, img, code, em, strong, del, h4, .katex, a[href*=evil], a[href^=javascript]"


@ONE_BRIDGE
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_as_text(visitor: Visitor, service: AuthService, name: str) -> None:
    """CK-9: what a user typed is never markup, on any page; nothing in it runs."""
    email = f"*a*_b_`{secrets.token_hex(4)}`@example.com"
    service.sign_up(email, PASSWORD, name)

    visitor.arrive(email)

    shown = visitor.page.get_by_test_id("stMain")
    expect(shown.get_by_text(f"Hello {name}!", exact=True)).to_be_visible()
    visitor.page.get_by_role("link", name="Account").click()
    expect(shown.get_by_text(name, exact=True)).to_be_visible()
    expect(shown.get_by_text(email, exact=True)).to_be_visible()
    expect(shown.get_by_test_id("stText").locator(MARKUP)).to_have_count(0)
    expect(visitor.sidebar.locator(".person").locator(MARKUP)).to_have_count(0)
    assert visitor.dialogs == []


def test_a_hostile_cookie_means_not_signed_in(new_context: NewContext, server: Server) -> None:
    """CK-4: bytes that no browser of ours wrote lead to the form, and to no exception."""
    hostile: list[bytes] = []
    with meddle(server, lambda: hostile[-1]) as meddled:
        visitor = Visitor(new_context(), meddled)
        for cookies in HOSTILE:
            hostile.append(cookies)
            visitor.open("/account")

            visitor.expect_form()
            visitor.expect_calm()


def test_a_browser_full_of_cookies_still_gets_the_form(visitor: Visitor, ada: User) -> None:
    """CK-4: 14 KB of cookies, our name among them, and logging in still works."""
    visitor.plant("junk1", "junk2", "junk3", visitor.server.env["COOKIE_NAME"])

    visitor.open("/account")
    visitor.fill_log_in(ada.email)

    visitor.expect_signed_in(ada.email)
    visitor.expect_calm()


def test_the_token_is_in_the_cookie_and_nowhere_else(visitor: Visitor, ada: User) -> None:
    """CK-10, LG-2: not in an address, a storage, the page, its frames or the server's log."""
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    visitor.log_in(ada.email, path="/account")
    visitor.reload()
    visitor.expect_signed_in(ada.email)
    token = visitor.token()
    secret = token.rsplit(".", 1)[1]

    storages = "JSON.stringify([{...localStorage}, {...sessionStorage}, history.state])"
    places = {
        "addresses": " ".join([*asked, visitor.page.url]),
        "storages": visitor.page.evaluate(storages),
        "page": " ".join(frame.content() for frame in visitor.page.frames),
        "log": visitor.server.said(),
    }

    assert [place for place, text in places.items() if secret in text] == []
    assert ada.email not in token
