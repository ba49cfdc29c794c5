"""The link between a project and its template: which files stay behind, and which are its own."""

from fnmatch import fnmatchcase
from pathlib import PurePosixPath

# Files that stay with the template: they make projects, measure them, or test the template itself.
MACHINERY = (
    *(".ci", ".gitattributes", "CONTRIBUTING.md", "bench", "cookiecutter.json", "docs/images"),
    *(
        "hooks",
        "upkeep/drawing.py",
        "upkeep/screenshots.py",
        "tests/http",
        "tests/property",
        "tests/unit",
        "*/template",
    ),
)
# Files that a new project gets from hooks/project instead; an upgrade never touches them.
OWN = (".github", "CHANGELOG.md", "LICENSE", "README.md")


def is_shared(path: str) -> bool:
    """Return whether the template's file at *path* is part of projects and upgraded there."""
    parts = PurePosixPath(path)
    return not any(
        fnmatchcase(str(part), pattern)
        for part in (parts, *parts.parents)
        for pattern in (*MACHINERY, *OWN)
    )
