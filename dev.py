"""Set this project up and start it. Any command may be repeated: it does only what is missing.

    python3 dev.py                       run the app: streamlit run app.py
    python3 dev.py --server.port 8600    the same; extra arguments go to streamlit and override ours
    python3 dev.py serve                 run server.py instead, whose cookie is HttpOnly
    python3 dev.py test -k cookie        run the test suite; extra arguments go to pytest
    python3 dev.py test --quick          only the quick tests: about a minute
    python3 dev.py bench                 print the benchmark tables
    python3 dev.py screenshots           retake the README's images; --all FOLDER: every page
    python3 dev.py auth create EMAIL     manage accounts: python -m auth; --help lists the commands
    python3 dev.py lock                  write the lock files after the requirements have changed
    python3 dev.py adopt PATH            bring user accounts into an existing Streamlit app
    python3 dev.py remove NAME           remove a feature: its folder, its lines, its tables
    python3 dev.py upgrade               apply the template's newest release, or the one you name
    python3 dev.py help                  print this

Every command makes .venv and installs what the lock files pin, checked by hash: with uv if it is
installed, or else with pip. A new requirement in pyproject.toml is locked first. The app also gets
an .env with its own secret key and a migrated database; the tests get a Chromium. An .env that has
settings is never touched. A step with nothing to do prints nothing, and an interrupted step is
repeated. All commands work from any folder.
"""

from __future__ import annotations  # needs Python 3.11; main() says so where this line parses

import contextlib
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
IMPORTED_FIRST = "import streamlit.web.bootstrap, extra_streamlit_components, uvicorn, websockets"
say = partial(print, flush=True)  # at once: start() loses what is still in the buffer


def make_venv() -> None:
    """Create .venv, or recreate it when its Python does not run or is too old."""
    probe = "import sys; sys.exit(sys.prefix == sys.base_prefix or sys.version_info < {})"
    if attempt(PYTHON, "-c", probe.format(OLDEST))[0]:
        return
    if not importlib.util.find_spec("venv"):
        stop("this Python cannot make a .venv; on Debian or Ubuntu: apt install python3-venv")
    say("Making .venv ...")
    # Without its own pip: uv needs none, and this Python's pip can install into it.
    made, output = attempt(sys.executable, "-m", "venv", "--clear", "--without-pip", VENV)
    if not made:
        stop("making .venv failed as shown above; delete that folder and try again.", output)


def install(*names: str) -> None:
    """Install the lock files *names*, unless .venv's stamp has their current digests.

    The stamp is removed before the installer starts and written when it has finished, so an
    interrupted install never counts as complete. Requirements not locked yet are locked first.
    """
    if missing := unlocked(names):
        say(f"{', '.join(missing)}: not locked yet.")
        lock()
    venv = (VENV / "pyvenv.cfg").read_bytes()
    digests = [hashlib.sha256(venv + (HERE / name).read_bytes()).hexdigest() for name in names]
    wanted = [f"{name} {digest}" for name, digest in zip(names, digests)]  # noqa: B905
    stamped = STAMP.read_text().splitlines() if STAMP.exists() else []
    if set(wanted) <= set(stamped):
        return
    say(f"Installing {' and '.join(names)} (a minute the first time) ...")
    STAMP.unlink(missing_ok=True)
    install_hashed(*(HERE / name for name in names))
    STAMP.write_text("\n".join(wanted))
    # The first start compiles what it imports. Another core can begin with that while this one
    # migrates the database; nothing waits for it.
    with contextlib.suppress(OSError):
        nul = subprocess.DEVNULL
        subprocess.Popen((PYTHON, "-c", IMPORTED_FIRST), cwd=HERE, stdout=nul, stderr=nul)


def install_hashed(*files: Path) -> None:
    """Install the packages pinned in *files*, checked by hash: with uv, or with pip if that fails.

    Each tool reads only its own settings (UV_*, uv.toml; PIP_*, pip.conf), so uv cannot reach an
    index that is configured for pip alone.
    """
    options = ("--quiet", "--require-hashes", *(f"--requirement={file}" for file in files))
    uv = shutil.which("uv")
    if uv and attempt(uv, "pip", "install", f"--python={PYTHON}", *options)[0]:
        return
    # Modules that are never imported need not be compiled; uv compiles nothing either.
    quiet = ("--no-input", "--disable-pip-version-check", "--no-compile")
    installed, output = attempt(*find_pip(), "install", *quiet, *options)
    if not installed:
        stop("the install failed as shown above; check the network and the pins named.", output)


def find_pip() -> tuple[str | Path, ...]:
    """Return the command of the pip that installs into .venv: this Python's, or else .venv's."""
    outside = (sys.executable, "-m", "pip", f"--python={PYTHON}")
    if attempt(*outside, "--version")[0]:  # pip 22.3 or newer
        return outside
    inside = (PYTHON, "-m", "pip")
    if not attempt(*inside, "--version")[0] and not attempt(PYTHON, "-m", "ensurepip")[0]:
        stop("neither uv nor pip is here; on Debian or Ubuntu: apt install python3-venv")
    return inside


def unlocked(names: Iterable[str]) -> list[str]:
    """Return the requirements that the lock files *names* lack, or have in another version."""
    found = []
    for name in names:
        locked = requirements((HERE / name).read_text("utf-8"))
        for package, version in requirements("\n".join(asked_for(name))).items():
            if package not in locked or version not in ("", locked[package]):
                found.append(f"{package}=={version}" if version else package)
    return found


def asked_for(name: str) -> list[str]:
    """Return the requirements that the lock file *name* is made from."""
    if name not in GROUPS:
        return (HERE / name).with_suffix(".txt").read_text("utf-8").splitlines()
    import tomllib  # not in Python 3.8, which has to parse this file

    declared = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))
    if GROUPS[name]:
        return list(declared["dependency-groups"][GROUPS[name]])
    written = (HERE / "requirements.txt").read_text("utf-8")
    wanted = list(declared["project"]["dependencies"])
    known = requirements("\n".join(wanted))
    lines = [line for line in written.splitlines() if line.strip() and line[0] != "#"]
    # An owner may have added a line there alone.
    return wanted + [line for line in lines if not known.keys() & requirements(line).keys()]


def requirements(text: str) -> dict[str, str]:
    """Return the packages in *text* by normalized name, each with its version or ""."""
    found = REQUIREMENT.findall(text)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def lock(*extra: str) -> None:
    """Write the lock files: every package for every platform, by version and hash, no index URL.

    Also writes requirements.txt, which hosts read. *extra* is passed to uv: `--upgrade` takes the
    newest versions that the requirements allow.
    """
    make_venv()
    uv, kept = find_uv(), list[str]()
    lines = asked_for(LOCKS[0])
    (HERE / "requirements.txt").write_text("\n".join([WRITTEN, *lines, ""]), "utf-8")
    for name in LOCKS:
        say(f"Writing {name} ...")
        sources = ["requirements.txt"] if name in GROUPS else [str(Path(name).with_suffix(".txt"))]
        if GROUPS.get(name):
            sources.append(f"--group=pyproject.toml:{GROUPS[name]}")
        made, said = attempt(*uv, *COMPILE, *kept, *extra, *sources, f"--output-file={name}")
        if not made:
            stop(f"{name} was not written; see above.", said)
        kept.append(f"--constraint={name}")


def find_uv() -> tuple[str | Path, ...]:
    """Return the command of uv: the locked one, the machine's, or the locked one installed now."""
    own = (PYTHON, "-m", "uv")
    if attempt(*own, "--version")[0]:
        return own
    found = shutil.which("uv")
    if found and attempt(found, "--version")[0]:
        return (found,)
    locked = (HERE / LOCKS[1]).read_text("utf-8")
    pin = re.search(r"^uv==.*\n(?:    .*\n)*", locked, re.MULTILINE)
    alone = VENV / "uv.lock"
    alone.write_text(pin[0] if pin else "", "utf-8")
    install_hashed(alone)
    return own


def write_env() -> None:
    """Write .env with a new key, readable by its owner only; never touch one that has settings.

    One that has only a key is completed and keeps that key.
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
    """Return whether APP_ENV is production, in the environment or else in .env."""
    env = HERE / ".env"
    text = env.read_text("utf-8", errors="replace") if env.exists() else ""
    written = re.findall(
        r"^\s*(?:export\s+)?APP_ENV\s*=\s*['\"]?\s*(\w+)", text, flags=re.MULTILINE
    )
    return (os.environ.get("APP_ENV") or (written or [""])[-1]).strip().lower() == "production"


def migrate() -> None:
    """Upgrade the database to the newest schema; `db.migrate` finds out if there is work to do."""
    if subprocess.call([PYTHON, "-m", "db.migrate"], cwd=HERE) != 0:
        stop("the database was not migrated; fix what is shown above and try again.")


def provide_chromium() -> None:
    """Set CHROMIUM to a browser's path: the caller's, one found, or one installed now."""
    os.environ["CHROMIUM"] = os.environ.get("CHROMIUM") or find_chromium() or install_chromium()


def find_chromium() -> str | None:
    """Return the path of a Chromium: the machine's, else Playwright's, else None."""
    for path in filter(None, map(shutil.which, map(os.path.expandvars, BROWSERS))):
        # It may be a stub that only names a package to install. On Windows, asking opens a window.
        if os.name == "nt" or attempt(path, "--version")[0]:
            return path
    return shutil.which(attempt(PYTHON, "-c", ASK_PLAYWRIGHT)[1].partition("\n")[0])


def install_chromium() -> str:
    """Install a Chromium with apt-get, or else with Playwright; return its path."""
    say("Installing Chromium ...")
    attempt("apt-get", "update")  # except as root, this fails at once and does no harm
    installed, output = attempt("apt-get", "install", "-y", "chromium")
    if not installed:
        _, output = attempt(PYTHON, "-m", "playwright", "install", "chromium")
    return find_chromium() or stop("install Chromium or Chrome, or set CHROMIUM to one.", output)


def refuse_bad_port(*line: str) -> None:
    """Stop if the --server.port of *line* isn't a port, or is already in use."""
    asked = dict(re.findall(r"--server\.(port|address)[= ](\S+)", " ".join(line)))
    port = asked.get("port")
    if port is None:
        return
    if not re.fullmatch("[0-9]{1,5}", port) or int(port) > HIGHEST_PORT:
        stop(f"--server.port is {port!r}, not a port: write a number such as 8600", code=2)
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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Windows has no exec: wait, leave Ctrl-C to it
    raise SystemExit(subprocess.call(command))


def serve(script: str, *options: str) -> NoReturn:
    """Set the app up and serve *script* on this machine; in development errors show on the page."""
    details = () if in_production() else ("--client.showErrorDetails=full",)
    start(APP, "streamlit", "run", script, *LOCAL, *details, *options)


def test(*extra: str) -> NoReturn:
    """Set the tests up and run them; without a browser where --quick leaves its tests out."""
    steps = TESTS[:-1] if "--quick" in extra else TESTS
    # Dealt out file by file, the workers would wait for the longest file at the end.
    dealt = ("--dist=worksteal",) if "--quick" in extra else ()
    start(steps, "pytest", *dealt, *extra)


# Each lock file, and the group of pyproject.toml that it adds to what the app needs.
GROUPS = {"requirements.lock": "", "requirements-dev.lock": "dev"}
TEMPLATE_LOCK = (
    "tests/template/requirements.lock"  # made from the .txt beside it; no project has it
)
LOCKS = (*GROUPS, *((TEMPLATE_LOCK,) if (HERE / TEMPLATE_LOCK).is_file() else ()))
WRITTEN = "# What hosts read; `python3 dev.py lock` writes it from pyproject.toml."
COMPILE = (
    *("pip", "compile", "--quiet", "--universal", "--python-version=3.11", "--no-header"),
    *("--generate-hashes", "--no-emit-index-url", "--annotation-style=line"),
)
APP = (make_venv, partial(install, "requirements.lock"), write_env, migrate)
TESTS = (make_venv, partial(install, *LOCKS), provide_chromium)
LOCAL = ("--server.address=localhost", "--server.port=8501")  # arguments after these override them
EDITED = "--server.fileWatcherType=auto"  # shows saved files; costs each session memory
COMMANDS: dict[str, Callable[..., None]] = {
    "run": partial(serve, "app.py", EDITED),
    "serve": partial(serve, "server.py"),
    "test": test,
    "bench": partial(start, TESTS, "bench"),
    "screenshots": partial(start, TESTS, "upkeep.screenshots"),
    "auth": partial(start, APP[:3], "auth"),
    "lock": lock,
    "adopt": lambda *line: start(APP[:1], "upkeep.adopt", "--at", str(Path.cwd()), *line),
    "remove": partial(start, APP[:2], "upkeep.remove"),
    "upgrade": partial(start, (make_venv,), "upkeep.upgrade"),
}
TEMPLATES = {"adopt", "bench", "screenshots"}  # commands that only the template has
if not (HERE / "upkeep/adopt.py").is_file():
    for name in TEMPLATES:
        del COMMANDS[name]


def main(arguments: list[str]) -> None:
    """Run the command in *arguments* (default `run`) and pass the rest through to it."""
    if sys.version_info < OLDEST:
        stop("Python {}.{} or newer is needed; this is {}.{}.".format(*OLDEST, *sys.version_info))
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):  # each start would compile everything
        # Not in this folder: its watcher stops if folders appear in it while the app runs.
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path.home() / ".cache/cpython"))
    first = arguments[0] if arguments else "run"
    if first in ("help", "--help", "-h"):
        gone = "|".join(TEMPLATES - COMMANDS.keys()) or "$"
        print(re.sub(rf"^ +python3 dev\.py ({gone}) .*\n", "", __doc__, flags=re.MULTILINE))
        return
    name, extra = ("run", arguments) if first.startswith("-") else (first, arguments[1:])
    if name not in COMMANDS:
        stop(f"there is no command {name!r}; choose from {', '.join(COMMANDS)} and help.", code=2)
    COMMANDS[name](*extra)


def attempt(*command: str | Path) -> tuple[bool, str]:
    """Run *command* in this folder silently; return whether it succeeded, and its output."""
    try:
        done = subprocess.run(command, cwd=HERE, input="", capture_output=True, errors="replace")
    except OSError as error:  # it is missing, or not made for this machine
        return False, str(error)
    return done.returncode == 0, done.stdout + done.stderr


def stop(sentence: str, output: str = "", code: int = 1) -> NoReturn:
    """Exit with *code* and a *sentence* on stderr, below the end of a program's *output*."""
    print(*output.splitlines()[-20:], f"dev.py: {sentence}", sep="\n", file=sys.stderr)
    raise SystemExit(code)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)  # 128 + SIGINT, as shells have it
    except OSError as error:
        stop(str(error))
