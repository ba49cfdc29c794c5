"""The edge: which names the app answers to, and which requests are its own."""

import pytest
from starlette.datastructures import Headers

from tests.conftest import make_settings
from web.edge import Edge


def edge(base_url: str, app_env: str = "production") -> Edge:
    """Return the edge of an app at *base_url*."""
    return Edge(make_settings(base_url=base_url, app_env=app_env))


@pytest.mark.parametrize(
    "host",
    ["app.example.com", "APP.example.com", "app.example.com:443", "app.example.com."],
)
def test_a_host_is_known_in_every_spelling(host: str) -> None:
    """CF-5: proxies and browsers write the same name in several ways."""
    assert edge("https://app.example.com").knows_host(host)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            "evil.example",
            "app.example.com:80",
            "app.example.com:8501",
            "app.example.com..",
            "[",
        ),
        *("app.example.com@evil.example", "localhost", "127.0.0.1:8501", "[::1]", "a" * 100_000),
    ],
)
def test_no_other_host_is_known_in_production(host: str) -> None:
    """RS-4: neither this machine's names nor anything that only begins like the right one."""
    assert not edge("https://app.example.com").knows_host(host)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8600", "127.0.0.1:1", "[::1]:8501"])
def test_in_development_this_machine_is_known_by_any_port(host: str) -> None:
    """CF-5: `dev.py --server.port 8600` needs no setting."""
    assert edge("http://localhost:8501", "development").knows_host(host)


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("https://app.example.com", "app.example.com", True),
        ("https://app.example.com", "APP.example.com:443", True),
        ("http://localhost:8600", "localhost:8600", True),
        ("http://app.example.com", "app.example.com:443", False),
        ("https://evil.example", "app.example.com", False),
        ("https://app.example.com:8443", "app.example.com", False),
        ("null", "app.example.com", False),
        ("", "app.example.com", False),
        ("https://[", "app.example.com", False),
        ("https://app.example.com/" + "a" * 100_000, "app.example.com", False),
    ],
)
def test_an_origin_is_compared_in_its_normal_form(origin: str, host: str, own: bool) -> None:
    """CK-5: where a browser sends no Sec-Fetch-Site, its Origin decides."""
    headers = Headers({"origin": origin, "host": host})

    assert edge("https://app.example.com").is_own_request(headers) == own
