"""Make the new project its own: name, cookie and key, where it came from, and a first commit.

Cookiecutter renders this file, which is why what was typed comes as hexadecimal digits: whatever
they stand for, they are neither Python nor a template.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path
from unicodedata import category

APP_NAME, TEMPLATE, COPY, OUTPUT = (
    bytes.fromhex(digits).decode()
    for digits in (
        "{{''~cookiecutter.app_name.encode('utf-8', 'replace').hex()}}",
        "{{''~cookiecutter._template.encode('utf-8', 'replace').hex()}}",
        "{{''~cookiecutter._repo_dir.encode('utf-8', 'replace').hex()}}",
        "{{''~cookiecutter._output_dir.encode('utf-8', 'replace').hex()}}",
    )
)
FROM_OUTSIDE = ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE")  # set where a git hook calls us
PROJECT = Path.cwd()  # cookiecutter runs this in the new project
# git wants an author, and a machine on which it was never used knows none.
AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Streamlit auth starter"), ("EMAIL", "starter@localhost"))
}

sys.dont_write_bytecode = True
sys.path.insert(0, str(PROJECT))

import dev  # noqa: E402


def main() -> None:
    """Write what differs between projects, unless this went over an older one: that has an .env."""
    name = one_line(APP_NAME)
    for own in ("README.md", "LICENSE"):
        shown = re.sub(r"([\\`*_\[\]<>&~|$#])", r"\\\1", name) if own.endswith(".md") else name
        rewrite(own, r"@APP_NAME@", shown)
    rewrite("pyproject.toml", r"^name = .*$", f'name = "{PROJECT.name}"')
    rewrite(".env.example", r"^APP_NAME=.*$", f"APP_NAME={quoted(name)}")
    # Cookies don't know ports: two apps on localhost would log each other out.
    cookie = f"auth-{PROJECT.name[:40]}-{secrets.token_hex(2)}"
    rewrite(".env.example", r"^COOKIE_NAME=.*$", f"COOKIE_NAME={cookie}")
    if not (PROJECT / ".env").exists():
        dev.write_env()
    write_origin()
    commit_all()
    print(f"Made {PROJECT}. Next:\n\n    cd {PROJECT.name}\n    python3 dev.py\n")


def rewrite(name: str, pattern: str, text: str) -> None:
    """Put *text* in the place of *pattern* in the project's file *name*."""
    file = PROJECT / name
    found = re.sub(pattern, lambda _: text, file.read_text("utf-8"), flags=re.MULTILINE)
    file.write_text(found, "utf-8")


def one_line(name: str) -> str:
    """Return *name* without line breaks and other control characters, which the settings refuse."""
    controls = {"Cc", "Zl", "Zp"}
    return " ".join("".join(" " if category(c) in controls else c for c in name).split())


def quoted(value: str) -> str:
    r"""Return *value* as .env has it: python-dotenv undoes \\ and \' and would fill in ${NAME}."""
    escaped = value.replace("\\", r"\\").replace("'", r"\'").replace("${", "${:-$}{")
    return f"'{escaped}'"


def write_origin() -> None:
    """Write where the template is and at which commit; empty is what is not known."""
    packed = Path(COPY, "hooks/commit").read_text("utf-8").strip()
    if re.fullmatch("[0-9a-f]{40,64}", packed):  # a zip: `git archive` wrote it, see .gitattributes
        commit = packed
    else:
        commit = ask_git("-C", COPY, "rev-parse", "--verify", "--quiet", "HEAD")
    (PROJECT / "upkeep/template.toml").write_text(
        "# Where this project came from. `python3 dev.py upgrade` brings what is newer than this\n"
        "# commit, and then writes the one it brought. The URL may be a path.\n"
        f"url = {json.dumps(template_url(), ensure_ascii=False)}\n"
        f'commit = "{commit}"\n',
        "utf-8",
    )


def template_url() -> str:
    """Return where the template was taken from; nothing where no git can fetch, such as a zip."""
    for folder in (os.environ.get("PWD", OUTPUT), OUTPUT):  # where it started; but -o changes one
        path = Path(folder, TEMPLATE)
        if (path / "cookiecutter.json").is_file():
            return str(path.resolve())
    return ask_git("-C", COPY, "remote", "get-url", "origin")


def commit_all() -> None:
    """Make the project a git repository with one commit, where git is and it is none yet."""
    if (PROJECT / ".git").exists():
        return
    ask_git("init", "--quiet", "--initial-branch=main")  # which .github/workflows listens to
    ask_git("add", "--all")
    # Neither a signature, which may ask for a passphrase, nor this machine's hooks.
    start = ("commit", "--quiet", "--no-verify", "--no-gpg-sign", "--message", "Start")
    ask_git(*start)
    if not ask_git("rev-parse", "--verify", "--quiet", "HEAD"):
        ask_git(*start, environment=AUTHOR)


def ask_git(*arguments: str, environment: dict[str, str] | None = None) -> str:
    """Return what git says; nothing if it fails or is not there."""
    inherited = {name: os.environ[name] for name in os.environ if name not in FROM_OUTSIDE}
    try:
        asked = subprocess.run(
            ["git", *arguments],
            cwd=PROJECT,
            env=inherited | (environment or {}),
            capture_output=True,
            check=False,
        )
    except OSError:
        return ""
    return os.fsdecode(asked.stdout).strip() if asked.returncode == 0 else ""


if __name__ == "__main__":
    main()
