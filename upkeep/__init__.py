"""What ties a project to its template: what stays behind, and what a project has of its own."""

from fnmatch import fnmatchcase
from pathlib import PurePosixPath

# What stays with the template: it makes projects, measures them, or tests the template itself.
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
# What a new project gets from hooks/project instead, and an upgrade never touches.
OWN = (".github", "CHANGELOG.md", "LICENSE", "README.md")


def is_shared(path: str) -> bool:
    """Return whether the template's file at *path* is in every project, and upgraded there."""
    parts = PurePosixPath(path)
    return not any(
        fnmatchcase(str(part), pattern)
        for part in (parts, *parts.parents)
        for pattern in (*MACHINERY, *OWN)
    )
