"""Bring user accounts into an existing Streamlit app: `python3 dev.py adopt PATH [--into NAME]`.

PATH is the app's script, or its folder. What the app needs is copied beside the script, or into the
package NAME there, which takes no other name of the app's; `pages/`, which Streamlit serves without
a log-in, becomes `app_pages/`; requirements, settings and `.streamlit/config.toml` are merged,
where the app's own values stay. The script itself is left to its owner, who adds the three lines
that are printed.
Exit codes: 0 done, 2 refused with nothing changed.
"""

import ast
import json
import re
import secrets
import shutil
import subprocess
import sys
import tomllib
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Iterable
from keyword import iskeyword
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dev
from upkeep import BROUGHT, is_for_adopted
from upkeep.into import pack, renamed

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ("streamlit_app.py", "app.py", "main.py", "Home.py", "home.py")
PAGES, PRIVATE = "pages", "app_pages"
LINE = 100  # characters
OFFER = (
    "The accounts need them for their own files. Have all of those put into one folder: python3 "
    "dev.py adopt {path} --into accounts. Or rename yours, and their imports, and try again."
)
IGNORED = (
    *(".env", ".streamlit/secrets.toml", ".venv"),
    *("data/app.db*", "data/outbox/", "__pycache__/"),
)


class Refused(Exception):
    """Nothing was changed; the text says why and what to do."""


def adopt(path: Path, into: str = "") -> list[str]:
    """Adopt the app at *path*; return what was done, and what is left to do, as lines.

    The accounts' files stand beside the script, or *into* a package of that name.
    """
    script = find_script(path)
    app = script.parent
    if into and (not into.isidentifier() or iskeyword(into) or into in sys.stdlib_module_names):
        raise Refused(f"{into} can't be the name of a package: choose one such as accounts.")
    if taken := collisions(app, into):
        raise Refused(
            f"These names are taken in {app}: {', '.join(taken)}. "
            + ("Choose another name." if into else OFFER.format(path=path))
        )
    navigation = navigation_calls(script)
    if len(navigation) > 1:
        raise Refused(f"{script.name} calls st.navigation more than once: leave one call.")
    brought = git("ls-files", "-z", *BROUGHT, "requirements*.lock")
    if not brought:
        raise Refused("git has none of the template's files here: clone it, and try again.")
    requirements, project, changed = merged_requirements(app, into)
    texts = {
        "requirements.txt": requirements,
        "pyproject.toml": project,
        ".streamlit/config.toml": merged_config(app),
        ".gitignore": merged_lines(app / ".gitignore", IGNORED),
        **merged_settings(app, into),
    }
    # Nothing was changed so far.
    done = [copy_files(app, script.name, brought.split("\0"), into)]
    if (app / PAGES).is_dir():
        done.append(move_pages(app))
    for name, text in texts.items():
        (app / name).parent.mkdir(exist_ok=True)
        (app / name).touch()
        (app / name).chmod(0o600 if name == ".env" else (app / name).stat().st_mode)
        (app / name).write_text(text, "utf-8")
    done.append(f"Merged {', '.join(texts)}{': ' * bool(changed)}{', '.join(changed)}.")
    told = [*done, "", *to_do(script, navigation, (app / PRIVATE).is_dir())]
    return [renamed(line, into) for line in told]


def find_script(path: Path) -> Path:
    """Return the app's main script, which *path* is or holds; raises Refused."""
    if path.is_file() and path.suffix == ".py":
        return path.resolve()
    found = [path / name for name in SCRIPTS if (path / name).is_file()]
    found = found or [file for file in path.glob("*.py") if "streamlit" in file.read_text("utf-8")]
    if len(found) != 1:
        names = ", ".join(sorted(file.name for file in found)) or "none"
        raise Refused(f"Which script does `streamlit run` start? Name it; found here: {names}.")
    return found[0].resolve()


def collisions(app: Path, into: str = "") -> list[str]:
    """Return the files and folders of *app* that would hide a module of ours, or be hidden."""
    ours = ("a2wsgi", into, f"{into}_server") if into else BROUGHT
    modules = {PRIVATE, *(name.removesuffix(".py") for name in ours)}
    return sorted(
        file.name
        for file in app.iterdir()
        if file.stem in modules and (file.is_dir() or file.suffix == ".py")
    )


def navigation_calls(script: Path) -> list[int]:
    """Return the lines of *script* that call `st.navigation`, however it was imported."""
    called = [
        (ast.unparse(node.func).rpartition(".")[2], node.lineno)
        for node in ast.walk(ast.parse(script.read_text("utf-8")))
        if isinstance(node, ast.Call)
    ]
    return [line for name, line in called if name == "navigation"]


def copy_files(app: Path, script: str, names: Iterable[str], into: str) -> str:
    """Copy what the app needs; the commands and the server then start *script*."""
    origin = {
        "url": git("remote", "get-url", "origin") or str(ROOT),
        "commit": git("rev-parse", "HEAD"),
        "adopted": True,  # an upgrade leaves everything else to the app
        **({"into": into} if into else {}),
    }
    with TemporaryDirectory() as whole:
        new = Path(whole)
        for name in filter(is_for_adopted, filter(None, names)):
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, new / name)
        for name in ("dev.py", "server.py"):
            text = (new / name).read_text("utf-8")
            (new / name).write_text(text.replace('"app.py"', f'"{script}"'), "utf-8")
        lines = "".join(f"{name} = {toml(value)}\n" for name, value in origin.items())
        (new / "upkeep/template.toml").write_text(lines, "utf-8")  # for python3 dev.py upgrade
        if into:
            pack(new, into)
        shutil.copytree(new, app, dirs_exist_ok=True)
    where = f"{into}, a2wsgi.py and server.py" if into else ", ".join(BROUGHT)
    return f"Copied {where}; python3 dev.py and server.py start {script}."


def git(*arguments: str) -> str:
    """Return what git says about the template; raises Refused where there is no git."""
    try:
        done = subprocess.run(("git", *arguments), cwd=ROOT, capture_output=True, text=True)
    except OSError:
        raise Refused("git is needed to tell what belongs to the template.") from None
    return done.stdout.strip()


def move_pages(app: Path) -> str:
    """Rename `pages/`, also where scripts name a page in it."""
    (app / PAGES).rename(app / PRIVATE)
    scripts = list((app / PRIVATE).rglob("*.py"))
    names = "|".join(re.escape(each.relative_to(app / PRIVATE).as_posix()) for each in scripts)
    mention = re.compile(rf"""(?<=["']){PAGES}/(?=(?:{names})["'])""")
    for file in [*app.glob("*.py"), *scripts]:
        text = file.read_text("utf-8")
        if names and mention.search(text):
            file.write_text(mention.sub(f"{PRIVATE}/", text), "utf-8")
    return f"Renamed {PAGES}/ to {PRIVATE}/: Streamlit serves {PAGES}/ without a log-in."


def merged_requirements(app: Path, into: str = "") -> tuple[str, str, list[str]]:
    """Return requirements.txt and pyproject.toml with ours, and what the app had otherwise.

    Where both name a package, the version that the accounts are tested with takes its place.
    """
    ours = tomllib.loads(renamed((ROOT / "pyproject.toml").read_text("utf-8"), into))
    lines = ours["project"]["dependencies"]
    known = dev.requirements("\n".join(lines))
    kept, changed = [], []
    for line in read(app / "requirements.txt").splitlines():
        names = [] if line.startswith("#") else dev.requirements(line).keys() & known.keys()
        if not names:
            kept.append(line)
        same = [each for each in lines if dev.requirements(each).keys() & names]
        changed += [f"{line} is now {each}" for each in same if each != line]
    text = read(app / "pyproject.toml")
    theirs = tomllib.loads(text)
    if "alembic" in theirs.get("tool", {}):
        raise Refused("This app has migrations of its own with Alembic: the accounts need theirs.")
    listed = theirs.get("project", {}).get("dependencies")
    missing = [each for each in lines if each not in (listed or ())]
    if listed is not None:
        added = "".join(f"\n  {toml(each)}," for each in missing)
        table = r"^\[project\].*\n(?:(?!\[).*\n)*?dependencies\s*=\s*\["  # tools may list some too
        start = re.compile(table, re.MULTILINE)
        text = start.sub(lambda found: found[0] + added, text, count=1)
    elif "project" in theirs:
        text = insert(text, "project", {"dependencies": lines})
    else:
        named = {"name": name_of(app), "version": "0", "dependencies": lines}
        text = insert(text, "project", named)
    if "dev" not in theirs.get("dependency-groups", {}):
        text = insert(text, "dependency-groups", {"dev": ours["dependency-groups"]["dev"]})
    text = insert(text, "tool.alembic", ours["tool"]["alembic"])
    tomllib.loads(text)
    return "\n".join([*lines, *kept, ""]), text, changed


def merged_config(app: Path) -> str:
    """Return .streamlit/config.toml with our options; the app's own values stay."""
    text = read(app / ".streamlit/config.toml")
    theirs = flat(tomllib.loads(text))
    look = theirs.get("theme", {})
    ours = flat(tomllib.loads((ROOT / ".streamlit/config.toml").read_text("utf-8")))
    for name, options in ours.items():
        if name in ("theme.light", "theme.dark"):  # what they chose for both
            options |= {option: look[option] for option in options.keys() & look.keys()}
        has = theirs.get(name, {})
        text = insert(text, name, {key: options[key] for key in options if key not in has})
    tomllib.loads(text)
    return text


def merged_settings(app: Path, into: str = "") -> dict[str, str]:
    """Return .env and .env.example, with what the app has in them."""
    example = renamed((ROOT / ".env.example").read_text("utf-8"), into)
    cookie = f"auth-{name_of(app)[:40]}-{secrets.token_hex(2)}"
    for setting, value in {"APP_NAME": name_of(app), "COOKIE_NAME": cookie}.items():
        example = re.sub(rf"^{setting}=.*$", f"{setting}={value}", example, flags=re.MULTILINE)
    key = secrets.token_urlsafe(32)
    own = re.sub(r"^SECRET_KEY=$", f"SECRET_KEY={key}", example, flags=re.MULTILINE)
    return {
        name: merged_lines(app / name, text.splitlines())
        for name, text in {".env.example": example, ".env": own}.items()
    }


def merged_lines(file: Path, lines: Iterable[str]) -> str:
    """Return *file* with those of *lines* that it lacks; a setting that it has stays.

    Settings are read in any case, and the last line of a name counts.
    """
    written = read(file)
    names = [line.removeprefix("export ").partition("=")[0] for line in written.splitlines()]
    has = {name.strip().upper() for name in names}
    added = [line for line in lines if not line or line.partition("=")[0].upper() not in has]
    return "\n".join([*written.splitlines(), *added, ""])


def read(file: Path) -> str:
    """Return the text of *file*, or nothing where there is none."""
    return file.read_text("utf-8") if file.exists() else ""


def insert(text: str, name: str, options: dict[str, Any]) -> str:
    """Return TOML with *options* added to its table *name*."""
    lines = "".join(f"{key} = {toml(value)}\n" for key, value in options.items())
    header = re.compile(rf"^\[{re.escape(name)}\][^\n]*\n", re.MULTILINE)
    if header.search(text):
        return header.sub(lambda found: found[0] + lines, text, count=1)
    line_end = "\n" if text else ""
    return f"{text}{line_end}[{name}]\n{lines}" if lines else text


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, dict[str, Any]]:
    """Return the tables of *tree* by their dotted names, each with its own options."""
    tables: dict[str, dict[str, Any]] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            own = {key: each for key, each in value.items() if not isinstance(each, dict)}
            tables |= {f"{prefix}{name}": own} if own else {}
            tables |= flat(value, f"{prefix}{name}.")
    return tables


def toml(value: Any) -> str:
    """Return *value* as TOML, which JSON's strings, numbers, truth values and lists are too.

    A long list has a line for each item, as in the template, so that upgrades can be merged.
    """
    line = json.dumps(value, ensure_ascii=False)
    if isinstance(value, list) and len(line) > LINE:
        return "".join(["[\n", *(f"  {toml(each)},\n" for each in value), "]"])
    return line


def name_of(app: Path) -> str:
    """Return a name for the app that may stand in a setting, a cookie and pyproject.toml."""
    return re.sub(r"[^A-Za-z0-9]+", "-", app.name).strip("-") or "app"


def to_do(script: Path, navigation: list[int], has_pages: bool) -> list[str]:
    """Return the lines for the top of the script, and what else is left to its owner."""
    lines = ["from features import FEATURES"]
    if navigation:
        lines += ["from web.existing import guard_navigation"]
        lines += ["navigation = guard_navigation(FEATURES)"]
    else:
        lines += ["from web.existing import enter"]
        lines += [f'enter(FEATURES, "{PRIVATE}")' if has_pages else "enter(FEATURES)"]
    told = [f"Put these lines at the top of {script.name}, before anything it does:", ""]
    told += [f"    {line}" for line in lines]
    if navigation:
        told += [
            "",
            f"In line {navigation[0]}, call navigation(...) instead of st.navigation(...).",
        ]
    return [*told, "", "Then: python3 dev.py"]


def main(arguments: list[str]) -> int:
    """Adopt the app named in *arguments*; return the exit code."""
    parser = ArgumentParser(prog="python3 dev.py adopt", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("path", type=Path, help="the script or the folder of a Streamlit app")
    parser.add_argument("--into", default="", metavar="NAME", help="a package that holds it all")
    parser.add_argument("--at", default="", type=Path, help=SUPPRESS)  # PATH is relative to it
    asked = parser.parse_args(arguments)
    try:
        print(*adopt(asked.at / asked.path, asked.into), sep="\n")
    except (Refused, OSError, ValueError, SyntaxError) as refusal:
        print(refusal, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
