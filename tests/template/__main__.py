"""The whole suite of a template: its own tests here, everybody's in a project made from it.

`python3 dev.py test` becomes this where CI is set and no part was asked for. The two folders have
the same tests less these, so running them in both would take twice the time and tell nothing more;
and what people get is the project.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.template.making import cookiecutter, make_template

ROOT = Path(__file__).parent.parent.parent
NAME = 'Ada\'s "Café" ☕ {{ 7*7 }} $(id) ${HOME} \\'  # nothing in the suite may mind


def main(arguments: list[str]) -> int:
    """Run both, or the part that *arguments* ask for; return the exit code of what failed."""
    pytest = [sys.executable, "-m", "pytest"]
    if arguments:
        return subprocess.call([*pytest, *arguments], cwd=ROOT)
    if code := subprocess.call([*pytest, "tests/template"], cwd=ROOT):
        return code  # at once: the last summary is the one that is read
    with TemporaryDirectory() as folder:
        template = make_template(Path(folder, "starter"))
        cookiecutter(template, Path(folder), NAME, "--output-dir", "made")
        [project] = Path(folder, "made").iterdir()
        (project / ".venv").symlink_to(ROOT / ".venv")
        print(f"\nThe suite of a project made from this template, in {project}:\n", flush=True)
        return subprocess.call([sys.executable, "dev.py", "test"], cwd=project)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
