"""Measure the way from an empty folder to the log-in page: first and second start of a project."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from urllib.error import URLError
from urllib.request import urlopen

from bench.server import QUIET, ROOT, free_port
from bench.table import Row, progress
from bench.visitor import arrive

PATIENCE = 300  # seconds for one start
POLL = 0.01
SIGHT = "Log in"  # text of the log-in page
FIRST_MUST = 10 if shutil.which("uv") else 30  # seconds; what pip unpacks, uv links
AGAIN_MUST = 3


def measure(quick: bool) -> list[Row]:
    """Return the rows: seconds to the log-in page of a new project, and of one already set up."""
    again = 1 if quick else 5
    with TemporaryDirectory() as folder:
        progress("first hour: a new project")
        began = perf_counter()
        project = make_project(Path(folder))
        made = perf_counter() - began
        first = start(project)
        later = []
        for number in range(again):
            progress(f"first hour: start {number + 1} of {again}")
            later.append(start(project))
    return [
        Row("project made", made, "s", "once"),
        Row("made, then the log-in page", made + first, "s", "once, warm", at_most=FIRST_MUST),
        Row(
            "the log-in page, from the second time",
            max(later),
            "s",
            f"slowest of {again}",
            at_most=AGAIN_MUST,
        ),
    ]


def make_project(folder: Path) -> Path:
    """Return a project in *folder*, made by cookiecutter, or copied where there is no template."""
    copy = copy_repository(folder / "starter")
    if not (copy / "cookiecutter.json").exists():
        return copy
    subprocess.run(
        [sys.executable, "-m", "cookiecutter", "--no-input", copy, "app_name=first hour"],
        cwd=folder,
        env=os.environ | {"HOME": str(folder)},  # cookiecutter remembers what it made there
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return folder / "first-hour"


def copy_repository(folder: Path) -> Path:
    """Copy this repository to *folder*, except files in .gitignore; return *folder*."""
    names = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text("utf-8").splitlines()]
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".git", *names))
    return folder


def start(project: Path) -> float:
    """Run `python3 dev.py` in *project*; return the seconds until the log-in page was shown."""
    port = free_port()
    began = perf_counter()
    process = subprocess.Popen(
        [sys.executable, "dev.py", f"--server.port={port}", "--server.headless=true"],
        cwd=project,
        env=os.environ | QUIET,
        stdout=subprocess.DEVNULL,
    )
    try:
        wait(process, f"http://localhost:{port}/_stcore/health")
        asyncio.run(see(f"http://localhost:{port}"))
        return perf_counter() - began
    finally:
        process.send_signal(signal.SIGTERM)  # dev.py has become the server
        process.wait(10)


def wait(process: subprocess.Popen[bytes], address: str) -> None:
    """Wait until the URL answers, or raise RuntimeError."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            with urlopen(address, timeout=1):
                return
        except (URLError, OSError):
            time.sleep(POLL)
    raise RuntimeError("a new project did not start")


async def see(url: str) -> None:
    """Wait for the page, which first asks a browser for its cookies, and then the log-in form."""
    visitor = await arrive(url, "", "")
    visitor.needle = SIGHT
    await visitor.run()
    await visitor.socket.close()
