"""Upgrade this project to a newer state of its template: `python3 dev.py upgrade [TAG | HEAD]`.

A three-way merge of the template's commit that this project was made from, the requested one, and
the project's last commit. The template's changes arrive like a cherry-pick, and nothing is
committed. Without an argument it takes the newest release (a tag), or the newest commit if no
release is newer than the project. An app that was adopted keeps its script, pages, tests and docs:
only what it got from the template is upgraded.
Exit codes: 0 done, 1 done with conflicts marked, 2 refused with nothing changed.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from upkeep import is_for_adopted, is_shared

HERE = Path(__file__).resolve().parent.parent
ORIGIN = "upkeep/template.toml"
FETCHED = "refs/template"  # apart from the project's own tags, which may have the same names
NEWEST = f"{FETCHED}/HEAD"
NEVER = (".env", ".venv", "data", ORIGIN)  # the project's own, even if a release held one
FROM_OUTSIDE = ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE")  # set where a git hook calls us
AUTHOR = {  # git needs one even for commits that stay hidden
    f"GIT_{who}_{what}": f"template{at}"
    for who in ("AUTHOR", "COMMITTER")
    for what, at in (("NAME", ""), ("EMAIL", "@localhost"))
}


class Refused(Exception):
    """Nothing was changed; the text says why and what to do."""


def upgrade(wanted: str | None = None) -> int:
    """Merge the template's *wanted* tag or commit into the files; return the exit code."""
    refuse_unsaved_work()
    url, known, adopted, into = origin()
    fetch(url)
    start = start_commit(url, known)
    end = commit_of(wanted) if wanted else newest(start)
    if end == start:
        print(f"This project is at {name_of(start)} already.")
        return 0
    belongs = is_for_adopted if adopted else is_shared
    base = only_files(belongs, into, start)
    ours = only_files(belongs, into, end, base)
    merged = attempt("cherry-pick", "--no-commit", "--allow-empty", ours)
    conflicts = unmerged()
    if merged.returncode != 0 and not conflicts:
        raise Refused(f"git could not merge the two: {merged.stderr.strip()}")
    left_out = [path for path, stages in conflicts.items() if OURS not in stages]
    if left_out:  # a feature is removed by deleting its folder, and stays removed
        git("rm", "--quiet", "--force", "--", *left_out)
    kept = [path for path, stages in conflicts.items() if THEIRS not in stages]
    write_origin(url, end)
    tell(name_of(start), name_of(end), left_out, kept, sorted({*conflicts} - {*left_out, *kept}))
    run = "python3 dev.py, look at your app" if adopted else "python3 dev.py test"
    print(f"run {run}, and commit. To take it all back: git reset --hard")
    return 1 if len(conflicts) > len(left_out) else 0


def refuse_unsaved_work() -> None:
    """Raise Refused unless the project is fully committed: `git reset --hard` is the way back."""
    top = attempt("rev-parse", "--show-toplevel", "--verify", "HEAD").stdout.splitlines()
    if len(top) != 2 or Path(top[0]).resolve() != HERE:
        raise Refused(
            "this folder is not committed in a git repository of its own: "
            "git init, git add --all, git commit, and try again."
        )
    if changed := git("status", "--porcelain", "--untracked-files=all").splitlines():
        names = ", ".join(line[3:] for line in changed[:3]) + (" ..." if len(changed) > 3 else "")
        raise Refused(f"commit or stash your changes first: {names}")


def origin() -> tuple[str, str, bool, str]:
    """Return the template's URL, this project's commit of it, and whether it is an adopted app.

    Last, the package of such an app that has all of it, or "". Raises Refused without a URL.
    """
    file = HERE / ORIGIN
    try:
        written = tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"{ORIGIN} cannot be read: {error}") from None
    url = os.environ.get("TEMPLATE_URL") or str(written.get("url", ""))
    if not url:
        raise Refused(
            "it is not known where the template is: "
            f'write url = "https://..." into {ORIGIN}, commit that, and try again.'
        )
    adopted = written.get("adopted") is True
    return url, str(written.get("commit", "")), adopted, str(written.get("into", ""))


def write_origin(url: str, commit: str) -> None:
    """Write the commit that this project is at now."""
    file = HERE / ORIGIN
    lines = file.read_text("utf-8") if file.exists() else f"url = {json.dumps(url)}\n"
    others = re.sub(r"^commit *=.*\n?", "", lines, flags=re.MULTILINE)
    file.write_text(f'{others}commit = "{commit}"\n', "utf-8")
    git("add", "--", ORIGIN)


def fetch(url: str) -> None:
    """Fetch the template's newest commit and its releases."""
    refs = (f"+HEAD:{NEWEST}", f"+refs/tags/*:{FETCHED}/tags/*")
    fetched = attempt("fetch", "--quiet", "--no-tags", "--prune", "--", url, *refs)
    if fetched.returncode != 0:
        raise Refused(f"{url} could not be fetched: {fetched.stderr.strip()}")


def start_commit(url: str, known: str) -> str:
    """Return the template's commit that this project was made from, or upgraded to."""
    if known:
        if attempt("cat-file", "-e", f"{known}^{{commit}}").returncode != 0:
            attempt("fetch", "--quiet", "--no-tags", "--", url, known)  # in no branch any more
        if attempt("cat-file", "-e", f"{known}^{{commit}}").returncode != 0:
            raise Refused(f"the template at {url} has no commit {known}, which {ORIGIN} names.")
        return known
    if shared := attempt("merge-base", "HEAD", NEWEST).stdout.strip():  # a clone
        return shared
    first = git("log", "--max-parents=0", "--format=%T", "HEAD").split()
    for line in git("log", "--format=%H %T", "--glob", FETCHED).splitlines():
        commit, tree = line.split()
        if tree in first:  # a copy without the history
            return commit
    raise Refused(
        "it is not known which of the template's commits this project was made from: "
        f'write commit = "..." into {ORIGIN}, commit that, and try again.'
    )


def releases() -> list[str]:
    """Return the template's tags, newest last."""
    newest_last = ("-c", "versionsort.suffix=-", "for-each-ref", "--sort=version:refname")
    return git(*newest_last, "--format=%(refname:lstrip=3)", f"{FETCHED}/tags").split()


def newest(start: str) -> str:
    """Return the newest release if newer than *start*, else the newest commit, else *start*."""
    for ref in [*(f"{FETCHED}/tags/{release}" for release in releases()[-1:]), NEWEST]:
        commit = git("rev-parse", f"{ref}^{{commit}}").strip()
        if attempt("merge-base", "--is-ancestor", commit, start).returncode != 0:
            return commit
    return start


def commit_of(wanted: str) -> str:
    """Return the commit named by a template tag, by HEAD (the newest), or by its own hash."""
    names = [f"{FETCHED}/tags/{wanted}", NEWEST if wanted == "HEAD" else ""]
    if re.fullmatch("[0-9a-f]{7,64}", wanted):
        names.append(wanted)
    for name in filter(None, names):
        found = attempt("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").stdout.strip()
        if found:
            return found
    has = ", ".join([*releases(), "HEAD"])
    raise Refused(f"the template has no {wanted}; choose from {has}.")


def name_of(commit: str) -> str:
    """Return the newest tag of *commit*, or the start of its hash."""
    points = ("--points-at", commit, "--sort=version:refname", "--format=%(refname:lstrip=3)")
    tags = git("-c", "versionsort.suffix=-", "for-each-ref", *points, f"{FETCHED}/tags").split()
    return tags[-1] if tags else commit[:12]


def only_files(belongs: Callable[[str], bool], into: str, commit: str, *parents: str) -> str:
    """Return *commit* on *parents*, with the files that belong there and are not the project's.

    They stand *into* a package where the app has them in one.
    """
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": f"{folder}/index"}
        git("read-tree", commit, **index)
        paths = git("ls-files", "-z", **index).split("\0")[:-1]
        never = tuple(f"{path}/" for path in NEVER)
        others = [p for p in paths if not belongs(p) or f"{p}/".startswith(never)]
        for first in range(0, len(others), 500):  # a command line's length is limited
            git("rm", "--cached", "--force", "--quiet", "--", *others[first : first + 500], **index)
        if into:
            git("checkout-index", "--all", f"--prefix={folder}/files/", **index)
            import_module("upkeep.into").pack(Path(folder, "files"), into)  # only there
            git(f"--work-tree={folder}/files", "add", "--all", "--force", **index)
        tree = git("write-tree", **index).strip()
    line = [part for parent in parents for part in ("-p", parent)]
    return git("commit-tree", tree, *line, "-m", f"template {name_of(commit)}").strip()


OURS, THEIRS = "2", "3"  # git's numbers for the project's side and the template's


def unmerged() -> dict[str, set[str]]:
    """Return the paths in conflict, each with the sides that have the file."""
    found: dict[str, set[str]] = {}
    for entry in git("ls-files", "--unmerged", "-z").split("\0")[:-1]:
        facts, path = entry.split("\t", 1)
        found.setdefault(path, set()).add(facts.split()[2])
    return found


def tell(start: str, end: str, left_out: list[str], kept: list[str], conflicts: list[str]) -> None:
    """Print what was done and what is left to do."""
    print(f"From {start} to {end}:\n")
    print(git("diff", "--cached", "--stat=100", "HEAD").rstrip() or " nothing to change")
    if left_out:
        print("\nLeft out, because this project deleted it:", *left_out, sep="\n  ")
    if kept:
        print("\nGone from the template, and changed here (git add or git rm):", *kept, sep="\n  ")
    if conflicts:
        print("\nChanged on both sides, see the <<<<<<< marks:", *conflicts, sep="\n  ")
    if kept or conflicts:
        print("\nFix these, git add them, then")
    else:
        print("\nNothing is committed yet. Look at it with git diff --cached, then")


def git(*arguments: str, **environment: str) -> str:
    """Return git's output; raise Refused with its message if it fails."""
    done = attempt(*arguments, **environment)
    if done.returncode != 0:
        raise Refused(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


def attempt(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run git in this folder; return the finished process."""
    ours = {name: os.environ[name] for name in os.environ if name not in FROM_OUTSIDE}
    try:
        return subprocess.run(
            ("git", *arguments),
            cwd=HERE,
            env=ours | AUTHOR | environment,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError:
        raise Refused("git is needed for this, and it is not installed.") from None


def main(arguments: list[str]) -> int:
    """Run the command line; return the exit code."""
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        print("usage: python3 dev.py upgrade [TAG | HEAD]", file=sys.stderr)
        return 2
    try:
        return upgrade(*arguments)
    except Refused as reason:
        print(f"dev.py: {reason}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
