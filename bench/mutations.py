"""Mutation testing: break the code that guards accounts, one small change at a time.

Every mutant must fail a test, or be listed in `bench/equivalent_mutants.toml` with the reason why
it behaves like the original. The tool is mutmut 3: for each mutant it forks from a process that has
imported everything, and runs only the tests that reached the changed function, so a mutant costs
about a second. cosmic-ray 8 restarts Python and the same tests for each mutant, which takes several
times as long. Its one advantage is that it also changes constants outside of functions; here those
are policy, which a test compares with SECURITY.md.

Works on copies outside the repository; an interrupted run resumes there if nothing has changed.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from bench.table import Row, progress

ROOT = Path(__file__).resolve().parent.parent
EQUIVALENT = ROOT / "bench/equivalent_mutants.toml"
# Each file to mutate, and the tests that must fail.
TARGETS = {
    "auth/keys.py": ("unit/test_keys.py", "unit/test_tokens.py", "unit/test_settings.py"),
    "auth/hand_off.py": (
        *("unit/test_tickets.py", "unit/test_rotation.py", "unit/test_sessions.py"),
        "unit/life/test_audit.py",
    ),
    "auth/tokens.py": (
        *("unit/test_tokens.py", "unit/test_token_times.py", "unit/test_jws_vectors.py"),
        "property/test_any_input.py",
    ),
    "auth/rotation.py": ("unit/test_rotation.py", "unit/life/test_changes.py"),
    "auth/email_tokens.py": ("unit/life/test_email_tokens.py", "unit/life/test_links.py"),
    "auth/throttle.py": ("unit/life/test_throttle.py", "property/test_throttle.py"),
    "auth/sessions.py": (
        *("unit/test_sessions.py", "unit/test_service.py", "unit/test_devices.py"),
        "unit/life/test_audit.py",
    ),
    "auth/passwords.py": (
        *("unit/test_passwords.py", "unit/test_bcrypt_vectors.py", "unit/test_fair_queue.py"),
        "property/test_any_input.py",
    ),
    "web/edge.py": ("unit/test_edge.py", "unit/test_gate.py", "unit/test_page_cookies.py"),
    "web/gate.py": ("unit/test_gate.py",),
    "web/messages.py": ("unit/test_messages.py", "unit/test_protocols.py", "unit/test_gate.py"),
    "web/sockets.py": ("unit/test_sockets.py", "unit/test_gate.py"),
    "web/turns.py": ("unit/test_turns.py", "unit/test_gate.py"),
    "web/page_cookies.py": ("unit/test_page_cookies.py",),
    "web/headers.py": ("unit/test_headers.py",),
    "web/guard.py": ("unit/test_guard.py", "app"),
}
QUICK = ("auth/keys.py",)
REQUIRED = 95  # per cent of those that change anything
SOURCES = (
    *(
        "*.py",
        "auth",
        "db",
        "web",
        "features",
        "views",
        "migrations",
        "tests",
        "bench",
        ".streamlit",
    ),
    *("pyproject.toml", "*.md", "*.txt", "docs", "deploy", ".env.example"),
)
# Modules imported once for all mutants: slow to import, and without threads that a fork would lose.
PRELOADED = (
    *("streamlit.testing.v1", "sqlalchemy", "alembic.command", "psycopg", "hypothesis", "bcrypt"),
    *("jwt", "zxcvbn", "email_validator", "pydantic_settings", "auth.service", "db.migrate"),
)
# mutmut leaves a file open on /dev/null in each fork. The garbage collector closes it in one of the
# tests, which would fail for it, and the mutant would count as killed.
CONFIGURATION = """
[tool.mutmut]
source_paths = ["auth", "web"]
only_mutate = ["{target}"]
also_copy = {also}
process_isolation = "forkserver"
forkserver_warmup = "import"
preload_modules_file = "preloaded.txt"
timeout_multiplier = 3.0
timeout_constant = 10.0
pytest_add_cli_args = [
  "-o", "addopts=", "-p", "no:cacheprovider", "-k", "not postgresql",
  "-W", "ignore::pytest.PytestAssertRewriteWarning",
  "-W", "ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning",
]
pytest_add_cli_args_test_selection = {tests}
"""
# pytest's exit codes where a test failed or a test module could not be imported (4, which mutmut
# makes 255); and the signals that end a process that takes too long.
NOTICED = frozenset({1, 2, 3, 255, 24, -24, 36, 152, -9})
RAN = frozenset({0, 1})  # a test was run, and passed or failed
SPINNER = re.compile(r"\s*$|[\u2800-\u28ff]")  # what mutmut draws while it works
PROGRESS = re.compile(r"(\d+)/(\d+) ")


@dataclass(frozen=True)
class Mutant:
    """One change: mutmut's name for it, and its tests' exit code; None if they never ran."""

    name: str
    exit_code: int | None

    @property
    def file(self) -> str:
        """The path of the changed file."""
        return self.name.rpartition(".")[0].replace(".", "/") + ".py"

    @property
    def killed(self) -> bool:
        """Whether a test failed, or never came to an end."""
        return self.exit_code in NOTICED


@dataclass(frozen=True)
class Change:
    """A mutant identified by what it changes, which survives a renumbering by mutmut."""

    file: str
    was: str
    became: str

    def only_case_of(self, names: frozenset[str]) -> bool:
        """Return whether it changes only the case of one of the header *names*."""

        def plain(text: str) -> str:
            lower = (name.lower() for name in names)
            return reduce(lambda t, n: re.sub(f'"{n}"', f'"{n}"', t, flags=re.I), lower, text)

        return plain(self.was) == plain(self.became)


def measure(quick: bool) -> list[Row]:
    """Return the percentage of each file's mutants that tests kill; a smoke test if *quick*."""
    targets = QUICK if quick else tuple(TARGETS)
    state, excused, headers = fingerprint(), equivalents(), header_names()
    mutants: list[Mutant] = []
    unexplained: set[Mutant] = set()
    for target in targets:
        folder = prepare(target, state)
        run_mutants(folder, target)
        found = results(folder)
        if not any(mutant.exit_code in RAN for mutant in found):
            raise RuntimeError(f"the tests of {target} could not run at all")
        mutants += found
        for mutant in found:
            if mutant.killed:
                continue
            made = change(folder, mutant)
            if made in excused or made.only_case_of(headers):
                continue
            unexplained.add(mutant)
            progress("")
            said = (
                f"survived ({mutant.exit_code}): {mutant.name}\n  - {made.was}\n  + {made.became}"
            )
            print(said, file=sys.stderr, flush=True)
    return rows(targets, mutants, unexplained)


def rows(targets: Iterable[str], mutants: list[Mutant], unexplained: set[Mutant]) -> list[Row]:
    """Return a row for each file, one for all, and one for the unexplained survivors."""
    of_file: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        of_file[mutant.file].append(mutant)
    table = [_share(target, of_file[target], unexplained) for target in targets]
    table.append(_share("all", mutants, unexplained, at_least=REQUIRED))
    unknown = float(len(unexplained))
    table.append(Row("survivors without a reason", unknown, "", EQUIVALENT.name, at_most=0))
    return table


def _share(
    what: str, mutants: list[Mutant], unexplained: set[Mutant], at_least: float | None = None
) -> Row:
    killed = sum(mutant.killed for mutant in mutants)
    open_ones = sum(mutant in unexplained for mutant in mutants)
    excused = len(mutants) - killed - open_ones
    how = f"{killed} of {len(mutants)} killed, {excused} equivalent, {open_ones} survived"
    counted = len(mutants) - excused  # what changes nothing cannot be noticed
    percent = 100 * killed / counted if counted else float("nan")
    return Row(what, percent, "%", how, at_least=at_least)


def prepare(target: str, state: str) -> Path:
    """Return a folder with a copy to mutate; drop results of another *state* of the code."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    here = hashlib.sha256(bytes(ROOT)).hexdigest()[:12]
    folder = cache / "streamlit-auth-mutations" / here / target.replace("/", ".")
    stamp = folder / "state"
    if stamp.exists() and stamp.read_text() == state:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    for file in sources():
        copy = folder / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, copy)
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as configuration:
        configuration.write(configure(target))
    (folder / "preloaded.txt").write_text("\n".join(PRELOADED))
    stamp.write_text(state)
    return folder


def configure(target: str) -> str:
    """Return mutmut's settings for *target*."""
    tests = [f"tests/{name}" for name in TARGETS[target]]
    mutated = {"auth", "web", "tests"}  # copied anyway
    also = sorted({file.relative_to(ROOT).parts[0] for file in sources()} - mutated)
    return CONFIGURATION.format(target=target, also=also, tests=tests)


def sources() -> Iterator[Path]:
    """Yield the files that the tests need, in a fixed order."""
    for pattern in SOURCES:
        for found in sorted(ROOT.glob(pattern)):
            files = sorted(found.rglob("*")) if found.is_dir() else [found]
            yield from (f for f in files if f.is_file() and "__pycache__" not in f.parts)


def fingerprint() -> str:
    """Return a digest of everything that influences the results."""
    digest = hashlib.sha256(sys.version.encode())
    for file in sources():
        digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def run_mutants(folder: Path, target: str) -> None:
    """Run the remaining mutants in *folder*; mutmut's progress goes to the terminal."""
    command = [*mutmut(), "run", "--max-children", str(workers())]
    said: list[str] = []
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
    ) as process:
        assert process.stdout
        try:
            for line in _lines(process.stdout.fileno()):
                if not SPINNER.match(line):
                    said.append(line)
                if counted := PROGRESS.search(line):
                    progress(f"{target}: {counted[1]} of {counted[2]} mutants")
        finally:
            if process.poll() is None:  # interrupted: mutmut stops its own processes
                process.send_signal(signal.SIGINT)
    if process.returncode:
        raise RuntimeError(f"mutmut failed for {target}:\n" + "\n".join(said[-40:]))


def workers() -> int:
    """Return the number of parallel mutants: MUTATION_WORKERS, or one per core."""
    return int(os.environ.get("MUTATION_WORKERS") or os.cpu_count() or 1)


def results(folder: Path) -> list[Mutant]:
    """Return every mutant in *folder* with its result."""
    metas = sorted((folder / "mutants").rglob("*.py.meta"))
    codes = [json.loads(meta.read_text("utf-8"))["exit_code_by_key"] for meta in metas]
    return [Mutant(name, code) for found in codes for name, code in found.items()]


def change(folder: Path, mutant: Mutant) -> Change:
    """Return what *mutant* changes, line by line."""
    lines = _ask(folder, "show", mutant.name).splitlines()
    body = [line for line in lines if not line.startswith(("---", "+++", "#"))]
    was = [" ".join(line[1:].split()) for line in body if line.startswith("-")]
    became = [" ".join(line[1:].split()) for line in body if line.startswith("+")]
    return Change(mutant.file, " ".join(was), " ".join(became))


def equivalents() -> set[Change]:
    """Return the changes that no test can notice, listed in the file with their reasons."""
    listed = tomllib.loads(EQUIVALENT.read_text("utf-8")).get("equivalent", [])
    changes = [Change(entry["file"], entry["was"], entry["became"]) for entry in listed]
    twice = [made for made, count in Counter(changes).items() if count > 1]
    if twice or not all(entry["reason"].strip() for entry in listed):
        raise ValueError(f"{EQUIVALENT.name}: an entry is there twice, or has no reason: {twice}")
    return set(changes)


def header_names() -> frozenset[str]:
    """Return the names of HTTP headers in the code: their case means nothing (RFC 9110, 5.1)."""
    listed = tomllib.loads(EQUIVALENT.read_text("utf-8"))["headers"]
    return frozenset(listed["names"])


def mutmut() -> list[str]:
    """Return the command that starts mutmut with this Python."""
    return [sys.executable, "-c", "import mutmut.__main__ as m; m.cli(prog_name='mutmut')"]


def _ask(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [*mutmut(), *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def _lines(descriptor: int) -> Iterator[str]:
    """Yield the output piece by piece: a progress line ends in a carriage return."""
    rest = b""
    while piece := os.read(descriptor, 65_536):
        *whole, rest = re.split(rb"[\r\n]+", rest + piece)
        yield from (line.decode("utf-8", "replace") for line in whole)
    yield rest.decode("utf-8", "replace")
