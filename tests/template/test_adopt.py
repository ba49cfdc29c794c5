"""`python3 dev.py adopt`: user accounts in an app that was there before, in its three shapes."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import dev
from settings import ROOT
from tests.app import conftest as app_tests
from tests.app.conftest import Open
from tests.template.documents import section
from tests.template.making import scatter
from upkeep.adopt import Refused, adopt
from upkeep.into import BESIDE, PACKED
from upkeep.remove import imported
from web import existing

app_settings, service, ada = app_tests.app_settings, app_tests.service, app_tests.ada
token, open_app = app_tests.token, app_tests.open_app

ONE = {"streamlit_app.py": 'import streamlit as st\n\nst.title("Sales")\nst.button("Count")\n'}
PAGES = {
    "Start.py": 'import streamlit as st\n\nst.set_page_config(page_title="Shop")\n'
    'st.title("Shop")\nst.page_link("pages/2_Stock.py")\n',
    "pages/1_Orders.py": 'import streamlit as st\n\nst.title("Orders")\n'
    'if st.button("Home"):\n    st.switch_page("Start.py")\n',
    "pages/2_Stock.py": 'import streamlit as st\n\nst.title("Stock")\n',
}
TAKEN = ONE | {"auth.py": "", "db/__init__.py": "", "server.py": "", "dev.py": ""}
NAVIGATION = {
    "app.py": "import streamlit as st\n\n\ndef overview():\n    st.title('Overview')\n\n\n"
    "page = st.navigation({'': [st.Page(overview)], 'More': [st.Page('pages/detail.py')]})\n"
    "st.sidebar.text('Beside every page')\npage.run()\n",
    "pages/detail.py": 'import streamlit as st\n\nst.title("Detail")\n',
}


def adopted(app: Path, texts: dict[str, str], into: str = "") -> Path:
    """Make the app, adopt it, and do what is printed; return its script."""
    scatter(app, texts)
    script = app / next(iter(texts))

    told = adopt(app if script.name in ("app.py", "streamlit_app.py") else script, into)

    lines = [line.strip() for line in told if line.startswith("    ")]
    assert len(lines) <= 3
    text = script.read_text()
    if any("navigation(...)" in line for line in told):
        assert text.count("st.navigation(") == 1
        text = text.replace("st.navigation(", "navigation(")
    script.write_text("\n".join([*lines, "", text]))
    return script


def test_a_script_of_one_page_is_shown_to_users_only(
    tmp_path: Path, open_app: Open, token: str
) -> None:
    """MI-4, GD-1: and the account pages are there."""
    script = adopted(tmp_path / "sales", ONE)

    stranger = open_app(script=script).run()
    page = open_app(token, script).run()

    assert [title.value for title in stranger.title] == ["Log in to Streamlit auth starter"]
    assert [title.value for title in page.title] == ["Sales"]
    page.main.button[0].click().run()
    assert [title.value for title in page.title] == ["Sales"]
    page.switch_page("features/account/account.py").run()
    assert [title.value for title in page.title] == ["Account"]
    assert not page.exception


def test_a_pages_folder_is_behind_the_guard(tmp_path: Path, open_app: Open, token: str) -> None:
    """MI-4, GD-1: under another name, and each link to it still leads there."""
    script = adopted(tmp_path / "shop", PAGES)

    stranger = open_app(script=script).run()
    page = open_app(token, script).run()

    assert not (script.parent / "pages").exists()
    assert 'st.App(\n    "Start.py"' in (script.parent / "server.py").read_text()
    assert [title.value for title in stranger.title] == ["Log in to Streamlit auth starter"]
    assert [title.value for title in page.title] == ["Shop"]
    assert not page.exception
    page.switch_page("app_pages/1_Orders.py").run()
    assert [title.value for title in page.title] == ["Orders"]
    page.main.button[0].click().run()
    assert [title.value for title in page.title] == ["Shop"]


def test_a_navigation_of_its_own_is_behind_the_guard(
    tmp_path: Path, open_app: Open, token: str
) -> None:
    """MI-4, GD-1: with its sections, and what the script draws beside the page."""
    script = adopted(tmp_path / "reports", NAVIGATION)

    stranger = open_app(script=script).run()
    page = open_app(token, script).run()

    assert [title.value for title in stranger.title] == ["Log in to Streamlit auth starter"]
    assert [title.value for title in page.title] == ["Overview"]
    assert "Beside every page" in [text.value for text in page.sidebar.text]
    page.switch_page("app_pages/detail.py").run()
    assert [title.value for title in page.title] == ["Detail"]
    page.switch_page("features/account/account.py").run()
    assert [title.value for title in page.title] == ["Account"]


def test_the_script_of_the_page_about_streamlit_authenticator_runs(
    tmp_path: Path, open_app: Open, token: str
) -> None:
    """MI-4: as it is printed there, in an adopted app."""
    page = ROOT / "docs/from-streamlit-authenticator.md"
    _, after = section(page, "The script")
    script = adopted(tmp_path / "moved", ONE)
    script.write_text(after.text)

    shown = open_app(token, script).run()

    assert [title.value for title in shown.title] == ["Hello Ada"]
    assert not shown.main.button


@pytest.mark.parametrize("address", ["", "detail", "account", "no-page"])
def test_a_forgotten_navigation_opens_nothing(
    tmp_path: Path, open_app: Open, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """MI-4, GD-1: the lines at the top alone keep visitors out, at every address."""
    script = adopted(tmp_path / "reports", NAVIGATION)
    monkeypatch.setattr(existing, "requested_path", lambda: address)
    script.write_text(script.read_text().replace("= navigation(", "= st.navigation("))

    stranger = open_app(script=script).run()

    assert [title.value for title in stranger.title] == ["Log in to Streamlit auth starter"]
    assert not stranger.sidebar.text


def test_what_an_app_has_is_merged_and_its_own_values_stay(tmp_path: Path) -> None:
    """MI-4: requirements, settings, options and what git ignores."""
    own = {
        "requirements.txt": "# ours\nstreamlit==1.40.0\nplotly==6.0\n",
        "pyproject.toml": "[tool.x]\ndependencies = []\n\n"
        '[project]\nname = "shop"\ndependencies = ["plotly"]\n',
        ".streamlit/config.toml": '[theme]\nprimaryColor = "#ff0000"\n\n'
        "[server] # ours\nmaxUploadSize = 5\n",
        ".env": "API_KEY=mine\nAPP_NAME=Shop\nsign_up=closed\n",
        ".gitignore": "*.csv\n",
    }
    app = tmp_path / "app"
    scatter(app, ONE | own)

    told = adopt(app)

    assert any("streamlit==1.40.0 is now streamlit==" in line for line in told)
    written = dev.requirements((app / "requirements.txt").read_text())
    assert {"plotly": "6.0", "streamlit": written["streamlit"]}.items() <= written.items()
    project = tomllib.loads((app / "pyproject.toml").read_text())
    assert "plotly" in project["project"]["dependencies"]
    assert len(project["project"]["dependencies"]) > 10
    assert project["tool"].keys() == {"x", "alembic"}
    assert project["tool"]["x"] == {"dependencies": []}
    config = tomllib.loads((app / ".streamlit/config.toml").read_text())
    assert config["theme"]["primaryColor"] == config["theme"]["dark"]["primaryColor"] == "#ff0000"
    assert config["server"] == {"maxUploadSize": 5, "fileWatcherType": "none"} | config["server"]
    env = (app / ".env").read_text().splitlines()
    assert {"API_KEY=mine", "APP_NAME=Shop"} <= set(env)
    assert [len(line) > 40 for line in env if line.startswith("SECRET_KEY=")] == [True]
    assert "APP_NAME=shop" not in env and "APP_NAME=app" not in env
    assert "SIGN_UP=open" not in env
    assert {"*.csv", ".env"} <= set((app / ".gitignore").read_text().splitlines())
    assert (app / ".env").stat().st_mode & 0o777 == 0o600


def test_one_package_holds_everything_where_names_are_taken(tmp_path: Path) -> None:
    """MI-4: no import in it or in the script means the app's own, and the commands work there."""
    script = adopted(tmp_path / "stock", TAKEN, "accounts")
    app = script.parent

    python = {file.relative_to(app).as_posix(): file for file in app.rglob("*.py")}
    inside = {name for name in python if name.startswith("accounts/")}
    beside = {"a2wsgi.py", "accounts_server.py"}
    house = {name.removesuffix(".py") for name in (*PACKED, *BESIDE)}

    _, printed = section(ROOT / "docs/existing-app.md", "Names that are taken")
    assert script.read_text().splitlines()[:3] == list(filter(None, printed.text.splitlines()))
    assert python.keys() - inside == beside | TAKEN.keys()
    assert not {name for name in beside | inside if imported(python[name]) & house}
    assert run(app, "-m", "accounts.auth", "list") == ""
    assert "accounts/migrations/versions/" in run(app, "-m", "accounts.upkeep.remove", "journal")
    told = run(app, "accounts/dev.py", "help")
    assert "python3 accounts/dev.py auth" in told
    assert "dev.py adopt" not in told


def run(folder: Path, *line: str) -> str:
    """Run Python in *folder* with *line*, which must succeed; return what it prints."""
    return subprocess.run(
        [sys.executable, *line], cwd=folder, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


@pytest.mark.parametrize("into", ["json", "class", "no-name", "auth"])
def test_a_package_needs_a_name_of_its_own(tmp_path: Path, into: str) -> None:
    """MI-4: one that Python has no other use for, nor the app."""
    scatter(tmp_path, TAKEN)

    with pytest.raises(Refused, match=r"[Cc]hoose"):
        adopt(tmp_path, into)


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        ({"app.py": "", "db.py": "", "views/x.py": ""}, r": db\.py, views\. .* --into accounts\. "),
        ({"one.py": "import streamlit", "two.py": "import streamlit"}, r"one\.py, two\.py"),
        ({"notes.txt": ""}, "found here: none"),
        ({"app.py": "st.navigation(a)\nst.navigation(b)"}, "more than once"),
        ({"app.py": "", "pyproject.toml": "[tool.alembic]"}, "migrations of its own"),
    ],
)
def test_what_can_not_be_adopted_is_left_as_it_is(
    tmp_path: Path, texts: dict[str, str], why: str
) -> None:
    """MI-4: the sentence names what is in the way, and nothing was changed."""
    app = tmp_path / "app"
    scatter(app, texts)

    with pytest.raises(Refused, match=why):
        adopt(app)

    left = [file.relative_to(app).as_posix() for file in app.rglob("*.*")]
    assert sorted(left) == sorted(texts)


def test_the_template_itself_is_refused() -> None:
    """A slip of the path changes nothing."""
    said = subprocess.run(
        [sys.executable, "-m", "upkeep.adopt", str(ROOT)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (said.returncode, "taken" in said.stderr) == (2, True)
