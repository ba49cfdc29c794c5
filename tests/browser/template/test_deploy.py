"""What compose and the unit start, behind the real Caddy and the real nginx with our files."""

import secrets
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser.conftest import NewContext, add_account
from tests.browser.template.proxies import certificate, nginx, proxy
from tests.browser.visitor import Visitor, expect
from tests.fixtures import Postgres
from tests.serving import HOST, ROOT, Server, copy_project, free_port
from tests.template.deployed import (
    compose,
    image_command,
    image_environment,
    running,
    unit,
    with_our_python,
)
from tests.template.documents import blocks

CADDY_ALONE = "{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n}\n"
COOKIE = "__Host-auth"


def edited(name: str, *edits: tuple[str, str]) -> str:
    """Return a deployment file's text with addresses and paths of this test in place of its own."""
    text = (ROOT / name).read_text("utf-8")
    for old, new in edits:
        assert old in text, f"{name} does not have {old!r}"
        text = text.replace(old, new)
    return text


def settings(port: int, database_url: str) -> dict[str, str]:
    """Return what stands in .env; the cheapest bcrypt, as these tests are not about it."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(32),
        "BASE_URL": f"https://{HOST}:{port}",
        "DATABASE_URL": database_url,
        "BCRYPT_ROUNDS": "10",
    }


def server(env: Mapping[str, str], log: Path) -> Server:
    """Return the app as its visitors and its operator have it."""
    return Server(env["BASE_URL"], log, {**env, "COOKIE_NAME": COOKIE})


@contextmanager
def compose_up(folder: Path, postgres: Postgres) -> Iterator[Server]:
    """Start the compose file's two apps and its Caddy, with a PostgreSQL of the tests'."""
    port, ports = free_port(), {name: free_port() for name in ("app-1", "app-2")}
    project = copy_project(folder / "app")
    with postgres.copy_of("template") as url:
        own = settings(port, url)
        env = {
            name: image_environment()
            | compose()["services"][name]["environment"]
            | {"STREAMLIT_SERVER_ADDRESS": HOST, "STREAMLIT_SERVER_PORT": str(ports[name])}
            | own
            for name in ports
        }
        upstreams = [(f"{name}:8501", f"{HOST}:{ports[name]}") for name in ports]
        caddyfile = folder / "Caddyfile"
        caddyfile.write_text(CADDY_ALONE + edited("deploy/Caddyfile", *upstreams))
        one, two = (
            running(image_command(), project, ports[name], folder / name, env[name])
            for name in ports
        )
        arguments = ("run", "--config", str(caddyfile), "--adapter", "caddyfile")
        homes = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        caddy = proxy("caddy", folder, port, *arguments, BASE_URL=own["BASE_URL"], **homes)
        with one, two, caddy:
            yield server(own, folder / "app-1")


@contextmanager
def systemd_and_nginx(folder: Path, postgres: Postgres) -> Iterator[Server]:
    """Start what the unit starts, with the nginx site in front."""
    port, inner, plain = free_port(), free_port(), free_port()
    project = copy_project(folder / "app")
    cert, key = certificate(folder)
    own = settings(port, f"sqlite:///{folder / 'app.db'}")
    site = edited(
        "deploy/nginx.conf",
        ("listen 80;", f"listen {HOST}:{plain};"),
        ("listen 443 ssl;", f"listen {HOST}:{port} ssl;"),
        ("/etc/letsencrypt/live/app.example.com/fullchain.pem", str(cert)),
        ("/etc/letsencrypt/live/app.example.com/privkey.pem", str(key)),
        ("app.example.com", HOST),
        ("/var/log/nginx/access.log", str(folder / "access.log")),
        ("http://127.0.0.1:8501", f"http://{HOST}:{inner}"),
    )
    command = unit()["ExecStart"].replace("--server.port=8501", f"--server.port={inner}")
    env = dict(pair.split("=", 1) for pair in unit()["Environment"].split()) | own
    app = running(with_our_python(command.split()), project, inner, folder / "log", env)
    with app, nginx(folder, port, site):
        yield server(own, folder / "log")


@pytest.fixture(
    scope="module", params=[compose_up, systemd_and_nginx], ids=["compose", "systemd and nginx"]
)
def deployed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> Iterator[Server]:
    """Run the app as it is deployed, on https."""
    with request.param(tmp_path_factory.mktemp("deployed"), postgres) as running_server:
        yield running_server


def test_a_deployed_app_keeps_its_promises(new_context: NewContext, deployed: Server) -> None:
    """Sign up, F5 and log out on https in production; HttpOnly, bound to the host.

    Also for a visitor with more cookies from other apps than proxies accept by default (CK-4).
    """
    context = new_context(ignore_https_errors=True)
    visitor = Visitor(context, deployed)
    visitor.plant("junk1", "junk2", "junk3")
    visitor.sign_up("ada@example.com", "Ada")

    visitor.reload()

    visitor.expect_signed_in("ada@example.com")
    assert visitor.forms_seen() == 0
    cookie = visitor.cookie()
    assert cookie
    assert cookie["httpOnly"] and cookie["secure"]
    visitor.log_out()
    visitor.reload()
    visitor.expect_form()


def test_a_deployed_app_knows_the_visitor_from_the_proxy(
    new_context: NewContext, deployed: Server
) -> None:
    """TH-2: the address is the one our proxy saw; what a visitor claims does not count."""
    with deployed.service() as service:
        user = add_account(service, "Grace")
    claim = {"X-Forwarded-For": "198.51.100.99"}
    visitor = Visitor(new_context(ignore_https_errors=True, extra_http_headers=claim), deployed)

    visitor.log_in(user.email)

    with deployed.service() as service:
        session = service.session(visitor.token())
    assert session
    assert session.ip == HOST


def test_no_log_has_the_secret_of_a_link(new_context: NewContext, deployed: Server) -> None:
    """RS-4, LG-2: the proxy's too; who reads a log must not get into accounts by it."""
    visitor = Visitor(new_context(ignore_https_errors=True), deployed)

    visitor.open("/reset-password?token=the-secret")

    expect(visitor.heading("Choose a new password")).to_be_visible()
    files = filter(Path.is_file, deployed.log.parent.iterdir())
    logs = {file.name: file.read_bytes() for file in files}
    assert [name for name, log in logs.items() if b"the-secret" in log] == []
    assert b"/reset-password" in logs.get("access.log", b"/reset-password")


def test_secrets_are_settings_where_only_the_script_is_run(
    new_context: NewContext, tmp_path: Path
) -> None:
    """Community Cloud: docs/deploy.md's secrets, and no variable from anywhere else."""
    port = free_port()
    own = settings(port, f"sqlite:///{tmp_path / 'app.db'}") | {"APP_NAME": "Kept in secrets"}
    (page,) = (block for block in blocks(ROOT / "docs/deploy.md") if block.language == "toml")
    told = {name: own[name] for name in tomllib.loads(page.text) if name in own}
    project = copy_project(tmp_path / "app")
    lines = [f'{name} = "{value}"\n' for name, value in ({"APP_ENV": "production"} | own).items()]
    (project / ".streamlit/secrets.toml").write_text("".join(lines))
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    cert, key = certificate(tmp_path)  # in production a page opens its connection at BASE_URL alone
    command += [f"--server.sslCertFile={cert}", f"--server.sslKeyFile={key}"]
    command += [f"--server.address={HOST}", "--server.headless=true"]

    with running(command, project, port, tmp_path / "log", {}, scheme="https"):
        tab = new_context(ignore_https_errors=True).new_page()
        tab.goto(own["BASE_URL"])

        expect(tab.get_by_role("heading", name="Log in", level=1)).to_be_visible()
        expect(tab.get_by_text("Kept in secrets", exact=True)).to_be_visible()
    assert set(told) == {"BASE_URL", "SECRET_KEY", "DATABASE_URL"}
    assert not (project / ".env").exists()
