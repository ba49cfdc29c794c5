"""Set this project up and start it. Every command may be repeated: only what is missing is done.

    python3 dev.py                       run the app: streamlit run app.py
    python3 dev.py --server.port 8600    the same; extra arguments go to streamlit, and win
    python3 dev.py serve                 run server.py instead: the cookie becomes HttpOnly
    python3 dev.py test -k cookie        run the test suite; extra arguments go to pytest
    python3 dev.py test --quick          only the tests that finish within a minute
    python3 dev.py bench                 print the benchmark tables
    python3 dev.py screenshots           retake the README's screenshots
    python3 dev.py lock                  write the lock files after a change of requirements*.txt
    python3 dev.py remove NAME           remove a feature: its folder, its lines, its tables
    python3 dev.py upgrade               apply the template's newest release, or what is named
    python3 dev.py help                  print this

Each makes .venv and installs what the lock files pin, each file checked by its hash. The app also
gets an .env with a secret key of its own and a migrated database; the tests get a Chromium. An .env
with settings is never touched, a step with nothing to do says nothing, an interrupted one is done
again. Works from any folder.
"""

from __future__ import annotations  # needs Python 3.11; main() says so where this line parses

import hashlib
import importlib.util
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NoReturn

OLDEST, HERE = (3, 11), Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "installed.txt"  # a line for each installed lock file: its name and the digest
REQUIREMENT = re.compile(
    r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?(?: *== *([^\s;\\]+))?", re.MULTILINE
)
HIGHEST_PORT = 65535
MACS = ("Chromium", "Google Chrome", "Microsoft Edge")
BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "chrome", "msedge"),
    *(f"/Applications/{name}.app/Contents/MacOS/{name}" for name in MACS),
    r"%ProgramFiles%\Google\Chrome\Application\chrome.exe",
    r"%ProgramFiles(x86)%\Microsoft\Edge\Application\msedge.exe",
)
ASK_PLAYWRIGHT = """from playwright.sync_api import sync_playwright
with sync_playwright() as playwright: print(playwright.chromium.executable_path)"""
say = partial(print, flush=True)  # at once: start() loses what is still in the buffer


def make_venv() -> None:
    """Make .venv, or make it anew when its Python does not run, is too old or has no pip."""
    probe = "import sys, pip; sys.exit(sys.prefix == sys.base_prefix or sys.version_info < {})"
    if attempt(PYTHON, "-c", probe.format(OLDEST))[0]:
        return
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        stop("this Python cannot make a .venv; on Debian or Ubuntu: apt install python3-venv")
    say("Making .venv ...")
    made, output = attempt(sys.executable, "-m", "venv", "--clear", VENV)
    if not made:
        stop("making .venv failed as shown above; delete that folder and try again.", output)


def install(*names: str, complete: bool = True) -> None:
    """Install the lock files *names*, unless .venv is stamped with them as they are now.

    The stamp goes before pip starts and comes back when pip is done: an interrupted install never
    passes for a whole one. Unless *complete* is False, a requirement that is not locked stops it.
    """
    if complete:
        for name in names:
            refuse_unlocked(name)
    venv = (VENV / "pyvenv.cfg").read_bytes()
    digests = [hashlib.sha256(venv + (HERE / name).read_bytes()).hexdigest() for name in names]
    wanted = [f"{name} {digest}" for name, digest in zip(names, digests)]  # noqa: B905
    stamped = STAMP.read_text().splitlines() if STAMP.exists() else []
    if set(wanted) <= set(stamped):
        return
    say(f"Installing {' and '.join(names)} (a minute the first time) ...")
    STAMP.unlink(missing_ok=True)
    pip = (PYTHON, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check")
    files = [f"--requirement={name}" for name in names]
    installed, output = attempt(*pip, "--require-hashes", *files)
    if not installed:
        stop("the install failed as shown above; check the network and the pins named.", output)
    STAMP.write_text("\n".join(wanted))


def refuse_unlocked(name: str) -> None:
    """Stop if a requirements file asks for what its lock file *name* does not have."""
    asked = (HERE / name).with_suffix(".txt")
    locked = requirements(HERE / name)
    for package, version in requirements(asked).items():
        if package not in locked or version not in ("", locked[package]):
            wanted = f"{package}=={version}" if version else package
            stop(f"{asked.name} has {wanted} and {name} does not: run python3 dev.py lock")


def requirements(file: Path) -> dict[str, str]:
    """Return the packages that *file* names, spelled alike, and the version of each or nothing."""
    found = REQUIREMENT.findall(file.read_text("utf-8"))
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def lock(*extra: str) -> None:
    """Write the lock files: every package for every platform, by version and hash, no registry.

    *extra* goes to uv: `--upgrade` takes the newest versions that the requirements allow.
    """
    make_venv()
    install(*LOCKS, complete=False)
    for name, *kept in (("requirements",), ("requirements-dev", "--constraint=requirements.lock")):
        output = f"--output-file={name}.lock"
        say(f"Writing {name}.lock ...")
        made, said = attempt(PYTHON, "-m", *UV, *kept, *extra, f"{name}.txt", output)
        if not made:
            stop(f"{name}.lock was not written; see above.", said)


def write_env() -> None:
    """Write .env, for its owner's eyes only, with a new key; leave one with settings alone.

    One that holds nothing but a key is completed, and keeps its key.
    """
    env, example = HERE / ".env", (HERE / ".env.example").read_text("utf-8")
    alone = re.fullmatch(
        rb"\s*SECRET_KEY=([\w-]{32,})\s*", env.read_bytes() if env.exists() else b""
    )
    if env.exists() and not alone:
        return
    say("Completing .env ..." if alone else "Writing .env with a SECRET_KEY of its own ...")
    key = alone[1].decode() if alone else secrets.token_urlsafe(32)  # RFC 7518, section 3.2
    text = re.sub(r"^SECRET_KEY=.*$", f"SECRET_KEY={key}", example, flags=re.MULTILINE)
    new = HERE / ".env.new"  # beside it: an interrupted write leaves no half
    with open(new, "w", encoding="utf-8", opener=partial(os.open, mode=0o600)) as file:
        file.write(text)
    new.replace(env)


def in_production() -> bool:
    """Return whether the settings say production, in the environment or else in .env."""
    env = HERE / ".env"
    text = env.read_text("utf-8", errors="replace") if env.exists() else ""
    written = re.findall(
        r"^\s*(?:export\s+)?APP_ENV\s*=\s*['\"]?\s*(\w+)", text, flags=re.MULTILINE
    )
    return (os.environ.get("APP_ENV") or (written or [""])[-1]).strip().lower() == "production"


def migrate() -> None:
    """Bring the database to the newest schema; `db.migrate` knows when there is nothing to do."""
    if subprocess.call([PYTHON, "-m", "db.migrate"], cwd=HERE) != 0:
        stop("the database was not migrated; fix what is shown above and try again.")


def provide_chromium() -> None:
    """Give the tests a browser's path as CHROMIUM: the caller's, one found, or one installed."""
    os.environ["CHROMIUM"] = os.environ.get("CHROMIUM") or find_chromium() or install_chromium()


def find_chromium() -> str | None:
    """Return the path of a Chromium: the machine's or else Playwright's, None without either."""
    for path in filter(None, map(shutil.which, map(os.path.expandvars, BROWSERS))):
        # It may be a stub that only names a package to install. On Windows, asking opens a window.
        if os.name == "nt" or attempt(path, "--version")[0]:
            return path
    return shutil.which(attempt(PYTHON, "-c", ASK_PLAYWRIGHT)[1].partition("\n")[0])


def install_chromium() -> str:
    """Install a Chromium with apt-get, or else with Playwright; return its path."""
    say("Installing Chromium ...")
    attempt("apt-get", "update")  # for all but root this fails at once and does no harm
    installed, output = attempt("apt-get", "install", "-y", "chromium")
    if not installed:
        _, output = attempt(PYTHON, "-m", "playwright", "install", "chromium")
    return find_chromium() or stop("install Chromium or Chrome, or set CHROMIUM to one.", output)


def refuse_bad_port(*line: str) -> None:
    """Stop if the --server.port of *line* is no port, or something listens there already."""
    asked = dict(re.findall(r"--server\.(port|address)[= ](\S+)", " ".join(line)))
    port = asked.get("port")
    if port is None:
        return
    if not re.fullmatch("[0-9]{1,5}", port) or int(port) > HIGHEST_PORT:
        stop(f"--server.port is {port!r}, which is no port: write a number such as 8600", code=2)
    try:
        socket.create_connection((asked["address"], int(port)), timeout=0.5).close()
    except (KeyError, OSError):  # without an address, or nothing listens
        return
    other = int(port) + 1 if int(port) < HIGHEST_PORT else 8600
    stop(f"port {port} is taken; choose another one, such as --server.port={other}")


def start(steps: Iterable[Callable[[], None]], *line: str) -> NoReturn:
    """Do the *steps*, then become `python -m` *line*: signals and the exit code are its own."""
    refuse_bad_port(*line)
    for step in steps:
        step()
    os.chdir(HERE)
    command = [str(PYTHON), "-m", *line]
    if os.name != "nt":
        os.execv(PYTHON, command)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # no true exec there: wait, and leave Ctrl-C to it
    raise SystemExit(subprocess.call(command))


def serve(script: str, *options: str) -> NoReturn:
    """Set the app up and serve *script* on this machine; in development errors show on the page."""
    details = () if in_production() else ("--client.showErrorDetails=full",)
    start(APP, "streamlit", "run", script, *LOCAL, *details, *options)


def test(*extra: str) -> NoReturn:
    """Set the tests up and run them; without a browser where --quick leaves its tests out."""
    steps = TESTS[:-1] if "--quick" in extra else TESTS
    start(steps, "pytest", *extra)


LOCKS = ("requirements.lock", "requirements-dev.lock")
UV = (
    *("uv", "pip", "compile", "--quiet", "--universal", "--python-version=3.11", "--no-header"),
    *("--generate-hashes", "--no-emit-index-url", "--annotation-style=line"),
)
APP = (make_venv, partial(install, "requirements.lock"), write_env, migrate)
TESTS = (make_venv, partial(install, *LOCKS), provide_chromium)
LOCAL = ("--server.address=localhost", "--server.port=8501")  # extra arguments follow, and so win
EDITED = "--server.fileWatcherType=auto"  # what is saved is shown; it costs each visitor
COMMANDS: dict[str, Callable[..., None]] = {
    "run": partial(serve, "app.py", EDITED),
    "serve": partial(serve, "server.py"),
    "test": test,
    "bench": partial(start, TESTS, "bench"),
    "screenshots": partial(start, TESTS, "upkeep.screenshots"),
    "lock": lock,
    "remove": partial(start, APP[:2], "upkeep.remove"),
    "upgrade": partial(start, (make_venv,), "upkeep.upgrade"),
}
# What only the template has: its command is there where the file is.
TEMPLATES = {"bench": "bench/__main__.py", "screenshots": "upkeep/screenshots.py"}
for name, file in TEMPLATES.items():
    if not (HERE / file).is_file():
        del COMMANDS[name]


def main(arguments: list[str]) -> None:
    """Obey *arguments*: a command's name, `run` without one, and what to pass through to it."""
    if sys.version_info < OLDEST:
        stop("Python {}.{} or newer is needed; this is {}.{}.".format(*OLDEST, *sys.version_info))
    first = arguments[0] if arguments else "run"
    if first in ("help", "--help", "-h"):
        gone = "|".join(TEMPLATES.keys() - COMMANDS.keys()) or "$"
        print(re.sub(rf"^ +python3 dev\.py ({gone}) .*\n", "", __doc__, flags=re.MULTILINE))
        return
    name, extra = ("run", arguments) if first.startswith("-") else (first, arguments[1:])
    if name not in COMMANDS:
        stop(f"there is no command {name!r}; choose from {', '.join(COMMANDS)} and help.", code=2)
    COMMANDS[name](*extra)


def attempt(*command: str | Path) -> tuple[bool, str]:
    """Run *command* in this folder unseen; return whether it succeeded, and what it said."""
    try:
        done = subprocess.run(command, cwd=HERE, input="", capture_output=True, errors="replace")
    except OSError as error:  # not there, or not made for this machine
        return False, str(error)
    return done.returncode == 0, done.stdout + done.stderr


def stop(sentence: str, output: str = "", code: int = 1) -> NoReturn:
    """End with *code* and a *sentence* on stderr, below the end of a program's *output*."""
    print(*output.splitlines()[-20:], f"dev.py: {sentence}", sep="\n", file=sys.stderr)
    raise SystemExit(code)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)  # 128 + SIGINT, as shells have it
    except OSError as error:
        stop(str(error))
