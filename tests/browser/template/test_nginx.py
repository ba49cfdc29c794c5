"""Two processes of the hardened server behind a real nginx, under a path of its own."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import NewContext, add_account
from tests.browser.template.proxies import nginx
from tests.browser.visitor import Visitor, expect
from tests.serving import HOST, Server, free_port, serve

# Which process a request goes to is the browser's choice, so that a test can have either.
SITE = """
map $cookie_pick $upstream {{ default {first}; second {second}; }}
map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
server {{
  listen {host}:{port};
  location /app/ {{
    proxy_pass http://{host}:$upstream;
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
  }}
}}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run two servers on one database, under /app behind one nginx."""
    folder, port = tmp_path_factory.mktemp("cluster"), free_port()
    shared = {
        "DATABASE_URL": f"sqlite:///{folder / 'app.db'}",
        "SECRET_KEY": secrets.token_urlsafe(32),
        "BASE_URL": f"http://{HOST}:{port}/app",
        "TRUSTED_PROXIES": "1",
    }
    start = partial(serve, "server.py", env=shared, base="/app")
    flag = "--server.baseUrlPath=app"
    with start(folder / "one", flag) as one, start(folder / "two", flag) as two:
        first, second = (int(urlsplit(server.url).port or 0) for server in (one, two))
        site = SITE.format(host=HOST, port=port, first=first, second=second)
        with nginx(folder, port, site):
            yield replace(one, url=shared["BASE_URL"])


def pick(visitor: Visitor, which: str) -> None:
    """Have nginx send this browser's next requests to that process."""
    visitor.context.add_cookies([{"name": "pick", "value": which, "domain": HOST, "path": "/"}])


def test_two_processes_behind_a_proxy_are_one_app(new_context: NewContext, cluster: Server) -> None:
    """SE-2, SE-5: log in on one, F5 on the other, log out reaches both; the path holds."""
    with cluster.service() as service:
        user = add_account(service, "Cluster")
    visitor = Visitor(new_context(), cluster)
    pick(visitor, "first")
    visitor.log_in(user.email, path="/account")
    token = visitor.token()
    (cookie,) = (c for c in visitor.context.cookies() if c.get("name") == "auth")
    assert cookie["path"] == "/app"

    pick(visitor, "second")
    visitor.reload()
    expect(visitor.heading("Account")).to_be_visible()
    visitor.expect_signed_in(user.email)
    visitor.log_out()
    pick(visitor, "first")
    visitor.reload()

    visitor.expect_form()
    with cluster.service() as service:
        assert service.resume(token) is None


def test_a_ticket_may_be_redeemed_by_another_process(
    new_context: NewContext, cluster: Server
) -> None:
    """CK-1: the page is of one process, its request for the cookie goes to the other."""
    with cluster.service() as service:
        user = add_account(service, "Ticket")
    visitor = Visitor(new_context(), cluster)
    pick(visitor, "first")
    visitor.open("/account")
    visitor.expect_form()
    pick(visitor, "second")

    visitor.fill_log_in(user.email)

    visitor.expect_signed_in(user.email)
    visitor.wait_for_cookie()


def test_the_address_is_the_one_that_our_proxy_saw(
    new_context: NewContext, cluster: Server
) -> None:
    """TH-2: one trusted proxy, so its word counts and no other."""
    with cluster.service() as service:
        user = add_account(service, "Proxied")
    context = new_context(extra_http_headers={"X-Forwarded-For": "198.51.100.99"})
    visitor = Visitor(context, cluster)

    visitor.log_in(user.email, path="/account")

    with cluster.service() as service:
        session = service.session(visitor.token())
    assert session
    assert session.ip == HOST


def test_signing_up_works_behind_a_proxy(new_context: NewContext, cluster: Server) -> None:
    """The page, its websocket and its request for the cookie all go through nginx."""
    visitor = Visitor(new_context(), cluster)
    email = f"ada-{secrets.token_hex(4)}@example.com"

    visitor.sign_up(email, name="Ada")

    visitor.reload()
    visitor.expect_signed_in(email)
    assert visitor.address() == "/"
    (cookie,) = (c for c in visitor.context.cookies() if c.get("name") == "auth")
    assert (cookie["path"], cookie["httpOnly"]) == ("/app", True)
    with cluster.service() as service:
        session = service.session(visitor.token())
    assert session
    assert session.ip == HOST
