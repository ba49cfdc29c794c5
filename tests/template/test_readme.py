"""The template's own README; that of a project is its owner's."""

from settings import ROOT

README = (ROOT / "README.md").read_text("utf-8")


def test_the_readme_is_read_to_its_end() -> None:
    """At most 150 lines."""
    assert len(README.splitlines()) <= 150


def test_two_commands_are_all_it_takes() -> None:
    """Run and test, the two that everybody's continuous integration has too."""
    assert "$ python3 dev.py  " in README
    assert "$ python3 dev.py test  " in README
