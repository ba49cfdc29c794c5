"""The container image's own command, run as its Dockerfile says, without a container."""

import http.client
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.serving import HOST, copy_project, free_port
from tests.template.deployed import health_check, image_command, image_environment, running

ADDRESS = "app.example.com"


@dataclass(frozen=True)
class Container:
    """The image's folder /app, what runs in it, and the files that were there before."""

    folder: Path
    env: dict[str, str]
    files: frozenset[Path]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.env["STREAMLIT_SERVER_PORT"])

    def files_now(self) -> frozenset[Path]:
        """Return every file under /app."""
        return frozenset(path for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """Start what the image starts: its own variables, a key and an address, nothing else.

    The port and the interface are the test's own: the image's may be in use.
    """
    folder = copy_project(tmp_path_factory.mktemp("image") / "app")
    env = image_environment() | {
        "SECRET_KEY": secrets.token_urlsafe(32),
        "BASE_URL": f"https://{ADDRESS}",
        "STREAMLIT_SERVER_ADDRESS": HOST,
        "STREAMLIT_SERVER_PORT": str(free_port()),
    }
    made = Container(folder, env, frozenset(p for p in folder.rglob("*") if p.is_file()))
    with running(image_command(), folder, made.port, folder.parent / "log", env):
        yield made


def ask(container: Container, path: str, host: str = ADDRESS) -> tuple[int, str, str]:
    """Return the status, the HSTS header and the text of an answer."""
    connection = http.client.HTTPConnection(HOST, container.port, timeout=20)
    connection.request("GET", path, headers={"Host": host})
    answer = connection.getresponse()
    text = answer.read().decode("utf-8", "replace")
    connection.close()
    return answer.status, answer.headers.get("Strict-Transport-Security", ""), text


def test_the_image_serves_the_log_in_page_in_production(container: Container) -> None:
    """Alive by any name, ready, and the page under the app's own address alone."""
    assert ask(container, "/healthz", host="10.0.0.7:8501")[0] == 200
    assert ask(container, "/readyz")[0] == 200

    status, hsts, text = ask(container, "/log-in")

    assert status == 200
    assert "max-age" in hsts
    assert '<div id="root">' in text
    assert ask(container, "/log-in", host="other.example.com")[0] == 400


def test_the_health_check_tells_a_running_app_from_none(container: Container) -> None:
    """The engine restarts what does not answer."""
    free = container.env | {"STREAMLIT_SERVER_PORT": str(free_port())}

    here, there = (
        subprocess.run(health_check(), env=env, capture_output=True, check=False).returncode
        for env in (container.env, free)
    )

    assert here == 0
    assert there != 0


def test_the_image_can_be_read_only(container: Container) -> None:
    """What it writes is under data/, which is a volume, or goes to /tmp."""
    ask(container, "/readyz")

    written = {path.relative_to(container.folder) for path in container.files_now()} - {
        path.relative_to(container.folder) for path in container.files
    }

    assert Path("data/app.db") in written
    assert {path.parts[0] for path in written} == {"data"}


def test_the_image_does_not_start_without_a_key(tmp_path: Path) -> None:
    """CF-1: it is production from the first moment, so no key is made up."""
    folder = copy_project(tmp_path / "app")
    env = image_environment() | {"BASE_URL": f"https://{ADDRESS}", "HOME": str(tmp_path)}

    ended = subprocess.run(
        [sys.executable, "-c", "import server"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode != 0
    assert "SECRET_KEY is missing" in ended.stderr
    assert not (folder / ".env").exists()
