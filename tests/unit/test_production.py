"""Streamlit's own options: which are safe in production, and where the app is served."""

from collections.abc import Iterator

import pytest
from streamlit import config

from settings import SettingsError
from tests.fixtures import make_settings
from web.connection import local_url
from web.start import SAFE_OPTIONS, check_production

CHANGED = ("server.port", "server.baseUrlPath", "server.sslCertFile", *SAFE_OPTIONS)
UNSAFE = {
    "client.showErrorDetails": "full",
    "server.enableXsrfProtection": False,
    "server.enableCORS": False,
    "global.developmentMode": True,
    "server.enableAgentApi": True,
}


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The options as .streamlit/config.toml has them, before and after each test."""
    before = {name: config.get_option(name) for name in CHANGED}
    yield
    for name, value in before.items():
        config.set_option(name, value)


def test_the_options_that_come_with_the_project_are_safe() -> None:
    """CF-1, CK-11: production starts with .streamlit/config.toml as it is."""
    check_production(make_settings(app_env="production"))


def test_every_checked_option_is_tested_here() -> None:
    """CF-1: an option added to the check is added to these tests."""
    assert set(UNSAFE) == set(SAFE_OPTIONS)


@pytest.mark.parametrize("option", UNSAFE)
def test_production_does_not_start_with_an_unsafe_option(option: str) -> None:
    """CF-1, CK-11: the sentence names the option and the fix."""
    config.set_option(option, UNSAFE[option])

    with pytest.raises(SettingsError) as caught:
        check_production(make_settings(app_env="production"))

    [sentence] = str(caught.value).splitlines()
    assert sentence.startswith(f"{option} is ")
    assert sentence.endswith(" in .streamlit/config.toml.")


def test_every_unsafe_option_is_named_at_once() -> None:
    """CF-1: one line each, so that one restart is enough."""
    for option, value in UNSAFE.items():
        config.set_option(option, value)

    with pytest.raises(SettingsError) as caught:
        check_production(make_settings(app_env="production"))

    assert [line.split()[0] for line in str(caught.value).splitlines()] == list(SAFE_OPTIONS)


def test_development_may_do_all_of_it() -> None:
    """CF-1: a developer sees tracebacks on the page."""
    for option, value in UNSAFE.items():
        config.set_option(option, value)

    check_production(make_settings())


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({"server.port": 8600}, "http://localhost:8600"),
        ({"server.port": 8501, "server.baseUrlPath": "app"}, "http://localhost:8501/app"),
        ({"server.port": 8443, "server.sslCertFile": "cert.pem"}, "https://localhost:8443"),
    ],
)
def test_links_in_development_follow_the_port_served(changes: dict[str, object], url: str) -> None:
    """RS-4: `dev.py --server.port 8600` emails links to 8600."""
    for name, value in changes.items():
        config.set_option(name, value)

    assert local_url() == url
