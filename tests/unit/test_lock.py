"""The lock files: every package by version and hash, for every platform, from no place named."""

import re
import tomllib

import pytest

import dev
from settings import ROOT

each_lock = pytest.mark.parametrize("name", dev.LOCKS)


@each_lock
def test_the_lock_has_all_that_is_required(name: str) -> None:
    """CF-3: what a person reads in pyproject.toml is what is installed."""
    assert dev.requirements("\n".join(dev.asked_for(name)))
    assert dev.unlocked([name]) == []


def test_hosts_read_what_the_project_declares() -> None:
    """CF-3: requirements.txt and pyproject.toml ask for the same, line by line."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()

    assert [line for line in lines if line[0] != "#"] == declared["dependencies"]


@each_lock
def test_everything_locked_has_its_hashes(name: str) -> None:
    """CF-3: one for each file that a registry may offer, and nothing else is installed."""
    text = (ROOT / name).read_text("utf-8")
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]

    assert len(blocks) == len(dev.requirements(text)) > 20
    for block in blocks:
        assert re.match(r"[a-z0-9.-]+==[\w.]+( ; [^\\]+)? \\\n", block), block
        assert re.findall(r"^    --hash=sha256:[0-9a-f]{64}", block, re.MULTILINE), block


@each_lock
def test_the_lock_names_no_registry(name: str) -> None:
    """CF-3: where the files come from is the installing machine's choice."""
    text = (ROOT / name).read_text("utf-8")

    assert not re.search(r"://|--(extra-)?index|--find-links", text)


def test_the_lock_is_for_every_platform() -> None:
    """CF-3: compiled packages have files for Linux, macOS and Windows, on every Python tested."""
    text = (ROOT / "requirements.lock").read_text("utf-8")
    (numpy,) = re.findall(r"^numpy==.*?(?=^[a-z])", text, re.MULTILINE | re.DOTALL)

    assert numpy.count("--hash") > 40


def test_the_tests_run_on_what_the_app_is_installed_with() -> None:
    """CF-3: all locks agree, so that they can be installed together."""
    app, tests, template = (
        dev.requirements((ROOT / name).read_text("utf-8")) for name in dev.LOCKS
    )

    assert app.items() <= tests.items()
    assert {name: tests.get(name, version) for name, version in template.items()} == template
