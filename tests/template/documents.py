"""The documentation as data: its sections and code blocks, and a way to do what a section says."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.serving import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A code block: its page, the heading and the file it stands under, and what it says."""

    page: str
    section: str
    target: str  # the file that the sentence before it names last
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """Return the commands, without the prompt, what they print and what is said of them."""
        found = re.findall(r"^\$ (.+)$", self.text, re.MULTILINE)
        return [re.split(r" {2,}# ", command)[0] for command in found]


def blocks(*pages: Path) -> list[Block]:
    """Return the code blocks of *pages*, of all if none is named."""
    found = []
    for page in pages or PAGES:
        text = page.read_text("utf-8")
        for fence in FENCE.finditer(text):
            before = text[: fence.start()]
            headings = re.findall(r"^#+ (.+)$", FENCE.sub("", before), re.MULTILINE)
            named = re.findall(r"`([\w./-]*\.\w+)`", before.rstrip().rpartition("\n\n")[2])
            target = named[-1] if named else ""
            found.append(Block(page.name, headings[-1], target, fence[1], fence[2]))
    return found


def section(page: Path, heading: str) -> list[Block]:
    """Return the blocks under *heading*."""
    found = [block for block in blocks(page) if block.section == heading]
    assert found, f"{page.name} has no code under {heading!r}"
    return found


def copy_of_everything(folder: Path) -> Path:
    """Copy all that git keeps to *folder*, tests included; return the folder."""
    ignored = (ROOT / ".gitignore").read_text("utf-8").split()
    unwanted = shutil.ignore_patterns(".git", *(name.rstrip("/") for name in ignored))
    shutil.copytree(ROOT, folder, ignore=unwanted)
    return folder


def follow(
    page: Path,
    heading: str,
    project: Path,
    env: Mapping[str, str],
    tests: list[Path] | None = None,
) -> None:
    """Do in *project* what stands under *heading*: write, edit and run, in this order.

    The files of tests that it runs are added to *tests* instead, for `run_tests`.
    """
    for block in section(page, heading):
        match block.language:
            case "python" | "svg" | "toml":
                (project / block.target).parent.mkdir(exist_ok=True)
                (project / block.target).write_text(block.text, "utf-8")
            case "diff":
                edit(project / block.target, block.text)
            case "env":
                with (project / block.target).open("a", encoding="utf-8") as settings:
                    settings.write(block.text)
            case "console":
                for command in block.commands:
                    if tests is not None and command.startswith("python3 dev.py test -k "):
                        tests += project.rglob(f"{command.rpartition(' ')[2]}.py")
                    else:
                        run(command, project, env)
            case _:
                raise AssertionError(f"no test knows how to follow {block}")


def run_tests(tests: list[Path], project: Path, env: Mapping[str, str]) -> None:
    """Run the files *tests* in one process, as `dev.py test -k` would run each.

    To collect the whole suite for each takes longer than to run them; one database and one server
    do, because the suite that runs this is busy with the others.
    """
    assert tests
    words = ["-m", "pytest", "-o", "addopts=", "-q", *map(str, tests)]
    run(shlex.join(["python3", *words, "-k", "not postgresql and not server.py"]), project, env)


def edit(file: Path, diff: str) -> None:
    """Make the change that *diff* shows: what stands there now has to stand there once."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    text = file.read_text("utf-8")
    assert text.count(old) == 1, f"{file.name} does not have once:\n{old}"
    file.write_text(text.replace(old, new), "utf-8")


def run(command: str, project: Path, env: Mapping[str, str]) -> str:
    """Run *command* in *project* with the Python that runs the tests; return what it printed."""
    words = shlex.split(command)
    if words[:3] == ["python3", "dev.py", "remove"]:
        words = [sys.executable, "-m", "upkeep.remove", *words[3:]]
    assert Path(words[0]).name in {"python", "python3"} or words[0] == sys.executable
    done = subprocess.run(
        [sys.executable, *words[1:]],
        cwd=project,
        env=dict(env),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout
