"""Write the new project's .env: the name asked for, a key of its own, and where the template is.

Cookiecutter renders this file, which is why what was typed comes as hexadecimal digits: whatever
they stand for, they are neither Python nor a template.
"""

from __future__ import annotations

import os
import re
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
PROJECT = Path.cwd()  # cookiecutter runs this in the new project

sys.dont_write_bytecode = True
sys.path.insert(0, str(PROJECT))

import dev  # noqa: E402


def main() -> None:
    """Write .env, unless this went over an older project: its settings are its own."""
    env = PROJECT / ".env"
    if not env.exists():
        dev.write_env()
        name = f"APP_NAME={quoted(one_line(APP_NAME))}"
        text = re.sub(r"^APP_NAME=.*$", lambda _: name, env.read_text("utf-8"), flags=re.MULTILINE)
        why = "# Where `python3 dev.py upgrade` fetches the template from: an address or a path."
        env.write_text(f"{text}\n{why}\nTEMPLATE_URL={quoted(template_url())}\n", "utf-8")
    print(f"Made {PROJECT}. Next:\n\n    cd {PROJECT.name}\n    python3 dev.py\n")


def one_line(name: str) -> str:
    """Return *name* without line breaks and other control characters, which the settings refuse."""
    controls = {"Cc", "Zl", "Zp"}
    return " ".join("".join(" " if category(c) in controls else c for c in name).split())


def quoted(value: str) -> str:
    r"""Return *value* as .env has it: python-dotenv undoes \\ and \' and would fill in ${NAME}."""
    escaped = value.replace("\\", r"\\").replace("'", r"\'").replace("${", "${:-$}{")
    return f"'{escaped}'"


def template_url() -> str:
    """Return where the template was taken from; nothing where no git can fetch, such as a zip."""
    for folder in (os.environ.get("PWD", OUTPUT), OUTPUT):  # where it started; but -o changes one
        path = Path(folder, TEMPLATE)
        if (path / "cookiecutter.json").is_file():
            return str(path.resolve())
    asked = subprocess.run(
        ["git", "-C", COPY, "remote", "get-url", "origin"], capture_output=True, check=False
    )
    return os.fsdecode(asked.stdout).strip()


if __name__ == "__main__":
    main()
