"""Sign up, log in, log out, and a session that ends: the forms, without a browser."""

from streamlit.testing.v1 import AppTest

from auth.administration import disable
from auth.service import AuthService
from auth.users import User
from tests.app.conftest import PASSWORD, Open, SignedIn


def send(app: AppTest, **fields: str) -> AppTest:
    """Type into the fields, by their labels, and press the form's button."""
    for field in app.text_input:
        if (name := field.label.lower()) in fields:
            field.set_value(fields.pop(name))
    assert not fields, f"no such field: {fields}"
    return app.main.button[0].click().run()


def shown(app: AppTest) -> str:
    """Return the page's text."""
    assert not app.exception
    return "\n".join(str(getattr(element, "value", "")) for element in app.main)


def is_log_in_form(app: AppTest) -> bool:
    """Return whether the page is the log-in form, and no user is signed in."""
    assert not app.exception
    asked = [field.label for field in app.text_input] == ["Email", "Password"]
    return asked and app.session_state["user"] is None


def test_signing_up_signs_in(open_app: Open, service: AuthService) -> None:
    """The new account is the user of the next page."""
    app = open_app().run().switch_page("views/sign_up.py").run()

    send(app, name="Grace", email="grace@example.com", password=PASSWORD)

    assert not app.exception
    assert app.session_state["user"].email == "grace@example.com"


def test_a_refused_sign_up_says_why(open_app: Open) -> None:
    """PW-5: the form stays, with what is wrong."""
    app = open_app().run().switch_page("views/sign_up.py").run()

    send(app, name="Grace", email="grace@example.com", password="short")

    assert "15 characters" in shown(app)
    assert app.session_state["user"] is None


def test_logging_in_and_out_again(open_app: Open, ada: User) -> None:
    """SE-5: a wrong password is refused, the right one signs in, and the button signs out."""
    app = open_app().run().switch_page("views/log_in.py").run()

    send(app, email=ada.email, password="not the password at all")
    assert is_log_in_form(app)
    send(app, email=ada.email, password=PASSWORD)
    assert not app.exception
    assert app.session_state["user"] == ada

    next(button for button in app.sidebar.button if button.label == "Log out").click().run()
    app.switch_page("views/log_in.py").run()
    assert is_log_in_form(app)


def test_a_session_that_ends_elsewhere_closes_the_tab(
    signed_in: SignedIn, service: AuthService, ada: User
) -> None:
    """SE-2: every run checks again."""
    app = signed_in(ada)

    disable(service, ada.id)
    app.run()

    assert app.session_state["user"] is None
    assert "Ada" not in str(app.main)
