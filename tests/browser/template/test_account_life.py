"""Account life, as people live it: links in emails, forgotten passwords, changes, and goodbye."""

import json
import re
import secrets
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator

from auth.errors import LinkRefused, LogInRefused
from auth.limits import LOG_IN_ACCOUNT
from auth.sessions import Client
from auth.users import User, find_by_email, read_email
from tests.browser.conftest import ONE_BRIDGE, NewContext, add_account
from tests.browser.visitor import LOG_IN, PASSWORD, Visitor, expect
from tests.mailbox import Mailbox
from tests.serving import Server, wait_until

NEW_PASSWORD = "kumquat lantern orbit seven"
SENT = "If there is an account with this email, we have sent it a link."
OUT = 8000  # milliseconds; the workshop's pages look every two seconds whether they are over


def fresh_email(name: str = "new") -> str:
    """Return an unused email."""
    return f"{name}-{secrets.token_hex(4)}@example.com"


@pytest.fixture
def mailbox(workshop: Server) -> Mailbox:
    """Return what the workshop's server has sent."""
    return workshop.mailbox


@pytest.fixture
def visitor(new_context: NewContext, workshop: Server) -> Visitor:
    """Return a visitor with a fresh browser, at the app whose pages check often."""
    return Visitor(new_context(), workshop)


@pytest.fixture
def elsewhere(new_context: NewContext, workshop: Server) -> Visitor:
    """Return a second browser."""
    return Visitor(new_context(), workshop)


@pytest.fixture
def ada(workshop: Server) -> User:
    """Return an account with an unconfirmed email."""
    with workshop.service() as service:
        return add_account(service, "Ada")


def says(visitor: Visitor, text: str) -> Locator:
    """Return what the page says, once it says it."""
    found = visitor.page.get_by_test_id("stMain").get_by_text(text)
    expect(found).to_be_visible()
    return found


def follow(visitor: Visitor, link: str) -> None:
    """Open an emailed link; once the page stands, the token is out of the address bar (RS-4)."""
    visitor.page.goto(link)
    expect(visitor.page).to_have_url(link.partition("?")[0])


def go(visitor: Visitor, *links: str) -> None:
    """Follow links on the pages by their names."""
    for name in links:
        visitor.page.get_by_role("link", name=name).click()


def ask_for_link(visitor: Visitor, email: str) -> None:
    """Say that the password of *email* is forgotten."""
    visitor.open("/forgot-password")
    expect(visitor.heading("Forgot your password?")).to_be_visible()
    visitor.field("Email").fill(email)
    visitor.button("Send the link").click()
    says(visitor, SENT)
    visitor.expect_settled()


def choose_password(visitor: Visitor, password: str = NEW_PASSWORD) -> None:
    """Type a new password on the page that an emailed link opened."""
    expect(visitor.heading("Choose a new password")).to_be_visible()
    visitor.field("New password").fill(password)
    visitor.button("Change my password").click()


def change_password(visitor: Visitor, current: str, new: str) -> None:
    """Fill in the form that changes the password."""
    expect(visitor.heading("Change your password")).to_be_visible()
    visitor.field("Current password").fill(current)
    visitor.field("New password").fill(new)
    visitor.button("Change my password").click()


def ask_for_email(visitor: Visitor, user: User, new: str) -> None:
    """Come as *user*, type the password again, and ask for another email."""
    visitor.arrive(user.email, path="/account")
    go(visitor, "Change your email")
    expect(visitor.button("Confirm")).to_be_visible()
    visitor.field("Password").fill(PASSWORD)
    visitor.button("Confirm").click()
    expect(visitor.field("New email")).to_be_visible()
    visitor.field("New email").fill(new)
    visitor.button("Send the link").click()
    says(visitor, "Open the link we have sent to your new email.")


def is_verified(server: Server, email: str) -> bool:
    """Tell whether the account of *email* has confirmed it."""
    with server.database() as database, database.read() as connection:
        row = find_by_email(connection, read_email(email))
        return row is not None and row.verified_at is not None


@ONE_BRIDGE
def test_the_link_of_the_first_email_confirms_it(
    visitor: Visitor, mailbox: Mailbox, workshop: Server
) -> None:
    """RS-4, CK-10: opening it changes nothing, the button does; its token stays nowhere."""
    email = fresh_email()
    visitor.sign_up(email, name="Ada")
    link = mailbox.link(email, "Confirm your email")
    [token] = parse_qs(urlsplit(link).query)["token"]

    follow(visitor, link)
    expect(visitor.button("Confirm my email")).to_be_visible()
    assert not is_verified(workshop, email)
    assert token not in visitor.page.content()
    assert token not in visitor.page.evaluate("JSON.stringify([localStorage, sessionStorage])")
    visitor.button("Confirm my email").click()

    says(visitor, "Thank you. Your email is confirmed.")
    expect(visitor.heading("Account")).to_be_visible()
    assert is_verified(workshop, email)
    assert token not in workshop.said()
    expect(visitor.button("Send the link again")).to_have_count(0)


@ONE_BRIDGE
def test_a_resent_link_is_the_one_that_works(
    visitor: Visitor, elsewhere: Visitor, mailbox: Mailbox
) -> None:
    """RS-3: a newer link voids the older, and links work in a signed-out browser."""
    email = fresh_email()
    visitor.sign_up(email)
    old = mailbox.link(email, "Confirm your email")
    visitor.open("/account")
    visitor.button("Send the link again").click()
    says(visitor, "We have sent you a link.")
    new = mailbox.link(email, "Confirm your email", number=2)

    follow(elsewhere, old)
    says(elsewhere, LinkRefused.message)
    follow(elsewhere, new)
    says(elsewhere, email)
    elsewhere.field("Password").fill(PASSWORD)
    elsewhere.button("Confirm my email").click()

    says(elsewhere, "Thank you. Your email is confirmed.")
    elsewhere.expect_signed_in(email)


@ONE_BRIDGE
def test_the_owner_of_an_email_chooses_the_password_of_its_new_account(
    visitor: Visitor, elsewhere: Visitor, mailbox: Mailbox
) -> None:
    """RS-5, SE-6: an attacker signed up with it, and waits, signed in, for the owner's click."""
    email = fresh_email()
    visitor.sign_up(email)

    follow(elsewhere, mailbox.link(email, "Confirm your email"))
    go(elsewhere, "Forgot it? Choose a new one")
    choose_password(elsewhere)

    says(elsewhere, "Your password has been changed. Log in with it.")
    expect(visitor.heading(LOG_IN)).to_be_visible(timeout=OUT)
    elsewhere.fill_log_in(email, NEW_PASSWORD)
    elsewhere.expect_signed_in(email)


@ONE_BRIDGE
def test_a_forgotten_password_is_replaced_by_email(
    visitor: Visitor, elsewhere: Visitor, mailbox: Mailbox, ada: User
) -> None:
    """EN-2, RS-2, RS-5: the same answer for any email; the link works once and doesn't log in."""
    unknown = fresh_email("nobody")
    elsewhere.arrive(ada.email)
    answers = set()
    for email in (unknown, ada.email):
        ask_for_link(visitor, email)
        expect(visitor.page.locator(".brand")).to_be_visible()
        text = visitor.page.get_by_test_id("stMain").text_content() or ""
        answers.add(text.replace(email, ""))  # what the visitor typed
    assert len(answers) == 1
    link = mailbox.link(ada.email, "Choose a new password")
    assert mailbox.subjects(unknown) == []  # emails leave in turn, and hers was asked for later

    follow(visitor, link)
    choose_password(visitor, "short")
    says(visitor, "Use at least 15 characters; this has 5.")
    choose_password(visitor)

    says(visitor, "Your password has been changed. Log in with it.")
    visitor.expect_form()
    assert visitor.cookie() is None
    expect(elsewhere.heading(LOG_IN)).to_be_visible(timeout=OUT)
    assert mailbox.mail(ada.email, "was changed")
    visitor.fill_log_in(ada.email, PASSWORD)
    says(visitor, LogInRefused.message)
    visitor.fill_log_in(ada.email, NEW_PASSWORD)
    visitor.expect_signed_in(ada.email)
    follow(elsewhere, link)
    says(elsewhere, LinkRefused.message)
    go(elsewhere, "Ask for a new link")
    expect(elsewhere.heading("Forgot your password?")).to_be_visible()


@ONE_BRIDGE
def test_a_name_is_shown_as_it_was_typed(visitor: Visitor, ada: User) -> None:
    """CK-9: a changed name is text, whatever it looks like to Markdown and to HTML."""
    name = "**Ada** :red[x] <img src=x onerror=alert(1)> [a](https://example.com) $x$"
    visitor.arrive(ada.email, path="/account")

    go(visitor, "Change your name")
    expect(visitor.field("Name")).to_have_value("Ada")
    visitor.field("Name").fill(name)
    visitor.button("Save").click()

    says(visitor, "Your name has been changed.")
    expect(visitor.page.get_by_test_id("stMain").get_by_text(name, exact=True)).to_be_visible()
    assert visitor.dialogs == []


def test_changing_the_password_logs_out_every_other_device(
    visitor: Visitor, elsewhere: Visitor, workshop: Server, mailbox: Mailbox, ada: User
) -> None:
    """AC-1, SE-6: the current one is needed; this session goes on, under a cookie of its own."""
    elsewhere.arrive(ada.email)
    visitor.arrive(ada.email, path="/change-password")
    copied = visitor.token()

    change_password(visitor, "not my password at all", NEW_PASSWORD)
    says(visitor, "This is not your password.")
    change_password(visitor, PASSWORD, NEW_PASSWORD)

    says(visitor, "Your password has been changed, and your other devices are logged out.")
    expect(elsewhere.heading(LOG_IN)).to_be_visible(timeout=OUT)
    says(elsewhere, "Your account has changed.")
    wait_until(lambda: visitor.token() != copied, "the new cookie")
    visitor.reload()
    visitor.expect_signed_in(ada.email)
    with workshop.service() as service:
        assert service.resume(copied) is None
    assert mailbox.mail(ada.email, "was changed")


@ONE_BRIDGE
def test_a_new_email_takes_effect_once_it_is_confirmed(
    visitor: Visitor, mailbox: Mailbox, ada: User
) -> None:
    """AC-2: the password again; until the new one is confirmed, the old one stays."""
    new = fresh_email("ada")
    ask_for_email(visitor, ada, new)
    link = mailbox.link(new, "Confirm your new email")
    assert mailbox.link(ada.email, "about to change")

    go(visitor, "Back to your account")
    says(visitor, "Waiting for your confirmation")
    says(visitor, new)
    visitor.expect_signed_in(ada.email)
    follow(visitor, link)
    visitor.expect_signed_in(ada.email)
    visitor.button("Confirm my email").click()

    says(visitor, "Thank you. Your email is confirmed.")
    visitor.expect_signed_in(new)
    expect(visitor.page.get_by_text("Waiting for your confirmation")).to_have_count(0)


@ONE_BRIDGE
def test_the_old_email_can_object(
    visitor: Visitor, elsewhere: Visitor, mailbox: Mailbox, ada: User
) -> None:
    """AC-2, AC-3: also after the change; all are out, and the old email gets the way back."""
    new = fresh_email("mallory")
    ask_for_email(visitor, ada, new)
    follow(visitor, mailbox.link(new, "Confirm your new email"))
    visitor.button("Confirm my email").click()
    visitor.expect_signed_in(new)

    follow(elsewhere, mailbox.link(ada.email, "about to change"))
    elsewhere.button("Keep my old email").click()
    says(elsewhere, "Your account keeps its old email.")
    elsewhere.expect_form()

    expect(visitor.button("Log out")).to_have_count(0, timeout=OUT)
    follow(elsewhere, mailbox.link(ada.email, "Choose a new password"))
    choose_password(elsewhere)
    says(elsewhere, "Your password has been changed. Log in with it.")
    elsewhere.fill_log_in(ada.email, NEW_PASSWORD)
    elsewhere.expect_signed_in(ada.email)


@ONE_BRIDGE
def test_a_deleted_account_is_gone(visitor: Visitor, mailbox: Mailbox, ada: User) -> None:
    """AC-6: the password again; then no cookie is left, and the email is free again."""
    visitor.arrive(ada.email, path="/account")
    go(visitor, "Delete your account")
    for password, answer in (
        ("not my password at all", "This is not your password."),
        (PASSWORD, "Your account has been deleted."),
    ):
        expect(visitor.button("Delete my account")).to_be_visible()
        visitor.field("Password").fill(password)
        visitor.button("Delete my account").click()
        says(visitor, answer)

    visitor.expect_form()
    visitor.wait_for_no_cookie()
    assert mailbox.mail(ada.email, "was deleted")
    visitor.fill_log_in(ada.email, PASSWORD)
    says(visitor, LogInRefused.message)
    visitor.sign_up(ada.email, name="Somebody else")


@ONE_BRIDGE
def test_my_data_can_be_taken_along(visitor: Visitor, ada: User) -> None:
    """LG-2: a file that programs read, with all that is personal and nothing secret."""
    visitor.arrive(ada.email, path="/account")

    with visitor.page.expect_download() as download:
        visitor.button("Download my data").click()

    assert download.value.suggested_filename == "my-data.json"
    text = Path(download.value.path()).read_text("utf-8")
    data = json.loads(text)
    assert data["account"]["email"] == ada.email
    assert data["account"]["name"] == "Ada"
    assert len(data["sessions"]) == 1
    assert data["activity"]
    assert not re.search(r"\$2[aby]\$|hash|token|secret|eyJ", text)
    assert visitor.token() not in text
    assert visitor.runs == 1  # taking it along is no run


@ONE_BRIDGE
def test_too_many_wrong_passwords_are_told_in_words(
    visitor: Visitor, workshop: Server, ada: User
) -> None:
    """TH-1, TH-5, TH-6, EN-1: how long to wait, the same for an unknown email."""
    emails = (ada.email, fresh_email("nobody"))
    with workshop.service() as service:
        for email in emails * LOG_IN_ACCOUNT.free:
            with pytest.raises(LogInRefused):
                service.log_in(email, "not the password at all", Client())
    visitor.open("/log-in")

    for email in emails:
        visitor.fill_log_in(email, PASSWORD)  # right or not
        sentence = says(visitor, "Too many attempts.").inner_text()
        assert re.fullmatch(r".*attempts\. Try again in \d+ seconds\.", sentence)
        visitor.reload()

    assert visitor.cookie() is None
