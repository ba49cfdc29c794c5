"""Remove a feature: `python3 dev.py remove NAME`, and without a name, list them.

Its folder, its lines in features/__init__.py and its tests, tests/**/test_NAME.py, go. Where it has
tables, a migration that drops them is written for you to read. What other code needs is refused,
and that code named.
Exit codes: 0 done, 2 refused with nothing changed.
"""

import ast
import re
import shutil
import subprocess
import sys
from itertools import accumulate
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = "features/__init__.py"


class Refused(Exception):
    """Nothing was changed; the text says why and what to do."""


def remove(root: Path, name: str) -> list[str]:
    """Remove the feature *name* from the project at *root*; return what was done, as sentences."""
    names = features(root)
    if name not in names:
        raise Refused(f"There is no feature {name!r}. There are {', '.join(names)}.")
    if users := users_of(root, name):
        raise Refused(
            f"{name} is needed by {', '.join(users)}. Remove those first, or edit them so that "
            f"they no longer import features.{name}."
        )
    has_tables = "__tablename__" in "".join(
        file.read_text("utf-8") for file in (root / f"features/{name}").rglob("*.py")
    )
    shutil.rmtree(root / f"features/{name}")
    for file in (root / "tests").rglob(f"test_{name}.py"):
        file.unlink()
    listed = root / LIST
    mentions = re.compile(rf"^(from features\.{name} import .*| *{name.upper()},)\n", re.MULTILINE)
    listed.write_text(mentions.sub("", listed.read_text("utf-8")), "utf-8")
    done = [f"features/{name} and its lines in {LIST} are gone."]
    if has_tables:
        done.append(f"Read {write_migration(root, name)}: it drops the feature's tables.")
    return done


def features(root: Path) -> list[str]:
    """Return the names of the features that are listed."""
    listed = (root / LIST).read_text("utf-8")
    return re.findall(r"^from features\.(\w+) import", listed, re.MULTILINE)


def users_of(root: Path, name: str) -> list[str]:
    """Return what else imports the feature *name*: features by name, or files."""
    users: set[str] = set()
    for file in root.rglob("*.py"):
        path = file.relative_to(root).as_posix()
        if path == LIST or path.startswith((f"features/{name}/", ".")) or "/." in path:
            continue
        if name in file.read_text("utf-8") and f"features.{name}" in imported(file):
            of_feature = re.match("features/([^/]+)", path)
            users.add(of_feature[1] if of_feature else path)
    return sorted(users)


def imported(file: Path) -> set[str]:
    """Return the modules that *file* imports, and each package they are in."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {part for name in found for part in accumulate(name.split("."), "{}.{}".format)}


def write_migration(root: Path, name: str) -> str:
    """Have Alembic write a migration to the remaining tables; return its path.

    It compares with a new database that has all migrations so far; the app's own is not touched.
    """
    before = set((root / "migrations/versions").glob("*.py"))
    script = (
        "import sys, tempfile; from pathlib import Path\n"
        "from alembic import command; from alembic.config import Config\n"
        "from db.engine import Database; from db.migrate import migrate\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    database = Database(f'sqlite:///{folder}/scratch.db'); migrate(database)\n"
        "    config = Config(toml_file=Path('pyproject.toml'))\n"
        "    with database.write() as connection:\n"
        "        config.attributes['connection'] = connection\n"
        "        command.revision(config, message=sys.argv[1], autogenerate=True)\n"
        "    database.close()\n"
    )
    made = subprocess.run(
        [sys.executable, "-c", script, f"Remove {name}"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise Refused(f"The feature is gone, but its migration was not written: {made.stderr}")
    (written,) = set((root / "migrations/versions").glob("*.py")) - before
    return written.relative_to(root).as_posix()


def main(arguments: list[str]) -> int:
    """Remove the one feature named in *arguments*, or list the features; return the exit code."""
    if len(arguments) != 1:
        print(f"Usage: python3 dev.py remove NAME, one of {', '.join(features(ROOT))}.")
        return 2
    try:
        print(*remove(ROOT, arguments[0]), sep="\n")
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
