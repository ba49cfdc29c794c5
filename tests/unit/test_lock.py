"""The lock files: every package by version and hash, for every platform, from no place named."""

import re

import pytest

import dev
from settings import ROOT

each_lock = pytest.mark.parametrize("name", dev.LOCKS)


@each_lock
def test_the_lock_has_all_that_is_required(name: str) -> None:
    """CF-3: what a person reads in the .txt is what is installed."""
    asked = dev.requirements((ROOT / name).with_suffix(".txt"))

    assert asked
    assert asked.items() <= dev.requirements(ROOT / name).items()


@each_lock
def test_everything_locked_has_its_hashes(name: str) -> None:
    """CF-3: one for each file that a registry may offer, and nothing else is installed."""
    text = (ROOT / name).read_text("utf-8")
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]

    assert len(blocks) == len(dev.requirements(ROOT / name)) > 40
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
    """CF-3: both locks agree, so that pip can install them together."""
    app, tests = (dev.requirements(ROOT / name) for name in dev.LOCKS)

    assert app.items() <= tests.items()
