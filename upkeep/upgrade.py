"""Bring this project to a release of its template: `python3 dev.py upgrade [TAG]`.

Three-way: the release this project was made from, the one asked for, and the project as it was last
committed. The template's changes arrive like a commit that is picked, and nothing is committed.
Exit codes: 0 done, 1 done but for the conflicts that are marked, 2 refused with nothing changed.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from upkeep import MACHINERY, VERSION

HERE = Path(__file__).resolve().parent.parent
FETCHED = "refs/template"  # apart from the project's own tags, which may have the same names
NEVER = (".env", ".venv", "data")  # the project's own, even if a release held one by mistake
FROM_OUTSIDE = ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE")  # set where a git hook calls us
SOMEBODY = {  # git wants an author even for commits that nobody will see
    f"GIT_{who}_{what}": f"template{at}"
    for who in ("AUTHOR", "COMMITTER")
    for what, at in (("NAME", ""), ("EMAIL", "@localhost"))
}


class Refused(Exception):
    """Nothing was changed; the text says why, and what to do."""


def upgrade(wanted: str | None = None) -> int:
    """Merge the release *wanted*, or the newest, into the files; return the exit code."""
    refuse_unsaved_work()
    releases = fetch(template_url())
    wanted = wanted or releases[-1]
    for release in (VERSION, wanted):
        if release not in releases:
            has = ", ".join(releases)
            raise Refused(f"the template has no release {release}; choose from {has}.")
    if wanted == VERSION:
        print(f"This project is at {VERSION} already.")
        return 0
    base = commit(VERSION)
    merged = attempt("cherry-pick", "--no-commit", "--allow-empty", commit(wanted, base))
    conflicts = unmerged()
    if merged.returncode != 0 and not conflicts:
        raise Refused(f"git could not merge the two: {merged.stderr.strip()}")
    left_out = [path for path, stages in conflicts.items() if OURS not in stages]
    if left_out:  # a feature is removed by deleting its file, and stays removed
        git("rm", "--quiet", "--force", "--", *left_out)
    kept = [path for path, stages in conflicts.items() if THEIRS not in stages]
    tell(wanted, left_out, kept, sorted(set(conflicts) - {*left_out, *kept}))
    return 1 if len(conflicts) > len(left_out) else 0


def refuse_unsaved_work() -> None:
    """Raise Refused unless all of this project is committed: `git reset --hard` is the way back."""
    top = attempt("rev-parse", "--show-toplevel", "--verify", "HEAD").stdout.splitlines()
    if len(top) != 2 or Path(top[0]).resolve() != HERE:
        raise Refused(
            "this folder is not committed in a git repository of its own: "
            "git init, git add --all, git commit, and try again."
        )
    if changed := git("status", "--porcelain", "--untracked-files=all").splitlines():
        names = ", ".join(line[3:] for line in changed[:3]) + (" ..." if len(changed) > 3 else "")
        raise Refused(f"commit or stash your changes first: {names}")


def template_url() -> str:
    """Return where the template is, from the environment or .env; raise Refused if neither says."""
    env = HERE / ".env"
    text = env.read_text("utf-8") if env.exists() else ""
    line = re.search(r"^TEMPLATE_URL=(['\"]?)(.*)\1\s*$", text, re.MULTILINE)
    url = os.environ.get("TEMPLATE_URL") or (re.sub(r"\\(.)", r"\1", line[2]) if line else "")
    if not url:
        raise Refused(
            "it is not known where the template is: "
            "write its address into .env, TEMPLATE_URL=https://..., and try again."
        )
    return url


def fetch(url: str) -> list[str]:
    """Fetch the releases at *url*; return their tags, the newest last."""
    refs = f"+refs/tags/*:{FETCHED}/*"
    fetched = attempt("fetch", "--quiet", "--no-tags", "--prune", "--", url, refs)
    if fetched.returncode != 0:
        raise Refused(f"{url} could not be fetched: {fetched.stderr.strip()}")
    newest_last = ("-c", "versionsort.suffix=-", "for-each-ref", "--sort=version:refname")
    releases = git(*newest_last, "--format=%(refname:lstrip=2)", FETCHED).split()
    if not releases:
        raise Refused(f"{url} has no tags, and so no releases.")
    return releases


def commit(release: str, *parents: str) -> str:
    """Return a commit of *release* on *parents*, without what a project has not or has its own."""
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": f"{folder}/index"}
        git("read-tree", f"{FETCHED}/{release}", **index)
        others = ("--", *MACHINERY, *NEVER)
        git("rm", "-r", "--cached", "--force", "--quiet", "--ignore-unmatch", *others, **index)
        tree = git("write-tree", **index).strip()
    line = [part for parent in parents for part in ("-p", parent)]
    return git("commit-tree", tree, *line, "-m", f"template {release}").strip()


OURS, THEIRS = "2", "3"  # git's numbers for the project's side and the template's


def unmerged() -> dict[str, set[str]]:
    """Return the paths in conflict, each with the sides that have the file."""
    found: dict[str, set[str]] = {}
    for entry in git("ls-files", "--unmerged", "-z").split("\0")[:-1]:
        facts, path = entry.split("\t", 1)
        found.setdefault(path, set()).add(facts.split()[2])
    return found


def tell(release: str, left_out: list[str], kept: list[str], conflicts: list[str]) -> None:
    """Say what was done, and what is left to do."""
    print(f"From {VERSION} to {release}:\n")
    print(git("diff", "--cached", "--stat=100", "HEAD").rstrip() or " nothing to change")
    if left_out:
        print("\nLeft out, because this project deleted it:", *left_out, sep="\n  ")
    if kept:
        print("\nGone from the template, and changed here (git add or git rm):", *kept, sep="\n  ")
    if conflicts:
        print("\nChanged on both sides, see the <<<<<<< marks:", *conflicts, sep="\n  ")
    if kept or conflicts:
        print("\nMend these, git add them, then")
    else:
        print("\nNothing is committed yet. Look at it with git diff --cached, then")
    print("run python3 dev.py test, and commit. To take it all back: git reset --hard")


def git(*arguments: str, **environment: str) -> str:
    """Return what git prints; raise Refused, with its words, where it fails."""
    done = attempt(*arguments, **environment)
    if done.returncode != 0:
        raise Refused(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


def attempt(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run git in this folder; return how it ended."""
    ours = {name: os.environ[name] for name in os.environ if name not in FROM_OUTSIDE}
    try:
        return subprocess.run(
            ("git", *arguments),
            cwd=HERE,
            env=ours | SOMEBODY | environment,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError:
        raise Refused("git is needed for this, and it is not installed.") from None


def main(arguments: list[str]) -> int:
    """Obey the command line; return the exit code."""
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        print("usage: python3 dev.py upgrade [TAG]", file=sys.stderr)
        return 2
    try:
        return upgrade(*arguments)
    except Refused as reason:
        print(f"dev.py: {reason}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
