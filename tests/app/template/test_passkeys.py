"""Passkeys on the pages: the offer after a log-in with the password, and doing without one."""

from sqlalchemy import insert, update
from streamlit.testing.v1 import AppTest

from auth.service import AuthService
from auth.users import User
from db.models import Session
from features.passkeys import rules
from features.passkeys.test_passkeys import Device, add
from features.passkeys.words import OFFER, PASSWORD_REMOVED, STEP_UP, CodeFirst
from features.two_factor.tables import Authenticator
from tests.app.conftest import PASSWORD, Open, SignedIn, page_path
from tests.app.test_flows import send, shown
from tests.fixtures import LAPTOP


def test_the_offer_of_a_passkey_stays_until_it_is_dismissed(signed_in: SignedIn, ada: User) -> None:
    """SF-4: beside every page; and no other log-in makes it again."""
    page = signed_in(ada)
    assert is_offered(page)
    page.switch_page("features/account/account.py").run()
    assert is_offered(page)

    next(button for button in page.sidebar.button if button.label == "Not now").click().run()

    assert not page.exception
    assert not is_offered(page)
    assert not is_offered(page.switch_page("views/home.py").run())
    assert not is_offered(signed_in(ada))


def is_offered(page: AppTest) -> bool:
    """Return whether the sidebar offers a passkey."""
    return OFFER in [caption.value for caption in page.sidebar.caption]


def test_beside_an_app_the_page_asks_for_a_log_in_with_a_code(
    open_app: Open, service: AuthService, ada: User, token: str
) -> None:
    """SF-5: in a session that has shown the password alone."""
    app = {"user_id": ada.id, "secret": "", "last_step": 0, "created_at": service.now()}
    with service.write() as connection:
        connection.execute(insert(Authenticator).values(app))

    page = open_app(token).run().switch_page(page_path("passkeys")).run()

    assert CodeFirst.message in shown(page)


def test_a_user_removes_the_password_and_chooses_one_again(
    open_app: Open, service: AuthService, token: str
) -> None:
    """SF-5: after a log-in with a passkey; the pages ask for no password that there isn't."""
    device = Device(service.settings.site.origin)
    page = open_app(add(service, token, device)).run().switch_page(page_path("passkeys")).run()
    assert "Remove my password" not in [each.label for each in page.main.button]
    ceremony = rules.ask(service, LAPTOP)
    login = rules.log_in(service, ceremony, device.get(ceremony.options), LAPTOP)

    page = open_app(login.token).run().switch_page(page_path("passkeys")).run()
    next(each for each in page.main.button if each.label == "Remove my password").click().run()

    assert PASSWORD_REMOVED in shown(page)
    assert "None" in shown(page.switch_page(page_path("account")).run())
    page.switch_page(page_path("delete_account")).run()
    assert not page.text_input
    with service.write() as connection:
        connection.execute(update(Session).values(confirmed_at=None))  # long ago
    page.switch_page(page_path("passkeys")).run()
    assert f"{STEP_UP}, use a passkey." in shown(page)
    assert not page.text_input
    with service.write() as connection:
        connection.execute(update(Session).values(confirmed_at=service.now()))
    page.switch_page(page_path("change_password")).run()
    assert [field.label for field in page.text_input] == ["New password"]
    send(page, **{"new password": PASSWORD})
    assert "••••" in shown(page.switch_page(page_path("account")).run())
