"""A form's run stopped at any point: the next run ends as if nothing had stopped it."""

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.scriptrunner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.exceptions import StopException
from streamlit.testing.v1 import AppTest

from auth.client import Client
from auth.email_tokens import Purpose, issue_link
from auth.errors import AuthError
from auth.service import AuthService
from auth.users import find_by_email, read_email
from db.models import AuditEvent, User
from db.models import Session as SessionRow
from features.passkeys.tables import Passkey
from tests.app import test_flows
from tests.app.conftest import PASSWORD, Open
from tests.app.template.test_account_life import visit
from web import connection, form, navigation, second_step
from web.tab import Go, Say, notice

NEW = "kumquat lantern orbit seven"
PATIENCE = 10  # seconds
# At which of the script's calls after the verb the run is stopped, and whether by another click.
# Every form goes through the same code, so each is stopped at three of these, and all meet all.
STOPS = [
    (0, True),
    (0, False),
    (1, True),
    (2, False),
    (4, True),
    (8, False),
    (16, True),
    (32, False),
]


@dataclass
class Interruption:
    """Stops the script at its *point*-th call after a form has run its verb; None lets it run.

    With *early* it is the call before any verb.
    """

    point: int | None = None
    early: bool = False
    verbs: int = 0  # the number of verbs run
    calls: int = field(default=0, repr=False)

    def look(self) -> None:
        """Count a call of the script, and stop the run at the chosen one."""
        if bool(self.verbs) is self.early or self.point is None:
            return
        self.calls += 1
        if self.calls > self.point:
            self.point = None
            raise StopException


@pytest.fixture
def interruption(monkeypatch: pytest.MonkeyPatch) -> Interruption:
    """Return an interruption that stops the next run at a call, as the tab's next event does."""
    interruption = Interruption()
    look, run = ScriptRunner._maybe_handle_execution_control_request, form._run

    def look_and_stop(runner: ScriptRunner) -> None:
        look(runner)
        if runner._is_in_script_thread() and runner._execing:
            interruption.look()

    def run_and_count(verb: Callable[[], Any]) -> Any:
        interruption.verbs += 1
        return run(verb)

    monkeypatch.setattr(ScriptRunner, "_maybe_handle_execution_control_request", look_and_stop)
    monkeypatch.setattr(form, "_run", run_and_count)
    return interruption


@dataclass(frozen=True)
class Account:
    """An account with a user about to send a form."""

    email: str
    token: str | None  # of a session, where the form is for a signed-in user
    fields: dict[str, str] = field(default_factory=dict)
    link: str = ""  # the token of the email that led to the form


Prepare = Callable[[AuthService, str], Account]


def stranger(**fields: str) -> Prepare:
    """Return how to prepare a form for a signed-out visitor."""

    def prepare(service: AuthService, email: str) -> Account:
        if "name" not in fields:
            service.sign_up(email, PASSWORD, "Ada")
        typed = {"email": email, **fields}
        return Account(email, None, fields=typed)

    return prepare


def signed_in(others: int = 0, *, long_ago: bool = False, **fields: str) -> Prepare:
    """Return how to prepare a form for a user with *others* more sessions, all from *long_ago*."""

    def prepare(service: AuthService, email: str) -> Account:
        service.sign_up(email, PASSWORD, "Ada")
        tokens = [
            service.log_in(email, PASSWORD, Client(user_agent=f"Browser/{each}")).token
            for each in range(others + 1)
        ]
        if long_ago:
            with service.database.write() as connection:
                connection.execute(update(SessionRow).values(confirmed_at=None))
        return Account(email, tokens[0], fields=fields)

    return prepare


def by_link(purpose: Purpose, prepare: Prepare) -> Prepare:
    """Return how to prepare a form that an emailed link opens."""

    def prepared(service: AuthService, email: str) -> Account:
        account = prepare(service, email)
        assert service._mail_queue
        assert service._mail_queue.finish()  # the link of the sign-up is older than this one
        with service.database.write() as connection:
            user = find_by_email(connection, read_email(email))
            assert user is not None
            now = service.now()
            link = issue_link(connection, user, purpose, user.email, user.email_key, now)
        return replace(account, link=link)

    return prepared


def with_passkey(prepare: Prepare) -> Prepare:
    """Return how to prepare a form for a user who has a passkey."""

    def prepared(service: AuthService, email: str) -> Account:
        account = prepare(service, email)
        with service.database.write() as connection:
            user = find_by_email(connection, read_email(email))
            assert user is not None
            connection.execute(
                insert(Passkey).values(
                    id=secrets.token_hex(),
                    user_id=user.id,
                    host="localhost",
                    public_key="",
                    sign_count=0,
                    synced=False,
                    transports="",
                    name="A phone",
                    created_at=service.now(),
                )
            )
        return account

    return prepared


FORMS: dict[str, tuple[str, str, Prepare]] = {
    "log in": ("log_in", "Log in", stranger(password=PASSWORD)),
    "log in with a wrong password": ("log_in", "Log in", stranger(password=NEW)),
    "sign up": ("sign_up", "Sign up", stranger(password=PASSWORD, name="Ada")),
    "sign up with a weak password": ("sign_up", "Sign up", stranger(password="x", name="Ada")),
    "forgot password": ("forgot_password", "Send the link", stranger()),
    "change name": ("change_name", "Save", signed_in(name="Grace")),
    "confirm the password": (
        "change_email",
        "Confirm",
        signed_in(long_ago=True, password=PASSWORD),
    ),
    "change password": (
        "change_password",
        "Change my password",
        signed_in(current_password=PASSWORD, new_password=NEW),
    ),
    "change password from a wrong one": (
        "change_password",
        "Change my password",
        signed_in(current_password=NEW, new_password=NEW),
    ),
    "confirm an email": (
        "verify_email",
        "Confirm my email",
        by_link(Purpose.VERIFY, stranger(password=PASSWORD)),
    ),
    "confirm an email with a wrong password": (
        "verify_email",
        "Confirm my email",
        by_link(Purpose.VERIFY, stranger(password=NEW)),
    ),
    "confirm an email while signed in": (
        "verify_email",
        "Confirm my email",
        by_link(Purpose.VERIFY, signed_in()),
    ),
    "reset the password": (
        "reset_password",
        "Change my password",
        by_link(Purpose.RESET, stranger(new_password=NEW)),
    ),
    "keep the old email": ("keep_email", "Keep my old email", by_link(Purpose.KEEP, stranger())),
    "delete account": ("delete_account", "Delete my account", signed_in(password=PASSWORD)),
    "send the link again": ("account", "Send the link again", signed_in()),
    "rename a passkey": ("passkeys", "Save", with_passkey(signed_in(name="My laptop"))),
    "end a session": ("devices", "End session", signed_in(others=3)),
    "end all other sessions": ("devices", "End all other sessions", signed_in(others=3)),
    "log out": ("account", "Log out", signed_in()),
}


def send(
    app: AppTest,
    account: Account,
    button: str,
    interruption: Interruption,
    clicks: tuple[bool, ...],
) -> None:
    """Fill in the form of *app*, then deliver events of its tab: clicks, or any others."""
    for each in app.text_input:
        name = each.label.lower().replace(" ", "_")
        if name in account.fields:
            each.set_value(account.fields[name])
    next(each for each in app.button if each.label == button).click()
    clicked, resting = WidgetStates(), WidgetStates()  # what was typed was sent with the click
    for widget in app._tree.get_widget_states().widgets:
        is_button = widget.WhichOneof("value") == "trigger_value"
        resting.widgets.extend([] if is_button else [widget])
        clicked.widgets.extend([] if is_button and not widget.trigger_value else [widget])
    here = app._page_hash or app._finished_page_script_hash
    interruption.verbs = interruption.calls = 0
    for click in clicks:
        app._page_hash = here  # a late click comes from the page that it was made on
        app._run(clicked if click else resting)
        if interruption.point is not None:  # the run was over before it
            return


def known(service: AuthService) -> Counter[str]:
    """Return the database's counts of users, open sessions, and each kind of event."""
    assert service._mail_queue
    service._mail_queue.finish()
    with service.database.read() as connection:
        events = connection.execute(
            select(AuditEvent.event, func.count()).group_by(AuditEvent.event)
        )
        counts = Counter({event: int(count) for event, count in events})
        counts["users"] = connection.scalar(select(func.count()).select_from(User)) or 0
        counts["open sessions"] = (
            connection.scalar(
                select(func.count()).select_from(SessionRow).where(SessionRow.ended_at.is_(None))
            )
            or 0
        )
    return counts


def shown(app: AppTest) -> list[str]:
    """Return the final page's title and messages."""
    assert not app.exception
    answers = (*app.title, *app.success, *app.info, *app.error, *app.markdown, *app.text_input)
    return [str(getattr(each, "label", None) or each.value) for each in answers]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name not in ("log in", "sign up") else [])
        for name in FORMS
    ],
)
def test_a_run_that_is_stopped_at_any_call_ends_as_one_that_is_not(
    open_app: Open, service: AuthService, interruption: Interruption, name: str
) -> None:
    """GD-10: the next run completes what the first had not shown or done; the verb ran once."""
    page, button, prepare = FORMS[name]

    def end(point: int | None, *clicks: bool) -> tuple[list[str], Counter[str], int]:
        account = prepare(service, f"ada-{secrets.token_hex(4)}@example.com")
        app = visit(open_app, page, account.token)
        if account.link:
            app.query_params["token"] = account.link
            app.run()
        before = known(service)
        interruption.point = point
        send(app, account, button, interruption, clicks)
        after = known(service)
        after.subtract(before)
        return shown(app), +after, interruption.verbs

    expected = end(None, True)

    first = list(FORMS).index(name)
    for point, again in sorted(STOPS[(first + step) % len(STOPS)] for step in (0, 3, 5)):
        ended = end(point, True, again)
        if interruption.point is not None:
            break
        assert ended == expected, f"stopped at call {point}"
    assert expected[-1] == 1


@pytest.mark.parametrize("name", ["log in", "change name", "end all other sessions", "log out"])
def test_a_click_is_not_lost_with_the_run_that_it_started(
    open_app: Open, service: AuthService, interruption: Interruption, name: str
) -> None:
    """GD-10: a cookie's answer may stop the run before its verb; the next one calls it."""
    page, button, prepare = FORMS[name]
    for point in (1, 4, 12):  # the call before these starts the run
        account = prepare(service, f"ada-{secrets.token_hex(4)}@example.com")
        app = visit(open_app, page, account.token)
        interruption.point, interruption.early = point, True

        send(app, account, button, interruption, (True, False))

        assert interruption.point is None, "the run was over before it"
        assert interruption.verbs == 1


def test_a_notice_waits_for_the_page_that_the_form_leads_to(
    open_app: Open,
    service: AuthService,
    interruption: Interruption,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """GD-10: a late click runs the form's page, which is stopped after it has begun to show it."""
    page, button, prepare = FORMS["confirm an email while signed in"]
    account = prepare(service, "ada@example.com")
    app = visit(open_app, page, account.token)
    app.query_params["token"] = account.link
    app.run()
    next(each for each in app.button if each.label == button).click()
    clicked, here = app._tree.get_widget_states(), app._page_hash
    interruption.point = 1
    app._run(clicked)

    def show_and_stop() -> str | None:
        said = notice()
        interruption.point = interruption.calls = 0
        return said

    app._page_hash = here
    with monkeypatch.context() as patch:
        patch.setattr(navigation, "notice", show_and_stop)
        app._run(clicked)
    app.switch_page("features/account/account.py").run()

    assert interruption.verbs == 1
    assert "Thank you. Your email is confirmed." in shown(app)


def led_on(open_app: Open, service: AuthService) -> tuple[AppTest, WidgetStates, str]:
    """Return a tab whose form has led to the account, with the form's click and page."""
    page, button, prepare = FORMS["change name"]
    app = visit(open_app, page, prepare(service, "ada@example.com").token)
    app.text_input[0].set_value("Countess")
    next(each for each in app.button if each.label == button).click()
    clicked, here = app._tree.get_widget_states(), app._page_hash or app._finished_page_script_hash
    app._run(clicked)
    assert app.title[0].value == "Account"
    return app, clicked, here


def test_a_late_click_that_is_stopped_on_its_way_still_leads_where_the_form_leads(
    open_app: Open, service: AuthService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GD-10: the page that it leads to was shown already, and then a cookie's answer came."""
    app, clicked, here = led_on(open_app, service)

    def stop(page: str) -> None:
        raise StopException

    with monkeypatch.context() as patch:
        patch.setattr(form, "go", stop)
        app._page_hash = here
        app._run(clicked)
    app._page_hash = here
    app._run(WidgetStates())

    assert app.title[0].value == "Account"


def test_a_late_click_with_fields_that_the_browser_has_emptied_is_no_new_attempt(
    open_app: Open, service: AuthService, interruption: Interruption
) -> None:
    """GD-10: it empties those of a page that it leaves, and the page is drawn once more."""
    page, button, prepare = FORMS["reset the password"]
    account = prepare(service, "ada@example.com")
    app = visit(open_app, page, None)
    app.query_params["token"] = account.link
    app.run()
    app.text_input[0].set_value(NEW)
    next(each for each in app.button if each.label == button).click()
    clicked, here = app._tree.get_widget_states(), app._page_hash or app._finished_page_script_hash
    app._run(clicked)

    for widget in clicked.widgets:
        if widget.HasField("string_value"):
            widget.string_value = ""
    app._page_hash = here
    app._run(clicked)

    assert "Your password has been changed. Log in with it." in shown(app)
    assert interruption.verbs == 1


@pytest.mark.parametrize(
    ("browser_at", "title"), [("change-name", "Account"), ("account", "Change your name")]
)
def test_a_cookies_answer_from_a_page_that_a_form_has_left_leads_on_like_the_form(
    open_app: Open,
    service: AuthService,
    monkeypatch: pytest.MonkeyPatch,
    browser_at: str,
    title: str,
) -> None:
    """GD-10: the browser had not heard of the next page; one that is there may come back."""
    app, clicked, here = led_on(open_app, service)

    monkeypatch.setattr(connection, "requested_path", lambda: browser_at)
    typed = [each for each in clicked.widgets if not each.HasField("trigger_value")]
    answered = WidgetStates(widgets=typed)
    app._page_hash = here
    app._run(answered)

    assert app.title[0].value == title


def test_a_late_click_on_the_journals_emptied_form_says_nothing_new(
    open_app: Open, service: AuthService
) -> None:
    """GD-10: an empty entry is refused at any other time, each time that it is sent."""
    account = signed_in()(service, "ada@example.com")
    app = visit(open_app, "account", account.token).switch_page("views/home.py").run()

    def add(text: str) -> list[str]:
        app.text_input[0].set_value(text)
        next(each for each in app.button if each.label == "Add").click().run()
        return shown(app)

    refused = [add(""), add("")]
    saved = [add("Drew a bridge"), add("")]

    assert all(any("Enter what you did." in said for said in each) for each in refused)
    assert all("Saved." in each for each in saved)
    assert not any("Enter what you did." in said for each in saved for said in each)


@pytest.mark.parametrize(("slow", "pause", "failures"), [(600.0, 0.0, 1), (0.0, 3.0, 2)])
def test_a_click_made_during_a_slow_run_is_no_second_one_and_one_after_a_pause_is(
    open_app: Open,
    service: AuthService,
    monkeypatch: pytest.MonkeyPatch,
    *,
    slow: float,
    pause: float,
    failures: int,
) -> None:
    """GD-10: the page was *slow* to come back, or had stood there for a *pause*, in seconds."""
    service.sign_up("ada@example.com", PASSWORD, "Ada")
    clock, refuse = [1.0], form.Form._refuse

    def refuse_slowly(refused: form.Form, refusal: AuthError) -> None:
        refuse(refused, refusal)
        clock[0] += slow

    monkeypatch.setattr(form.Form, "_refuse", refuse_slowly)
    monkeypatch.setattr("web.tab.monotonic", lambda: clock[0])
    app = visit(open_app, "log_in")
    for each, text in zip(app.text_input, ("ada@example.com", NEW), strict=True):
        each.set_value(text)
    next(each for each in app.button if each.label == "Log in").click()
    clicked = app._tree.get_widget_states()
    app._run(clicked)
    clock[0] += pause
    app._run(clicked)

    with service.database.read() as database:
        assert database.scalar(select(User.failures)) == failures


def test_logging_in_and_out_again_at_once_is_no_second_click(
    open_app: Open, service: AuthService
) -> None:
    """GD-10: the same values sent before the tab's user changed belong to another form."""
    service.sign_up("ada@example.com", PASSWORD, "Ada")
    typed = {"email": "ada@example.com", "password": PASSWORD}
    account = Account("ada@example.com", None, fields=typed)
    app = visit(open_app, "log_in", None)

    states = []
    for button in ("Log in", "Log out") * 2:
        send(app, account, button, Interruption(), (True,))
        states.append(app.session_state["logged_in"])

    assert states == [True, False, True, False]


def test_others_may_run_while_a_form_waits_for_its_verb(
    open_app: Open, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AV-1: bcrypt may have a queue, in which a signed-out page must not keep its slot."""
    others_may_run, seen = Event(), []
    monkeypatch.setattr(connection, "let_others_run", others_may_run.set)
    log_in = second_step.log_in

    def late(email: str, password: str, remember: bool) -> Go:
        seen.append(others_may_run.wait(PATIENCE))
        return log_in(email, password, remember)

    monkeypatch.setattr(second_step, "log_in", late)
    page = open_app().run().switch_page("views/log_in.py").run()
    others_may_run.clear()  # the run that drew the form has ended

    test_flows.send(page, email=ada.email, password=PASSWORD)

    assert seen == [True]


def test_a_verb_that_is_done_at_once_lets_nobody_run_in_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """AV-1: ten networks that asked for reset links ran as many pages at once."""
    ended: list[bool] = []
    monkeypatch.setattr(connection, "let_others_run", lambda: ended.append(True))
    monkeypatch.setattr(form, "AT_ONCE", PATIENCE)

    assert form._run(lambda: Say("Saved.")) == Say("Saved.")

    assert ended == []


def test_a_page_that_leads_on_draws_nothing_more(
    open_app: Open, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What shows a card comes last, and the next page would have to wait for it."""
    drawn: list[str] = []
    page = open_app().run().switch_page("views/log_in.py").run()
    monkeypatch.setattr(form, "_helper", lambda key: drawn.append(key))

    test_flows.send(page, email=ada.email, password="not the password at all")
    assert drawn == ["form_helper"]
    test_flows.send(page, email=ada.email, password=PASSWORD)

    assert page.session_state["logged_in"] and drawn == ["form_helper"]
