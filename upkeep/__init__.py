"""The link between a project and its template: which files stay behind, and which are its own."""

from fnmatch import fnmatchcase
from pathlib import PurePosixPath

EXISTING = ("upkeep/into.py", "web/existing.py")  # only in apps that were there before
# Files that stay with the template: they make projects, measure them, or test the template itself.
MACHINERY = (
    *(".ci", ".gitattributes", "CONTRIBUTING.md", "bench", "cookiecutter.json"),
    *(
        "docs/images/pages.png",
        "hooks",
        "upkeep/adopt.py",
        "upkeep/drawing.py",
        "upkeep/screenshots.py",
        "upkeep/tour.py",
        "tests/http",
        "tests/property",
        "tests/unit",
        *EXISTING,
        "*/template",
    ),
)
# Files that a new project gets from hooks/project instead; an upgrade never touches them.
OWN = (".github", "CHANGELOG.md", "LICENSE", "README.md")
# What an app that was there before gets: the accounts, and what is merged with its own.
BROUGHT = (
    *("a2wsgi.py", "auth", "db", "dev.py", "features", "migrations", "server.py", "settings.py"),
    *("upkeep", "views", "web"),
)
MERGED = (
    *(".env.example", ".gitignore", ".streamlit/config.toml", "pyproject.toml"),
    *("requirements.txt", "requirements.lock", "requirements-dev.lock"),
)
STAY_BEHIND = ("views/home.py", "conftest.py", "test_*.py")  # the template's page, and tests


def is_shared(path: str) -> bool:
    """Return whether the template's file at *path* is part of projects and upgraded there."""
    return not _matches(path, *MACHINERY, *OWN)


def is_for_adopted(path: str) -> bool:
    """Return whether the template's file at *path* is part of apps that were there before."""
    if path in EXISTING:
        return True
    stays = _matches(path, *STAY_BEHIND) or _matches(PurePosixPath(path).name, *STAY_BEHIND)
    return is_shared(path) and _matches(path, *BROUGHT, *MERGED) and not stays


def _matches(path: str, *patterns: str) -> bool:
    """Return whether *path*, or a folder that it is in, is one of *patterns*."""
    parts = PurePosixPath(path)
    return any(
        fnmatchcase(str(part), pattern) for part in (parts, *parts.parents) for pattern in patterns
    )
