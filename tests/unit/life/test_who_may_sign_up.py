"""Who may sign up: everyone, those with an invitation, or no one; and with which emails."""

from collections.abc import Callable
from pathlib import Path

import pytest

from auth.errors import AuthError, InvalidDetails, SignUpClosed, TooMany
from auth.service import AuthService
from auth.sign_up import sign_up_by_email
from db.engine import Database
from features import FEATURES
from features.email_change.rules import change_email
from features.email_verification.rules import confirm_email
from settings import Settings, SettingsError, load_settings
from tests.fixtures import KEY, LAPTOP, Clock, Letterbox, Person, open_session

PASSWORD = "kumquat lantern orbit"
With = Callable[..., AuthService]


@pytest.fixture
def with_settings(
    database: Database, settings: Settings, clock: Clock, letterbox: Letterbox
) -> With:
    """Return the service as it is under other settings."""

    def make(**changes: object) -> AuthService:
        changed = settings.model_copy(update=changes)
        return AuthService(
            database, changed, features=FEATURES, mail_queue=letterbox.queue, clock=clock
        )

    return make


@pytest.mark.parametrize("sign_up", ["invited", "closed"])
def test_a_closed_app_makes_no_account_for_a_visitor(with_settings: With, sign_up: str) -> None:
    """RO-4: in the rule, on both ways to sign up; an operator may."""
    service = with_settings(sign_up=sign_up)

    with pytest.raises(SignUpClosed):
        service.sign_up("ada@example.com", PASSWORD, client=LAPTOP)
    with pytest.raises(SignUpClosed):
        sign_up_by_email(service, "ada@example.com", PASSWORD, "", LAPTOP)

    assert service.sign_up("ada@example.com", PASSWORD)


def test_a_closed_app_says_the_same_for_every_email(with_settings: With) -> None:
    """EN-3: for one with an account, one without, and text that is no email."""
    service = with_settings(sign_up="closed")
    service.sign_up("ada@example.com", PASSWORD)

    for email in ("ada@example.com", "bob@example.com", "no email", "x" * 10_000):
        with pytest.raises(SignUpClosed):
            service.sign_up(email, "short", client=LAPTOP)


def test_attempts_at_a_closed_app_are_counted(with_settings: With) -> None:
    """AV-1: like any other."""
    service = with_settings(sign_up="closed")
    refusals: list[type[AuthError]] = []
    while TooMany not in refusals and len(refusals) < 1_000:
        with pytest.raises(AuthError) as refused:
            service.sign_up("ada@example.com", PASSWORD, client=LAPTOP)
        refusals.append(refused.type)

    assert set(refusals) == {SignUpClosed, TooMany}


DOMAINS = "example.com, .Example.ORG, bücher.example"


@pytest.mark.parametrize(
    ("email", "admitted"),
    [
        ("ada@example.com", True),
        ("ada@EXAMPLE.com", True),
        ("ada@a.example.org", True),
        ("ada@a.b.example.org", True),
        ("ada@bücher.example", True),
        ("ada@BÜCHER.example", True),
        ("ada@xn--bcher-kva.example", True),
        ("ada@a.example.com", False),
        ("ada@notexample.com", False),
        ("ada@example.com.evil.example", False),
        ("ada@example.org", False),
        ("ada@notexample.org", False),
        ("ada@bucher.example", False),
        ("example.com@evil.example", False),
        ('"ada@example.com"@evil.example', False),
    ],
)
def test_only_emails_at_the_listed_domains_sign_up(
    with_settings: With, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, email: str, admitted: bool
) -> None:
    """RO-4: exactly these domains, or with a dot their subdomains, in any spelling."""
    for name, value in {
        "SECRET_KEY": KEY,
        "SIGN_UP_DOMAINS": DOMAINS,
        "REQUIRE_VERIFIED_EMAIL": "true",
    }.items():
        monkeypatch.setenv(name, value)
    domains = load_settings(tmp_path / ".env").sign_up_domains
    service = with_settings(sign_up_domains=domains, require_verified_email=True)

    if admitted:
        assert service.sign_up(email, PASSWORD, client=LAPTOP)
    else:
        with pytest.raises(InvalidDetails) as refused:
            service.sign_up(email, PASSWORD, client=LAPTOP)
        assert list(refused.value.errors) == ["email"]


def test_domains_need_confirmed_emails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RO-4: otherwise a visitor types an email of the domain, and is in."""
    monkeypatch.setenv("SECRET_KEY", KEY)
    monkeypatch.setenv("SIGN_UP_DOMAINS", "example.com")

    with pytest.raises(SettingsError, match="REQUIRE_VERIFIED_EMAIL=true"):
        load_settings(tmp_path / ".env")


def test_an_email_is_changed_within_the_domains_only(
    with_settings: With, ada: Person, letterbox: Letterbox
) -> None:
    """RO-4: when it is asked for, and again when it is confirmed: the list may have changed."""
    service = with_settings(sign_up_domains=("example.com", "example.org"))
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    with pytest.raises(InvalidDetails):
        change_email(service, open_session(service, token), "ada@evil.example")
    change_email(service, open_session(service, token), "ada@example.org")
    link = letterbox.link("ada@example.org", "verify-email")

    later = with_settings(sign_up_domains=("example.com",))
    with pytest.raises(InvalidDetails):
        confirm_email(later, link, LAPTOP, session=open_session(later, token))

    assert open_session(service, token).user.email == ada.email
