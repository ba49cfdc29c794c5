"""The pages of account life without a browser: each error in its place, each outcome in words."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from auth.administration import grant
from auth.email_tokens import Purpose, issue_link
from auth.errors import LinkRefused, TooMany, WrongPassword
from auth.limits import LOG_IN_ACCOUNT
from auth.log import BoundedLog
from auth.roles import Role
from auth.service import AuthService
from auth.sessions import Client
from auth.users import Login, User, find_by_id
from features.email_verification.rules import look_at_confirmation
from tests.app.conftest import PASSWORD, Open, page_path
from tests.app.test_flows import send
from web import start
from web.words import NO_LINK

THANKS = "Thank you. Your email is confirmed."

NEW_PASSWORD = "kumquat lantern orbit seven"
OUTBOX = "Outbox: this email is a file in data/outbox/"


def fill(app: AppTest, **fields: str) -> AppTest:
    """Type into the fields, by their labels, and press the form's button."""
    for field in app.text_input:
        if (name := field.label.lower().replace(" ", "_")) in fields:
            field.set_value(fields.pop(name))
    assert not fields, f"no such field: {fields}"
    return app.main.button[0].click().run()


def said(app: AppTest) -> str:
    """Return all text of the page's main part, in order."""
    assert not app.exception
    return "\n".join(str(getattr(element, "value", "")) for element in app.main)


def visit(open_app: Open, name: str, token: str | None = None) -> AppTest:
    """Open the page views/*name*.py."""
    return open_app(token).run().switch_page(page_path(name)).run()


def test_the_password_page_tells_each_fault_in_its_place(open_app: Open, token: str) -> None:
    """AC-1, PW-5: a weak new password below the new one, a wrong current one below that."""
    app = visit(open_app, "change_password", token)

    weak = said(fill(app, current_password=PASSWORD, new_password="short"))
    wrong = said(fill(app, current_password="not mine at all", new_password=NEW_PASSWORD))

    assert "Use at least 15 characters; this has 5." in weak
    assert WrongPassword.message in wrong


def test_a_name_that_cannot_be_used_is_reported(open_app: Open, token: str, ada: User) -> None:
    """The form begins with the current name, and says what is wrong with another."""
    app = visit(open_app, "change_name", token)
    assert app.text_input[0].value == ada.name

    assert "Use a name of at most 100 characters." in said(fill(app, name="A" * 101))


def test_the_email_page_asks_for_the_password_first(open_app: Open, old_token: str) -> None:
    """AC-2: no form for a new email before the password was typed again."""
    app = visit(open_app, "change_email", old_token)
    assert [field.label for field in app.text_input] == ["Password"]

    fill(app, password=PASSWORD)

    assert [field.label for field in app.text_input] == ["New email"]
    assert "Enter a whole email address" in said(fill(app, new_email="nobody"))
    assert "That's already your email." in said(fill(app, new_email="ada@example.com"))


@pytest.mark.parametrize("page", ["reset_password", "verify_email"])
@pytest.mark.parametrize("link", ["made-up", "x" * 10_000])
def test_a_link_that_is_none_of_ours_is_refused_kindly(
    open_app: Open, link: str, page: str
) -> None:
    """RS-1: no form to fill in in vain, and no error page."""
    app = open_app().run()
    app.switch_page(page_path(page)).query_params["token"] = link

    app.run()

    assert LinkRefused.message in said(app)
    assert not app.text_input


@pytest.fixture
def link(service: AuthService, ada: User) -> str:
    """Return the token of the link that confirms Ada's email."""
    assert service._mail_queue
    assert service._mail_queue.finish()  # the link that signing up sends is older than this one
    with service.database.write() as connection:
        row = find_by_id(connection, ada.id)
        assert row is not None
        return issue_link(connection, row, Purpose.VERIFY, row.email, row.email_key, service.now())


def open_link(open_app: Open, page: str, link: str, token: str | None = None) -> AppTest:
    """Open a link from an email."""
    app = open_app(token).run().switch_page(page_path(page))
    app.query_params["token"] = link
    app.run()
    assert "token" not in app.query_params
    return app


def test_confirming_takes_the_password_and_logs_in(
    open_app: Open, service: AuthService, ada: User, link: str
) -> None:
    """RS-1, RS-4: the page names the email; neither opening the link nor a click is enough."""
    app = open_link(open_app, "verify_email", link)
    assert ada.email in said(app)
    assert [field.label for field in app.text_input] == ["Password"]
    assert app.text_input[0].proto.autocomplete == "current-password"

    assert WrongPassword.message in said(fill(app, password="not mine at all"))
    assert look_at_confirmation(service, link)
    thanks = said(fill(app, password=PASSWORD))

    assert THANKS in thanks
    assert look_at_confirmation(service, link) is None
    assert app.session_state["logged_in"]
    assert app.session_state["user"].verified_at
    assert [title.value for title in app.title] == ["Home"]


def test_an_event_of_the_page_before_takes_no_notice_away(
    open_app: Open, service: AuthService, link: str
) -> None:
    """GD-10: the cookie's answer may arrive under the page that a form has just led away from."""
    app = open_link(open_app, "verify_email", link)
    before = app._page_hash
    fill(app, password=PASSWORD)
    assert THANKS in said(app)
    here = app._page_hash

    app._page_hash = before
    app.run()

    assert [title.value for title in app.title] == ["Home"]
    assert THANKS in said(app)
    app._page_hash = here
    assert THANKS not in said(app.switch_page(page_path("account")).run())


def test_confirming_is_one_click_where_the_account_is_signed_in(
    open_app: Open, service: AuthService, link: str, token: str
) -> None:
    """RS-4: this session began with the password."""
    app = open_link(open_app, "verify_email", link, token)
    assert not app.text_input

    app.main.button[0].click().run()

    assert look_at_confirmation(service, link) is None
    assert THANKS in said(app)


def test_a_new_account_s_password_can_be_chosen_by_the_link_that_confirms_it(
    open_app: Open, service: AuthService, ada: User, link: str, token: str
) -> None:
    """RS-5: an attacker may have signed up; their password and session end."""
    app = open_link(open_app, "verify_email", link)
    app.switch_page("features/password_reset/reset_password.py").run()
    said(fill(app, new_password=NEW_PASSWORD))

    assert service.resume(token) is None
    assert service.log_in(ada.email, NEW_PASSWORD, Client()).user.verified_at


def test_opening_a_link_uses_nothing_up(open_app: Open) -> None:
    """RS-4: the page shows a button; without a good link there is none."""
    app = open_app().run().switch_page("features/email_change/keep_email.py").run()
    assert NO_LINK in said(app)
    assert not app.main.button

    app.query_params["token"] = "made-up"
    app.run()

    assert "token" not in app.query_params
    assert LinkRefused.message in said(app)
    assert not app.main.button


def test_a_server_that_stops_sends_what_is_due_first(
    service: AuthService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CF-5: Uvicorn ends its process by a signal, so exit handlers would not run."""
    closed: list[int] = []
    monkeypatch.setattr(service, "close", lambda: closed.append(1))

    async def serve() -> None:
        async with start.lifespan(None):
            assert closed == []

    asyncio.run(serve())

    assert closed == [1]


def test_an_app_without_an_admin_says_at_its_start_how_to_make_one(
    ada: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """MI-3: until there is one."""

    def lines_of_a_start() -> str:
        ended = start.service()
        ended.close()  # or its emails would still be sent from the database
        ended.database.close()
        start._start.cache_clear()
        monkeypatch.setattr(start, "log", BoundedLog("a new process"))
        caplog.clear()
        start.service()
        return caplog.text

    assert "python3 dev.py auth create EMAIL --role admin" in lines_of_a_start()
    grant(start.service(), ada.id, Role.ADMIN)
    assert "admin" not in lines_of_a_start()


def test_a_new_user_is_told_of_the_email(open_app: Open) -> None:
    """On the first page after signing up, which may not be the account's."""
    app = open_app().run().switch_page("views/sign_up.py").run()

    send(app, email="grace@example.com", password=PASSWORD)

    assert [each.value for each in app.success] == [
        "We have sent you a link. Open it to confirm your email."
    ]


def test_a_new_account_that_must_wait_for_its_log_in_is_ready_all_the_same(
    open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GD-10: its form has worked, and the log-in page says how to continue."""

    def wait(*_: object) -> Login:
        raise TooMany(timedelta(minutes=1))

    monkeypatch.setattr("auth.log_in.log_in_owner", wait)
    app = open_app().run().switch_page("views/sign_up.py").run()

    send(app, email="grace@example.com", password=PASSWORD)

    assert app.title[0].value.startswith("Log in")
    assert "Your account is ready. Log in to continue." in said(app)


def test_a_wait_is_told_in_words(open_app: Open, service: AuthService, ada: User) -> None:
    """TH-1: how long, on the page with the form."""
    for _ in range(LOG_IN_ACCOUNT.free):
        with pytest.raises(Exception, match="do not match"):
            service.log_in(ada.email, "not the password at all", Client())

    app = fill(visit(open_app, "log_in"), email=ada.email, password=PASSWORD)

    assert "Too many attempts. Try again in " in said(app)
    assert "seconds." in said(app)


def test_recent_activity_is_told_in_words(
    open_app: Open, service: AuthService, ada: User, token: str
) -> None:
    """LG-1: what happened, and when, shown to the account's owner."""
    with pytest.raises(Exception, match="do not match"):
        service.log_in(ada.email, "not the password at all", Client())

    words = said(visit(open_app, "account", token))

    assert "Your account was created" in words
    assert "You logged in" in words
    assert "Someone tried a wrong password" in words
    assert "Log-ins in the last 30 days: 1" in words
    assert "authn_" not in words


@pytest.mark.parametrize("smtp", ["", "smtp://127.0.0.1:9"])
def test_only_a_developer_without_a_mail_server_reads_of_the_outbox(
    open_app: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, smtp: str
) -> None:
    """The email is a file then, and the page says where."""
    monkeypatch.setenv("SMTP_URL", smtp)
    start._start.cache_clear()

    app = fill(visit(open_app, "forgot_password"), email="unknown@example.com")

    assert (OUTBOX in said(app)) == (not smtp)
    assert list((tmp_path / "outbox").glob("*")) == []  # there is no such account


@pytest.mark.parametrize(
    ("page", "fields"),
    [
        ("change_name", {"Name": "name"}),
        ("change_email", {"Password": "current-password"}),
        (
            "change_password",
            {"Current password": "current-password", "New password": "new-password"},
        ),
        ("delete_account", {"Password": "current-password"}),
    ],
)
def test_password_managers_know_the_fields_of_the_account(
    open_app: Open, old_token: str, page: str, fields: dict[str, str]
) -> None:
    """PW-8: in this order, marked for managers, and a password is never cut."""
    app = visit(open_app, page, old_token)

    assert {it.label: it.proto.autocomplete for it in app.text_input} == fields
    assert [it.label for it in app.text_input] == list(fields)
    assert not any(it.proto.max_chars for it in app.text_input)
