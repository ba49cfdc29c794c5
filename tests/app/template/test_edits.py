"""The app still works after an owner's obvious edits of app.py and views/."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from auth.service import AuthService
from auth.users import User
from tests.app.conftest import PASSWORD, Open, page_path
from tests.serving import ROOT, copy_project

LINES = [
    line
    for line in (ROOT / "app.py").read_text("utf-8").splitlines(keepends=True)
    if re.match(r'\s+(st\.Page|hidden)\("', line)
]
LANDING = '        st.Page("views/landing.py", title="Welcome", default=True),\n'
each_line = pytest.mark.parametrize("line", LINES, ids=lambda line: line.split('"')[1])


def titles(app: AppTest) -> list[str]:
    """Return the titles of the page, which shows no error."""
    assert not app.exception
    return [title.value for title in app.title]


def log_in(app: AppTest, email: str) -> AppTest:
    """Fill in the log-in form that is open, and send it."""
    app.text_input[0].set_value(email)
    app.text_input[1].set_value(PASSWORD)
    return next(each for each in app.button if each.label == "Log in").click().run()


def rewrite(project: Path, old: str, new: str) -> Path:
    """Replace *old* in the project's app.py, and return its path."""
    script = project / "app.py"
    text = script.read_text("utf-8")
    assert old in text
    script.write_text(text.replace(old, new), "utf-8")
    return script


@pytest.mark.slow
@each_line
def test_any_page_may_go(open_app: Open, ada: User, tmp_path: Path, line: str) -> None:
    """GD-1: what links to it shows no link, what leads to it leads to the default page."""
    script = rewrite(copy_project(tmp_path / "project"), line, "")
    pages = [each.split('"')[1] for each in LINES if each != line]
    pages = [page if page.endswith(".py") else page_path(page) for page in pages]

    app = open_app(script=script).run()
    assert titles(app) == ["Log in to Streamlit auth starter"]
    log_in(app, ada.email)

    assert len(titles(app)) == 1
    for page in pages:
        assert titles(app.switch_page(page).run()) != []


def test_a_page_with_the_name_of_a_features_page_is_refused(
    open_app: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """GD-1: with the names of both files, and before anything of either is shown."""
    project = copy_project(tmp_path / "project")
    (project / "views/change_name.py").write_text("import streamlit as st\n\nst.title('Mine')\n")
    line = '        st.Page("views/change_name.py"),\n'
    script = rewrite(project, LINES[0], LINES[0] + line)

    app = open_app(script=script).run()

    assert app.exception and not app.title
    assert "views/change_name.py and " in caplog.text
    assert "features/account/change_name.py are both at /change-name" in caplog.text


def test_signing_up_works_without_the_page_that_is_the_owners(
    open_app: Open, service: AuthService, tmp_path: Path
) -> None:
    """Home goes, line and file; a new user lands on the first remaining page."""
    project = copy_project(tmp_path / "project")
    script = rewrite(project, LINES[0], "")
    (project / "views/home.py").unlink()
    app = open_app(script=script).run().switch_page("views/sign_up.py").run()
    for field, value in zip(app.text_input, ("Ada", "ada@example.com", PASSWORD), strict=True):
        field.set_value(value)

    app.main.button[0].click().run()

    assert titles(app) == ["Account"]


def test_a_public_page_may_be_the_first(open_app: Open, ada: User, tmp_path: Path) -> None:
    """GD-1: an owner's page greets visitors at /, and the private pages stay private."""
    project = copy_project(tmp_path / "project")
    (project / "views/landing.py").write_text('import streamlit as st\n\nst.title("Welcome")\n')
    rewrite(project, ", default=True", "")
    script = rewrite(project, "    public=[\n", f"    public=[\n{LANDING}")

    app = open_app(script=script).run()
    assert titles(app) == ["Welcome"]
    log_in(app.switch_page("views/log_in.py").run(), ada.email)

    assert len(titles(app)) == 1
    assert app.session_state["logged_in"] is True


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('title="Home"', 'title="Start"'),
        (", default=True", ""),
        (
            'hidden("log_in"),\n        hidden("sign_up")',
            'hidden("sign_up"),\n        hidden("log_in")',
        ),
    ],
    ids=["another title", "no default page", "another order"],
)
def test_pages_may_be_named_and_ordered_anew(
    open_app: Open, ada: User, tmp_path: Path, old: str, new: str
) -> None:
    """A user lands on the first remaining page, or on the default one."""
    script = rewrite(copy_project(tmp_path / "project"), old, new)

    app = log_in(open_app(script=script).run(), ada.email)

    assert titles(app) == ["Home"]


@pytest.fixture
def full_errors() -> Iterator[None]:
    """Show errors on the page, as `python3 dev.py` does."""
    before = config.get_option("client.showErrorDetails")
    config.set_option("client.showErrorDetails", "full")
    yield
    config.set_option("client.showErrorDetails", before)


@pytest.mark.usefixtures("full_errors")
def test_a_page_whose_file_is_gone_is_named(open_app: Open, tmp_path: Path) -> None:
    """In development the error says which file app.py still asks for."""
    project = copy_project(tmp_path / "project")
    (project / "views/home.py").unlink()

    app = open_app(script=project / "app.py").run()

    assert "home.py" in app.exception[0].message
