"""What ties a project to its template: the release it stands at, and what the template keeps."""

VERSION = "v0.1.0"  # the template's tag; `python3 dev.py upgrade` brings the next one
MACHINERY = ("cookiecutter.json", "hooks", "tests/template")  # only makes projects: none has it
