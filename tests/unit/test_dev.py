"""The set-up script: what it does once, what it leaves alone, and how it reports failures.

Each test runs a copy of dev.py in its own folder, with a real .venv, real installers and real
sockets. Only the program started after the set-up is a fake: it prints how it was started.
"""

import ast
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import dev

Ended = subprocess.CompletedProcess[str]

pytestmark = pytest.mark.slow

posix_only = pytest.mark.skipif(os.name == "nt", reason="signals, modes and scripts are POSIX's")

STAND_IN = """
import json, os, sys
print(json.dumps({"line": sys.argv[1:], "folder": os.getcwd(), **os.environ}))
sys.exit(int(os.environ.get("STAND_IN_EXIT", 0)))
"""
MIGRATE = """
import os, sys
sys.exit(int(os.environ.get("MIGRATE_EXIT", 0)))
"""
UV_FAILS = "import sys; sys.exit('--version' not in sys.argv)"
SLOW_BUILD = """
import pathlib, time
def prepare_metadata_for_build_wheel(*_):
    pathlib.Path({started!r}).touch()
    time.sleep(60)
"""


# With uv, where nothing is said: it is the one that takes less time.
SCRIPTS = Path(sys.executable).parent
FOLDERS = os.environ["PATH"].split(os.pathsep)
PATHS = {
    "uv": os.pathsep.join([str(SCRIPTS), *FOLDERS]),
    "pip": os.pathsep.join(folder for folder in FOLDERS if not shutil.which("uv", path=folder)),
}
DECLARED = """
[project]
dependencies = [{app}]
[dependency-groups]
dev = [{dev}]
"""


class Project:
    """A copy of dev.py in *folder*, with the minimum it needs."""

    def __init__(self, folder: Path) -> None:
        """Create the project's files; nothing is set up yet."""
        self.folder = folder
        (folder / "db").mkdir(parents=True)
        shutil.copy(dev.__file__, folder)
        for name in ("requirements.txt", "requirements.lock", "requirements-dev.lock"):
            (folder / name).touch()
        self.declare()
        (folder / ".env.example").write_text("APP_NAME=Ada's\nSECRET_KEY=\nSMTP_URL=\n")
        (folder / "db/migrate.py").write_text(MIGRATE)
        for module in ("streamlit", "pytest", "uv"):
            (folder / f"{module}.py").write_text(STAND_IN)

    def declare(self, app: str = "", dev: str = "") -> None:
        """Write one requirement for the app, and one for the tests."""
        texts = {"app": app and f'"{app}"', "dev": dev and f'"{dev}"'}
        (self.folder / "pyproject.toml").write_text(DECLARED.format(**texts))

    def run(self, *arguments: str, installer: str = "uv", **environment: str) -> Ended:
        """Run dev.py from another folder, where only *installer* can be found."""
        return subprocess.run(
            [sys.executable, self.folder / "dev.py", *arguments],
            cwd=self.folder.parent,
            env=os.environ | {"PATH": PATHS[installer]} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def stamp(self) -> Path:
        """The file that records what .venv holds."""
        return self.folder / dev.STAMP.relative_to(dev.HERE)

    @property
    def env(self) -> Path:
        """The settings file that a run writes."""
        return self.folder / ".env"


def make_program(path: Path, code: int = 0) -> None:
    """Write a program that exits with *code* at once."""
    path.write_text(f"#!/bin/sh\nexit {code}\n")
    path.chmod(0o755)


def never(*arguments: object) -> tuple[bool, str]:
    """Fail: the replaced function must not be called."""
    raise AssertionError(f"called with {arguments}")


def sentence(ended: Ended) -> str:
    """Return dev.py's final sentence, with no traceback above it."""
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    return ended.stderr.splitlines()[-1].removeprefix("dev.py: ")


def started(ended: Ended) -> dict[str, object]:
    """Return how the fake reports that it was started."""
    assert ended.returncode == 0, ended.stderr
    report: dict[str, object] = json.loads(ended.stdout.splitlines()[-1])
    return report


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Ended]:
    """A project in a folder with a space in its name, and its first run."""
    project = Project(tmp_path_factory.mktemp("once") / "my app")
    return project, project.run("--server.port=0")


@pytest.fixture
def new(tmp_path: Path) -> Project:
    """A project as cloned."""
    return Project(tmp_path / "new app")


@pytest.fixture
def project(new: Project, first: tuple[Project, Ended]) -> Project:
    """A project with its .venv in place, moved here from elsewhere, and no .env yet."""
    shutil.copytree(first[0].folder / ".venv", new.folder / ".venv", symlinks=True)
    return new


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that is in use."""
    with socket.create_server(("localhost", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free() -> int:
    """A port that is free."""
    with socket.create_server(("localhost", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_a_new_project_is_set_up_step_by_step(first: tuple[Project, Ended]) -> None:
    """One command makes, installs and writes all that is missing, and says so line by line."""
    project, ended = first

    assert started(ended)["folder"] == str(project.folder)
    assert [line.split()[0] for line in ended.stdout.splitlines()[:-1]] == [
        *("Making", "Installing", "Writing")
    ]


def test_a_second_run_does_nothing_and_says_nothing(project: Project, free: int) -> None:
    """A step that is up to date is silent; moving the project does not make it out of date."""
    project.env.write_text("APP_NAME=Mine\nSECRET_KEY=mine")

    ended = project.run(f"--server.port={free}")

    assert started(ended)
    assert len(ended.stdout.splitlines()) == 1


def test_a_changed_lock_is_installed_once_more(project: Project, free: int) -> None:
    """The stamp holds a digest of the lock, so pulling a new one is enough to get it."""
    (project.folder / "requirements.lock").write_text("# changed")

    changed = project.run(f"--server.port={free}")
    repeated = project.run(f"--server.port={free}")

    assert "Installing requirements.lock" in changed.stdout
    assert "Installing" not in repeated.stdout


@pytest.mark.parametrize("pin", ["{}", "{} --hash=sha256:" + "0" * 64, "./no-such-package"])
def test_what_has_not_the_locked_hash_is_not_installed(
    project: Project, free: int, pin: str
) -> None:
    """CF-3: neither uv nor pip accepts it; their output comes first, then one sentence."""
    line = pin.format(f"./{make_wheel(project.folder).name}")
    (project.folder / "requirements.lock").write_text(line)

    ended = project.run(f"--server.port={free}")

    assert sentence(ended).startswith("the install failed as shown above; check the network")
    assert "hash" in ended.stderr.lower() or "./no-such-package" in ended.stderr
    assert installed_files(project) == {}
    assert not project.stamp.exists()
    assert not project.env.exists()


def test_uv_and_pip_install_the_same(project: Project, free: int) -> None:
    """CF-3: the same files with the same content, whichever a machine has."""
    wheel = make_wheel(project.folder)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (project.folder / "requirements.lock").write_text(f"./{wheel.name} --hash=sha256:{digest}\n")
    found = []
    for installer in PATHS:
        assert started(project.run(f"--server.port={free}", installer=installer))
        found.append(installed_files(project))
        shutil.rmtree(project.folder / ".venv")

    assert found[0] == found[1] != {}


def make_wheel(folder: Path) -> Path:
    """Write a package of one module, as a registry would hand it out."""
    about = "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
    kind = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {"tiny.py": "ONE = 1\n", "METADATA": about, "WHEEL": kind, "RECORD": ""}
    wheel = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name if name.endswith(".py") else f"tiny-1.0.dist-info/{name}", text)
    return wheel


def installed_files(project: Project) -> dict[str, str]:
    """Return what .venv holds of that package, less the notes that an installer leaves."""
    notes = {
        "RECORD",
        "INSTALLER",
        "REQUESTED",
        "direct_url.json",
        "uv_cache.json",
        "uv_build.json",
    }
    return {
        file.name: file.read_text()
        for file in project.folder.glob(".venv/**/tiny*/*")
        if file.name not in notes
    } | {file.name: file.read_text() for file in project.folder.glob(".venv/**/tiny.py")}


@posix_only
@pytest.mark.parametrize("broken", ["uv", "neither"])
def test_pip_installs_where_uv_cannot(
    project: Project, free: int, tmp_path: Path, broken: str
) -> None:
    """uv may lack the index configured for pip, or be a stub that only fails."""
    make_program(tmp_path / "uv", code=127 if broken == "uv" else 0)
    wheel = make_wheel(project.folder)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (project.folder / "requirements.lock").write_text(f"./{wheel.name} --hash=sha256:{digest}\n")

    ended = project.run(f"--server.port={free}", PATH=f"{tmp_path}{os.pathsep}{PATHS['pip']}")

    assert started(ended)
    assert (installed_files(project) != {}) == (broken == "uv")


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        ("Own_Package[extra]==1.3", "own-package==1.3"),
        ("other", "other"),
        ("other>=2  # newest", "other"),
    ],
)
@pytest.mark.parametrize("place", ["app", "dev", "requirements.txt"])
def test_a_requirement_that_is_not_locked_is_locked_first(
    project: Project, asked: str, missing: str, place: str
) -> None:
    """An owner writes one line, unpinned if they like, and starts the app."""
    locked = "own-package==1.2 --hash=sha256:00\n"
    for name in ("requirements.lock", "requirements-dev.lock"):
        (project.folder / name).write_text(locked)
    if place == "requirements.txt":
        (project.folder / place).write_text(f"# mine\n{asked}\n")
    else:
        project.declare(**{place: asked})
    (project.folder / "uv.py").write_text(UV_FAILS)

    ended = project.run("test", CHROMIUM=sys.executable)

    assert f"{missing}: not locked yet.\nWriting requirements.lock ..." in ended.stdout
    assert sentence(ended) == "requirements.lock was not written; see above."


def test_the_lock_files_are_written_for_all_platforms(project: Project) -> None:
    """CF-3: hashes of every file of every package, and no registry's address."""
    project.declare("not-locked-yet==1.0")
    (project.folder / "requirements.txt").write_text("# mine\nNot_Locked.yet==0.9\n./own\n")
    (project.folder / "uv.py").write_text(
        "import sys; open('uv.log', 'a').write(' '.join(sys.argv[1:]) + chr(10))"
    )

    ended = project.run("lock", "--upgrade")

    assert ended.returncode == 0, ended.stderr
    _version, app, tests = (project.folder / "uv.log").read_text().splitlines()
    for line in (app, tests):
        assert "pip compile" in line and "--universal" in line and "--upgrade" in line
        assert "--generate-hashes" in line and "--no-emit-index-url" in line
    assert app.endswith("requirements.txt --output-file=requirements.lock")
    assert "--constraint=requirements.lock" in tests
    assert "--group=pyproject.toml:dev" in tests
    assert tests.endswith("--output-file=requirements-dev.lock")
    hosts = (project.folder / "requirements.txt").read_text()
    assert hosts == f"{dev.WRITTEN}\nnot-locked-yet==1.0\n./own\n"


def test_the_tests_add_to_what_the_app_has_and_keep_it(project: Project, free: int) -> None:
    """Both sets of requirements are stamped apart: neither command undoes the other's install."""
    chromium = {"CHROMIUM": sys.executable}

    first = project.run("test", **chromium)
    second = project.run("test", **chromium)
    app = project.run(f"--server.port={free}")

    assert "Installing requirements.lock and requirements-dev.lock" in first.stdout
    assert "Installing" not in second.stdout + app.stdout


@posix_only
def test_an_interrupted_install_is_done_again(project: Project, free: int) -> None:
    """The stamp goes first: an undone edit cannot bring back a half-changed .venv."""
    building = project.folder / "building"
    package = project.folder / "slow"
    package.mkdir()
    (package / "backend.py").write_text(SLOW_BUILD.format(started=str(building)))
    (package / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]'
    )
    archive = Path(shutil.make_archive(str(package), "gztar", project.folder, "slow"))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (project.folder / "requirements.lock").write_text(f"./slow.tar.gz --hash=sha256:{digest}")

    running = subprocess.Popen(
        [sys.executable, project.folder / "dev.py", f"--server.port={free}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A suite in the background ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 20  # seconds
    while not building.exists() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGINT)  # what Ctrl-C does: dev.py and its installer
    _, complaint = running.communicate(timeout=60)

    assert building.exists()
    assert (running.returncode, complaint) == (130, "")
    assert not project.stamp.exists()

    (project.folder / "requirements.lock").write_text("")
    assert "Installing" in project.run(f"--server.port={free}").stdout


def test_an_existing_env_is_never_touched(project: Project, free: int) -> None:
    """The content of .env, even an empty one, is its owner's decision."""
    project.env.write_text("")

    ended = project.run(f"--server.port={free}")

    assert started(ended)
    assert project.env.read_text() == ""


@posix_only
def test_an_env_with_nothing_but_a_key_is_completed(project: Project, free: int) -> None:
    """As left by an earlier `python -m db.migrate`: the key stays, the other settings come."""
    key = "k" * 43
    project.env.write_text(f"SECRET_KEY={key}\n")

    ended = project.run(f"--server.port={free}")

    assert "Completing .env" in ended.stdout
    assert project.env.read_text() == f"APP_NAME=Ada's\nSECRET_KEY={key}\nSMTP_URL=\n"
    assert stat.S_IMODE(project.env.stat().st_mode) == 0o600
    assert [file.name for file in project.folder.glob(".env*")] in (
        [".env", ".env.example"],
        [".env.example", ".env"],
    )


def test_each_project_gets_a_key_of_its_own(project: Project, free: int) -> None:
    """A key in the repository would be public: .env gets 32 random bytes, the rest as is."""
    texts = set()
    for _ in range(2):
        project.run(f"--server.port={free}")
        texts.add(project.env.read_text())
        project.env.unlink()

    keys = {text.splitlines()[1].removeprefix("SECRET_KEY=") for text in texts}
    assert len(keys) == 2
    assert all(len(key) >= 43 for key in keys)  # 32 bytes in base64
    assert all(text.splitlines()[::2] == ["APP_NAME=Ada's", "SMTP_URL="] for text in texts)


@posix_only
def test_only_the_owner_can_read_the_env(project: Project, free: int) -> None:
    """The file is created with mode 0600, not narrowed afterwards."""
    project.run(f"--server.port={free}")

    assert stat.S_IMODE(project.env.stat().st_mode) == 0o600


@posix_only
def test_a_venv_whose_python_is_gone_is_made_anew(project: Project, free: int) -> None:
    """A .venv from another machine, or from a Python since removed, is no use."""
    python = project.folder / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/no/such/python")

    ended = project.run(f"--server.port={free}")

    assert started(ended)
    assert ended.stdout.startswith("Making .venv")


@pytest.mark.parametrize("missing", ["venv", "pip"])
def test_a_python_that_lacks_a_part_names_the_package(new: Project, missing: str) -> None:
    """Debian's python3 comes without ensurepip, and may come without pip: the sentence says so."""
    code = (
        "import dev; dev.importlib.util.find_spec = lambda name: None; dev.main(['test'])"
        if missing == "venv"
        else "import dev; dev.attempt = lambda *_: (False, ''); dev.find_pip()"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=new.folder, capture_output=True, text=True, check=False
    )

    assert sentence(ended).endswith("apt install python3-venv")


def test_a_pip_of_its_own_is_made_where_there_is_no_other(project: Project) -> None:
    """This Python's pip may be missing, or too old to install elsewhere."""
    code = (
        "import dev, sys; attempt = dev.attempt;"
        "dev.attempt = lambda *c: (False, '') if c[0] == sys.executable else attempt(*c);"
        "print(dev.attempt(*dev.find_pip(), '--version'))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.stdout.startswith("(True, 'pip ")
    assert str(project.folder / ".venv") in ended.stdout


def test_bytecode_is_kept_where_it_may_not_lie_about(project: Project, free: int) -> None:
    """Compiling all of Streamlit takes seconds of each start otherwise.

    Outside the project: folders that appear in it end the watcher that shows what is saved.
    """
    ended = started(project.run(f"--server.port={free}", PYTHONDONTWRITEBYTECODE="1"))

    assert "PYTHONDONTWRITEBYTECODE" not in ended
    assert ended["PYTHONPYCACHEPREFIX"] == str(Path.home() / ".cache/cpython")


def test_a_python_too_old_is_named_with_the_one_needed(new: Project) -> None:
    """An older Python gets a sentence, not the traceback of the first thing it lacks."""
    code = (
        "import runpy, sys; sys.version_info = (3, 8, 18, 'final', 0); sys.argv = ['dev.py'];"
        "runpy.run_path('dev.py', run_name='__main__')"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=new.folder, capture_output=True, text=True, check=False
    )

    assert sentence(ended) == "Python 3.11 or newer is needed; this is 3.8."


def test_a_python_too_old_can_still_parse_the_script() -> None:
    """The sentence above is only reached if the whole file is grammar that Python 3.8 knows."""
    source = Path(dev.__file__).read_text("utf-8")

    assert ast.parse(source, feature_version=(3, 8))


@pytest.mark.parametrize("spelling", ["--server.port={}", "--server.port {}"])
def test_a_taken_port_is_told_before_anything_is_done(
    new: Project, taken: int, spelling: str
) -> None:
    """A developer who started the app twice reads at once how to choose another port."""
    ended = new.run(*spelling.format(taken).split())

    assert sentence(ended) == (
        f"port {taken} is taken; choose another one, such as --server.port={taken + 1}"
    )
    assert not (new.folder / ".venv").exists()


@pytest.mark.parametrize("port", ["abc", "99999", "-1", "80a", "8600.5"])
def test_a_port_that_is_none_is_told_before_anything_is_done(new: Project, port: str) -> None:
    """A typo gives a sentence, not a traceback."""
    ended = new.run("--server.port", port)

    assert ended.returncode == 2
    assert sentence(ended) == (
        f"--server.port is {port!r}, not a port: write a number such as 8600"
    )
    assert not (new.folder / ".venv").exists()


def test_the_highest_port_has_another_suggestion(monkeypatch: pytest.MonkeyPatch) -> None:
    """One above the highest isn't a port."""
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: socket.socket())

    with pytest.raises(SystemExit):
        dev.refuse_bad_port("--server.address=localhost", "--server.port=65535")


def test_the_port_that_counts_is_the_last_one(taken: int, free: int) -> None:
    """The check reads the line as streamlit will: a default port in use does not matter."""
    address, default = "--server.address=localhost", f"--server.port={taken}"

    dev.refuse_bad_port("run", address, default, "--server.port", str(free))

    with pytest.raises(SystemExit):
        dev.refuse_bad_port("run", address, default)


def test_extra_arguments_follow_the_defaults(project: Project, free: int) -> None:
    """The defaults bind to localhost; typed arguments follow them unchanged."""
    ended = project.run("serve", "--server.port", str(free), "--", "--of-my-own")

    assert started(ended)["line"] == [
        *("run", "server.py", "--server.address=localhost", "--server.port=8501"),
        *("--client.showErrorDetails=full", "--server.port", str(free), "--", "--of-my-own"),
    ]


def test_files_are_watched_only_in_development(project: Project, free: int) -> None:
    """Watching costs each visitor half of a session's memory and a third of a reload."""
    edits, serves = (
        str(started(project.run(command, "--server.port", str(free)))["line"])
        for command in ("run", "serve")
    )

    assert "--server.fileWatcherType=auto" in edits
    assert "--server.fileWatcherType=auto" not in serves


@pytest.mark.parametrize("command", ["run", "serve"])
@pytest.mark.parametrize(
    ("env", "variable", "shown"),
    [
        ("", "", True),
        ("APP_ENV=development", "", True),
        ("APP_ENV=production", "", False),
        ("export APP_ENV = 'Production'", "", False),
        ("# APP_ENV=production\nAPP_ENV=development", "", True),
        ("APP_ENV=production", "development", True),
        ("APP_ENV=development", "production", False),
    ],
)
def test_errors_are_shown_in_full_in_development_alone(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    command: str,
    env: str,
    variable: str,
    shown: bool,
) -> None:
    """CF-1: a developer reads the traceback on the page; visitors never do."""
    lines: list[str] = []
    monkeypatch.setattr(dev, "start", lambda steps, *line: lines.extend(line))
    monkeypatch.setattr(dev, "HERE", tmp_path)
    monkeypatch.setenv("APP_ENV", variable)
    (tmp_path / ".env").write_text(env)

    dev.main([command])

    assert ("--client.showErrorDetails=full" in lines) == shown


def test_what_is_compiled_ahead_can_be_imported() -> None:
    """A name that Streamlit dropped would silently slow down each first start."""
    for module in dev.IMPORTED_FIRST.removeprefix("import ").split(", "):
        assert importlib.util.find_spec(module), module


def test_streamlit_takes_the_last_of_two_equal_options() -> None:
    """Extra arguments win because the real streamlit reads its options so."""
    shown = subprocess.run(
        [sys.executable, "-m", "streamlit", "config", "show", *dev.LOCAL, "--server.port", "8600"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "port = 8600" in shown.stdout.splitlines()
    assert 'address = "localhost"' in shown.stdout.splitlines()


def test_the_exit_code_passes_through(project: Project) -> None:
    """The program started last sets dev.py's exit code: a failing suite fails every script."""
    ended = project.run("test", CHROMIUM=sys.executable, STAND_IN_EXIT="5")

    assert ended.returncode == 5


def test_a_failed_migration_starts_nothing(project: Project, free: int) -> None:
    """An app on yesterday's schema would only fail later and less clearly."""
    ended = project.run(f"--server.port={free}", MIGRATE_EXIT="3")

    assert sentence(ended).startswith("the database was not migrated")
    assert '"line"' not in ended.stdout


def test_the_tests_leave_settings_and_database_alone(project: Project) -> None:
    """The suite brings its own of both; its arguments go to pytest as they are."""
    ended = project.run("test", "-k", "cookie or token", CHROMIUM="/mine", MIGRATE_EXIT="3")

    assert started(ended)["line"] == ["-k", "cookie or token"]
    assert started(ended)["CHROMIUM"] == "/mine"
    assert not project.env.exists()


def test_the_quick_tests_need_no_browser(project: Project) -> None:
    """`--quick` goes to pytest, under CI too, and no browser is installed for it."""
    ended = project.run("test", "--quick", "-k", "cookie", CHROMIUM="", CI="true")

    assert started(ended)["line"] == ["--dist=worksteal", "--quick", "-k", "cookie"]
    assert started(ended)["CHROMIUM"] == ""


def test_the_callers_browser_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """CHROMIUM decides, and then nothing is looked for or installed."""
    monkeypatch.setenv("CHROMIUM", "/mine")
    monkeypatch.setattr(dev, "attempt", never)

    dev.provide_chromium()

    assert os.environ["CHROMIUM"] == "/mine"


@posix_only
def test_a_browser_of_the_machine_is_found_before_one_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on the PATH and starts is taken as it is."""
    make_program(tmp_path / "chromium")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CHROMIUM", "")
    monkeypatch.setattr(dev, "install_chromium", never)

    dev.provide_chromium()

    assert os.environ["CHROMIUM"] == str(tmp_path / "chromium")


@posix_only
@pytest.mark.parametrize(
    ("apt_works", "commands"),
    [
        (True, ["apt-get update", "apt-get install -y chromium"]),
        (False, ["apt-get update", "apt-get install -y chromium", "playwright install chromium"]),
    ],
)
def test_a_missing_browser_is_installed_by_apt_or_else_by_playwright(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apt_works: bool, commands: list[str]
) -> None:
    """Root on Debian gets the distribution's, everyone else Playwright's; never both."""
    done: list[str] = []
    browser = tmp_path / "browser"

    def attempt(*command: str | Path) -> tuple[bool, str]:
        words = [str(word) for word in command]
        if words[0] == "apt-get":
            done.append(" ".join(words))
            if apt_works and "install" in words:
                make_program(tmp_path / "chromium")
            return apt_works, ""
        if words[1:3] == ["-m", "playwright"]:
            done.append(" ".join(words[2:]))
            make_program(browser)
            return True, ""
        if words[1] == "-c":
            return True, f"{browser}\n"
        return True, "Chromium 1"

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CHROMIUM", "")
    monkeypatch.setattr(dev, "attempt", attempt)

    dev.provide_chromium()

    assert done == commands
    assert os.environ["CHROMIUM"] == str(tmp_path / "chromium" if apt_works else browser)


@posix_only
def test_a_browser_that_cannot_be_installed_is_told_with_what_the_installers_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last installer's own output, then one sentence that says what to do by hand."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CHROMIUM", "")
    monkeypatch.setattr(dev, "attempt", lambda *command: (False, "no network"))

    with pytest.raises(SystemExit):
        dev.provide_chromium()

    assert capsys.readouterr().err.splitlines() == [
        "no network",
        "dev.py: install Chromium or Chrome, or set CHROMIUM to one.",
    ]


@posix_only
def test_a_browser_that_does_not_start_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some systems' `chromium` only recommends a package; the next name on the PATH is tried."""
    make_program(tmp_path / "chromium", code=1)
    make_program(tmp_path / "google-chrome")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert dev.find_chromium() == str(tmp_path / "google-chrome")


def test_an_unknown_command_names_the_known_ones(new: Project) -> None:
    """A typo never starts the app."""
    ended = new.run("tests")

    assert ended.returncode == 2
    assert sentence(ended) == (
        "there is no command 'tests'; "
        "choose from run, serve, test, auth, lock, remove, upgrade and help."
    )


def test_a_project_has_no_command_that_only_the_template_can_obey(new: Project) -> None:
    """The bench and screenshots stay with the template, and the help does not mention them."""
    helped = new.run("help").stdout

    assert {"adopt", "bench", "screenshots"} <= dev.COMMANDS.keys()
    assert "dev.py bench" in dev.__doc__ and "dev.py bench" not in helped
    assert "dev.py lock" in helped
    assert "screenshots" not in helped and "adopt" not in helped


@pytest.mark.parametrize("word", ["help", "--help", "-h"])
def test_help_shows_every_command_and_does_nothing(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The usage is the docstring, so what is read in the file and in the terminal is one text."""
    dev.main([word])

    usage = capsys.readouterr().out
    assert all(f"dev.py {name}" in usage for name in dev.COMMANDS if name != "run")
