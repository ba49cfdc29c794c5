"""The forms: what they say about what was typed, and how they treat people and their managers."""

import secrets

from playwright.sync_api import Locator

from auth.administration import disable
from auth.errors import EmailTaken, LogInRefused
from auth.service import AuthService
from auth.users import User
from tests.browser.conftest import ONE_BRIDGE
from tests.browser.visitor import PASSWORD, SIGN_UP, Visitor, expect

pytestmark = ONE_BRIDGE


def fresh_email() -> str:
    """Return an unused email."""
    return f"new-{secrets.token_hex(4)}@example.com"


def top(thing: Locator) -> float:
    """Return how far down the page a thing begins."""
    box = thing.bounding_box()
    assert box
    return box["y"]


def test_every_broken_rule_stands_beside_its_field(visitor: Visitor) -> None:
    """All faults at once, each below its own field and above the next, with a hint."""
    visitor.open("/sign-up")

    visitor.fill_sign_up("A" * 101, "nobody", "password1")

    def said(text: str) -> Locator:
        found = visitor.page.get_by_text(text)
        expect(found).to_be_visible()
        return found

    name = said("Use a name of at most 100 characters.")
    email = said("Enter a whole email address")
    length = said("Use at least 15 characters; this has 9.")
    common = said("This is one of the passwords people try first.")
    assert top(visitor.field("Name")) < top(name) < top(visitor.field("Email"))
    assert top(visitor.field("Email")) < top(email) < top(visitor.field("Password"))
    assert top(visitor.field("Password")) < top(length) < top(common)
    assert top(common) < top(visitor.button("Sign up"))


def test_a_taken_email_gets_a_clear_answer(visitor: Visitor, ada: User) -> None:
    """DB-1: the second sign-up with an email is told so, whatever its case."""
    visitor.open("/sign-up")

    visitor.fill_sign_up("", ada.email.upper(), PASSWORD)

    expect(visitor.page.get_by_role("alert")).to_have_text(EmailTaken.message)
    assert visitor.cookie() is None


def test_wrong_unknown_and_disabled_get_one_and_the_same_answer(
    visitor: Visitor, service: AuthService, ada: User, grace: User
) -> None:
    """EN-1, AU-1: no attacker learns from the form who has an account."""
    disable(service, grace.id)
    visitor.open("/log-in")
    answers = set()

    for email, password in [
        (ada.email, "not the password at all"),
        (fresh_email(), PASSWORD),
        (grace.email, PASSWORD),
    ]:
        visitor.fill_log_in(email, password)
        expect(visitor.page.get_by_role("alert")).to_have_text(LogInRefused.message)
        visitor.expect_settled()
        answers.add(visitor.page.get_by_role("alert").inner_html().encode())

    assert len(answers) == 1
    assert visitor.cookie() is None


def test_enter_submits_the_form(visitor: Visitor, ada: User) -> None:
    """The keyboard alone is enough to log in."""
    visitor.open("/log-in")
    visitor.expect_form()
    visitor.field("Email").fill(ada.email)
    visitor.field("Password").fill(PASSWORD)

    visitor.field("Password").press("Enter")

    visitor.expect_signed_in(ada.email)
    visitor.wait_for_cookie()


def test_password_managers_know_the_fields(visitor: Visitor) -> None:
    """PW-8: masked, marked for managers, shown on request, not limited, and in one form."""
    email, password = visitor.field("Email"), visitor.field("Password")

    for path, autocomplete in (("/log-in", "current-password"), ("/sign-up", "new-password")):
        visitor.open(path)

        expect(password).to_have_attribute("type", "password")
        expect(password).to_have_attribute("autocomplete", autocomplete)
        expect(email).to_have_attribute("type", "email")
        expect(email).to_have_attribute("autocomplete", "username")
        assert password.get_attribute("maxlength") is None
        assert email.get_attribute("maxlength") is None
        form = visitor.page.get_by_test_id("stForm")
        expect(form.locator("input[type=password]")).to_have_count(1)
        visitor.page.get_by_role("button", name="Show password").click()
        expect(password).to_have_attribute("type", "text")


def test_a_long_password_can_be_pasted_and_is_never_cut(visitor: Visitor) -> None:
    """PW-2, PW-8: what is pasted arrives whole; what is too long is refused, not shortened."""
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.open("/sign-up")
    expect(visitor.heading(SIGN_UP)).to_be_visible()
    visitor.field("Email").fill(fresh_email())
    visitor.page.evaluate("text => navigator.clipboard.writeText(text)", "violet Harbour 41 " * 20)

    visitor.field("Password").press("ControlOrMeta+v")

    expect(visitor.field("Password")).to_have_value("violet Harbour 41 " * 20)
    visitor.button("Sign up").click()
    expect(visitor.page.get_by_text("Use at most 256 characters.")).to_be_visible()
