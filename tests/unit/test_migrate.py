"""What the quick look at the start relies on."""

from alembic.config import Config
from alembic.script import ScriptDirectory

from db.migrate import ROOT, newest


def test_alembic_agrees_which_revision_is_the_newest() -> None:
    """The start compares with the last file's number, so as not to import Alembic."""
    config = Config(toml_file=ROOT / "pyproject.toml")

    assert newest() == ScriptDirectory.from_config(config).get_current_head()
