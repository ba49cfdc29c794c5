"""Fill the folder that cookiecutter copies: what git tracks here and every project gets.

Cookiecutter 2.4 or newer runs this before it asks anything, in a temporary copy of the repository
that it made for us. So the repository itself holds neither that folder nor anything twice.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE))

from upkeep import is_shared  # noqa: E402

# The odd start of the expression is set in cookiecutter.json. With the plain braces, an app's name
# that holds some would be taken for a template; and releases that do not know that setting for
# hooks and prompts read the same text as a plain expression of the same value.
SLOT = HERE / "{{''~cookiecutter.__folder}}"
OWN = HERE / "hooks/project"  # the project's own README, changelog, licence and CI


def main() -> None:
    """Copy each shared file, with its mode, and what the project has of its own."""
    unpacked = not (HERE / ".git").exists()
    if unpacked:  # a zip: what .gitignore lists is not the template's there either
        git("init", "--quiet")
        git("-c", f"core.excludesFile={os.devnull}", "add", "--all")
    for name in git("ls-files", "-z").split("\0"):
        source, target = HERE / name, SLOT / name
        if not source.is_file() or not is_shared(name):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
        if unpacked and target.read_bytes().startswith(b"#!"):  # cookiecutter's unzip drops modes
            target.chmod(0o755)
    shutil.copytree(OWN, SLOT, dirs_exist_ok=True)
    with (SLOT / "LICENSE").open("a", encoding="utf-8") as licence:
        licence.write((HERE / "LICENSE").read_text("utf-8"))


def git(*arguments: str) -> str:
    """Return what git says about this copy, whatever repository it is called from."""
    environment = {name: os.environ[name] for name in os.environ if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=HERE, env=environment, stdout=subprocess.PIPE, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        sys.exit("git is needed to tell what belongs to the template, and it failed here.")
    return os.fsdecode(done.stdout)


if __name__ == "__main__":
    main()
