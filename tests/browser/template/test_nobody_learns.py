"""No page reveals who has an account: every answer is the same, and only emails tell the owner."""

from collections.abc import Iterator

import pytest

from auth.errors import LogInRefused
from auth.users import User
from tests.browser.conftest import NewContext, add_account
from tests.browser.template.test_account_life import SENT, follow, fresh_email, says
from tests.browser.visitor import PASSWORD, Visitor, expect
from tests.serving import HOST, Server, serve

WELCOME = "We have sent you a link to:"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the app where an email has to be confirmed before its account can be used."""
    env = {"REQUIRE_VERIFIED_EMAIL": "true"}
    with serve("server.py", tmp_path_factory.mktemp("strict"), env=env) as server:
        yield server


@pytest.fixture
def visitor(new_context: NewContext, strict: Server) -> Visitor:
    """Return a visitor with a fresh browser."""
    return Visitor(new_context(), strict)


@pytest.fixture
def ada(strict: Server) -> User:
    """Return an account with an unconfirmed email."""
    with strict.service() as service:
        return add_account(service, "Ada")


def page_text(visitor: Visitor, email: str) -> bytes:
    """Return every word of the page, hidden ones too, but *email*: what a visitor typed."""
    expect(visitor.page.locator(".brand")).to_be_visible()
    visitor.expect_settled()
    text = visitor.page.get_by_test_id("stMain").text_content() or ""
    return text.replace(email, "").encode()


def sign_up(visitor: Visitor, email: str) -> bytes:
    """Sign up with *email*, and return what the page says then."""
    visitor.open("/sign-up")
    visitor.fill_sign_up("Ada", email, PASSWORD)
    says(visitor, WELCOME)
    return page_text(visitor, email)


def test_signing_up_says_the_same_for_a_taken_email(
    visitor: Visitor, strict: Server, ada: User
) -> None:
    """EN-3: one page for both; the owner of the taken email gets an email instead of a link."""
    new = fresh_email()

    assert sign_up(visitor, ada.email) == sign_up(visitor, new)

    assert strict.mailbox.link(new, "Confirm your email")
    assert strict.mailbox.link(ada.email, "Finish signing up")  # she has not confirmed it yet
    assert len(strict.mailbox.subjects(ada.email)) == 1
    assert visitor.cookie() is None


def test_logging_in_waits_for_the_mail_to_be_answered(visitor: Visitor, strict: Server) -> None:
    """EN-1: before, the usual sentence and a hint that everybody sees; after, the app."""
    email = fresh_email()
    sign_up(visitor, email)
    visitor.open("/log-in")
    says(visitor, "Just signed up? Open the link in our email first, then log in.")
    visitor.fill_log_in(email)
    says(visitor, LogInRefused.message)

    follow(visitor, strict.mailbox.link(email, "Confirm your email"))
    visitor.field("Password").fill(PASSWORD)
    visitor.button("Confirm my email").click()

    visitor.expect_signed_in(email)


def test_a_failed_log_in_says_the_same_for_every_email(visitor: Visitor, ada: User) -> None:
    """EN-1: wrong, unconfirmed or unknown: not one byte of the page differs."""
    pages = set()

    for email, password in (
        (ada.email, "not the password at all"),
        (ada.email, PASSWORD),
        (fresh_email(), PASSWORD),
    ):
        visitor.open("/log-in")
        visitor.fill_log_in(email, password)
        says(visitor, LogInRefused.message)
        pages.add(page_text(visitor, email))

    assert len(pages) == 1


def test_a_forgotten_password_says_the_same_for_every_email(
    visitor: Visitor, strict: Server, ada: User
) -> None:
    """EN-2, RS-4: also where the page was opened under another name; the emailed link has ours."""
    pages = set()
    elsewhere = strict.url.replace(HOST, "localhost")  # another Host header, as if it were forged
    unknown = fresh_email()

    for email in (unknown, ada.email):
        visitor.page.goto(f"{elsewhere}/forgot-password")
        expect(visitor.heading("Forgot your password?")).to_be_visible()
        visitor.field("Email").fill(email)
        visitor.button("Send the link").click()
        says(visitor, SENT)
        pages.add(page_text(visitor, email))

    assert len(pages) == 1
    link = strict.mailbox.link(ada.email, "Choose a new password")
    assert link.startswith(strict.address("/reset-password?token="))
    assert strict.mailbox.subjects(unknown) == []
