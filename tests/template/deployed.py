"""What the deployment files say, and the processes they start, without containers around them."""

import json
import os
import re
import shlex
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.serving import HOST, ROOT, START, STOP, wait_until


def image() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile's last stage: what the image is and does."""
    text = re.sub(r"^#.*\n|\\\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line]
    last = max(number for number, (word, _) in enumerate(lines) if word == "FROM")
    return [(word, rest.strip()) for word, rest in lines[last:]]


def image_environment() -> dict[str, str]:
    """Return the variables that the image sets, all but the PATH."""
    pairs = [pair for word, rest in image() if word == "ENV" for pair in shlex.split(rest)]
    named = dict(pair.split("=", 1) for pair in pairs)
    return {name: value for name, value in named.items() if name != "PATH"}


def image_command() -> list[str]:
    """Return what the image starts."""
    (command,) = [rest for word, rest in image() if word == "CMD"]
    return with_our_python(json.loads(command))


def health_check() -> list[str]:
    """Return what the image asks itself."""
    (command,) = [rest.partition("CMD")[2] for word, rest in image() if word == "HEALTHCHECK"]
    return with_our_python(json.loads(command))


def with_our_python(command: Sequence[str]) -> list[str]:
    """Return *command* for the Python that runs the tests."""
    assert Path(command[0]).name == "python"
    return [sys.executable, *command[1:]]


def compose() -> dict[str, Any]:
    """Return the compose file."""
    read: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    return read


def unit() -> dict[str, str]:
    """Return the lines of the systemd unit that set something."""
    text = (ROOT / "deploy/streamlit-auth.service").read_text("utf-8")
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))


@contextmanager
def running(
    command: Sequence[str],
    folder: Path,
    port: int,
    log: Path,
    env: Mapping[str, str],
    scheme: str = "http",
) -> Iterator[None]:
    """Run *command* in *folder* with nothing of our environment but *env*, until it answers."""
    url = f"{scheme}://{HOST}:{port}/healthz"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder / "no-home"), **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: _is_up(process, url, log), "the app to answer", START)
        yield
    finally:
        process.terminate()
        process.wait(STOP)


def _is_up(process: subprocess.Popen[bytes], url: str, log: Path) -> bool:
    assert process.poll() is None, log.read_text("utf-8")
    anyone = ssl._create_unverified_context()  # a certificate of the test's own
    try:
        with urllib.request.urlopen(url, timeout=2, context=anyone) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
