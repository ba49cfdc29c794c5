"""A project made by cookiecutter: what it gets and must not get, and names made to break it."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from settings import ROOT, load_settings
from tests.template.making import commit, cookiecutter, files, git, tracked
from upkeep import is_shared
from web.look import as_text

posix_only = pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")

HOSTILE = [
    'Ada\'s "Café" ☕',
    "{{ 7*7 }} {{cookiecutter.app_name}}",
    "{% for {# }} %}",
    "$(id) `id` ${HOME} $HOME ${HOME:-x",
    "ends in a backslash \\",
    "\\' # \\\\n = \"",
    "two\nlines\nSECRET_KEY=mine",
    "../../etc/passwd",
    "☕",  # no letter of it can be a folder's
    "'''\"\"\"",
    "long " * 60 + "name",
]


PYPROJECT = (ROOT / "pyproject.toml").read_text("utf-8")


@pytest.fixture(scope="module", params=["path", "relative", "here", "zip", "git"])
def made(
    request: pytest.FixtureRequest, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """A project, and the kind of address its template was given as."""
    folder = tmp_path_factory.mktemp(request.param)
    source, place, options = str(template), folder, list[str]()
    if request.param == "relative":
        source = os.path.relpath(template, folder)
    elif request.param == "here":
        source, place, options = ".", template, ["--output-dir", str(folder)]
    elif request.param == "zip":
        source = str(folder / "starter.zip")
        git(template, "archive", "--prefix=starter/", f"--output={source}", "HEAD")
    elif request.param == "git":
        source = f"git+{template.as_uri()}"
    cookiecutter(source, place, "My app", *options)
    return request.param, folder / "my-app"


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that sets nothing."""
    for name in ("APP_NAME", "SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_a_project_is_what_git_tracks_byte_for_byte(made: tuple[str, Path], template: Path) -> None:
    """Whatever kind of URL the template has: no shared file is missing, and modes are kept."""
    project, shared = files(made[1]), tracked(template)

    own = {name: project.pop(name) for name in [*project] if not is_shared(name)}
    for name in (".env", "upkeep/template.toml"):
        del project[name]

    assert own.keys() == {"CHANGELOG.md", "LICENSE", "README.md", ".github/workflows/ci.yml"}
    for name in (".env.example", "pyproject.toml"):  # with the app's name
        assert project.pop(name) != shared.pop(name)
    assert project == shared
    assert {"AGENTS.md", ".editorconfig", ".devcontainer/devcontainer.json"} <= project.keys()
    assert project["deploy/run"].executable


def test_what_is_the_project_s_own_names_the_app(made: tuple[str, Path]) -> None:
    """The two commands, and the notice that the template's licence asks to keep."""
    readme, licence, changelog = (
        (made[1] / name).read_text("utf-8") for name in ("README.md", "LICENSE", "CHANGELOG.md")
    )

    declared = (made[1] / "pyproject.toml").read_text("utf-8")

    assert declared == PYPROJECT.replace('"streamlit-auth-starter"', '"my-app"', 1)
    assert readme.startswith("# My app\n")
    assert "$ python3 dev.py  " in readme and "$ python3 dev.py test  " in readme
    assert len(readme.splitlines()) <= 30
    assert licence.startswith("My app\n")
    assert licence.endswith((ROOT / "LICENSE").read_text("utf-8"))
    assert len(changelog.splitlines()) < 10


def test_a_new_project_is_committed(made: tuple[str, Path]) -> None:
    """All but the secrets, even where git knows no author."""
    [subject] = git(made[1], "log", "--format=%s").splitlines()
    committed = git(made[1], "ls-files").splitlines()

    assert subject == "Start"
    assert git(made[1], "branch", "--show-current").strip() == "main"  # CI listens to it
    assert git(made[1], "status", "--porcelain") == ""
    assert "app.py" in committed and ".env" not in committed


@posix_only
def test_only_the_owner_can_read_a_new_env(made: tuple[str, Path]) -> None:
    """There is a key in it."""
    assert stat.S_IMODE((made[1] / ".env").stat().st_mode) == 0o600


def test_a_new_env_is_the_example_with_a_key(made: tuple[str, Path], env: None) -> None:
    """All else stays as the template has it; a colleague's clone gets the same names."""
    lines = (made[1] / ".env").read_text("utf-8").splitlines()
    example = (made[1] / ".env.example").read_text("utf-8").splitlines()
    template = (ROOT / ".env.example").read_text("utf-8").splitlines()

    settings = load_settings(made[1] / ".env")

    assert [line for line in example if line not in lines] == ["SECRET_KEY="]
    assert [line for line in template if line not in example] == [
        *("APP_NAME=Streamlit auth starter", "COOKIE_NAME=auth")
    ]
    assert settings.app_name == "My app"
    assert re.fullmatch(r"auth-my-app-[0-9a-f]{4}", settings.cookie_name)
    assert len(settings.secret_key.get_secret_value()) >= 43  # 32 bytes in base64


def test_a_project_knows_where_it_came_from(made: tuple[str, Path], template: Path) -> None:
    """In a file that git tracks; a zip can't be fetched from, but it names the commit too."""
    kind, project = made
    url = {"zip": "", "git": template.as_uri()}.get(kind, str(template))

    assert tomllib.loads((project / "upkeep/template.toml").read_text("utf-8")) == {
        "url": url,
        "commit": git(template, "rev-parse", "HEAD").strip(),
    }


def test_each_project_has_a_key_and_a_cookie_of_its_own(
    small_template: Path, tmp_path: Path, env: None
) -> None:
    """A key that two apps share lets each sign for the other."""
    cookiecutter(small_template, tmp_path, "One")
    cookiecutter(small_template, tmp_path, "Two")

    one, two = (load_settings(tmp_path / name / ".env") for name in ("one", "two"))

    assert one.secret_key != two.secret_key
    assert one.cookie_name != two.cookie_name  # or two apps on localhost log each other out


def test_the_name_is_all_that_is_asked(small_template: Path, tmp_path: Path, env: None) -> None:
    """One question, and what is typed is never read as a template."""
    said = cookiecutter(small_template, tmp_path, None, typed="Ada's {{ 7*7 }}\n")

    assert re.findall(r"\[\d/\d\] .*?\)", said) == ["[1/1] The app's name (My app)"]
    assert load_settings(tmp_path / "ada-s-7-7/.env").app_name == "Ada's {{ 7*7 }}"


@pytest.fixture(scope="module")
def small_template(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template without what a name has no part in."""
    folder = tmp_path_factory.mktemp("small") / "starter"
    needed = (
        ".env.example",
        ".gitignore",
        "LICENSE",
        "cookiecutter.json",
        "dev.py",
        "pyproject.toml",
    )
    for name in ("hooks", "upkeep"):
        shutil.copytree(template / name, folder / name)
    for name in needed:
        shutil.copy(template / name, folder)
    commit(folder, "Small")
    return folder


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_a_name_like_any_other(
    name: str, small_template: Path, tmp_path: Path, env: None
) -> None:
    """The app reads what was given, on one line; the folder has plain letters made from it."""
    cookiecutter(small_template, tmp_path, name)

    [folder] = tmp_path.iterdir()
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,59}", folder.name)
    assert load_settings(folder / ".env").app_name == " ".join(name.split())


def test_the_log_in_page_shows_a_hostile_name(template: Path, tmp_path: Path) -> None:
    """From the command line to the page: as text, with nothing in it taken for anything else."""
    name = 'Ada\'s "Café" ☕ {{ 7*7 }} $(id) ${HOME} **bold** <b> $x$ \\ :sparkles:'
    script = (
        "from streamlit.testing.v1 import AppTest;"
        "app = AppTest.from_file('app.py', default_timeout=60).run();"
        "assert not app.exception, app.exception;"
        "print(ascii([title.value for title in app.title]))"
    )
    cookiecutter(template, tmp_path, name)
    [folder] = tmp_path.iterdir()

    environment = {k: v for k, v in os.environ.items() if k not in ("APP_NAME", "SECRET_KEY")}
    for command in (["-m", "db.migrate"], ["-c", script]):
        shown = subprocess.run(
            [sys.executable, *command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert shown.returncode == 0, shown.stderr

    assert ascii([f"Log in to {as_text(name)}"]) in shown.stdout


def test_making_it_again_over_a_project_keeps_its_settings(
    small_template: Path, tmp_path: Path
) -> None:
    """A new key would sign everybody out, and a new name is not what was asked for."""
    cookiecutter(small_template, tmp_path, "Mine")
    env = tmp_path / "mine/.env"
    env.write_text("SECRET_KEY=mine")

    cookiecutter(small_template, tmp_path, "Mine", "--overwrite-if-exists")

    assert env.read_text() == "SECRET_KEY=mine"


def test_making_a_project_leaves_the_template_as_it_was(template: Path, tmp_path: Path) -> None:
    """The hook fills cookiecutter's temporary copy, never the repository."""
    before = files(template)

    cookiecutter(template, tmp_path, "Mine")

    assert files(template) == before
