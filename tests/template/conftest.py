"""What the template tests share: a template with private files lying about in it."""

from pathlib import Path

import pytest

from tests.template.making import BRACES, PRIVATE, RUN, commit, make_template, scatter


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template with a file full of braces, and some private files."""
    folder = make_template(tmp_path_factory.mktemp("template") / "starter")
    scatter(folder, {"docs/{{braces}}.txt": BRACES, "{{braces}}.txt": BRACES, "deploy/run": RUN})
    (folder / "deploy/run").chmod(0o755)
    commit(folder, "Braces")
    scatter(folder, PRIVATE)
    return folder
