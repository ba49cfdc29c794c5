"""The deployment files are correct, and name only files that exist."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import dev
from settings import ROOT, Settings
from tests.template.deployed import compose, image, image_environment, unit
from web.bounds import MOST_DESCRIPTORS

SETTINGS = {name.upper() for name in Settings.model_fields}
APPS = ("app-1", "app-2")
CONTAINERS = "".join((ROOT / name).read_text("utf-8") for name in ("Dockerfile", "compose.yaml"))


def lines(name: str) -> list[str]:
    """Return the lines of a file that are no comments."""
    text = (ROOT / name).read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_image_runs_as_an_unprivileged_user() -> None:
    """Not root; production; reachable from outside the container."""
    assert [rest for word, rest in image() if word == "USER"] == ["app"]
    assert image_environment()["APP_ENV"] == "production"
    assert image_environment()["STREAMLIT_SERVER_ADDRESS"] == "0.0.0.0"
    assert image_environment()["STREAMLIT_SERVER_PORT"] == "8501"


def test_the_image_installs_the_pins() -> None:
    """The requirements files that it uses are there, and the tests' own are not used."""
    text = (ROOT / "Dockerfile").read_text("utf-8")

    assert set(re.findall(r"[\w-]+\.(?:txt|lock)", text)) == {"requirements.lock"}
    assert "--require-hashes" in text


def test_every_image_is_pinned_by_its_digest() -> None:
    """CF-3: a tag can be moved, a digest cannot; the tag stays to say what it is."""
    named = re.findall(r"^(?:FROM|    image:) (.+?)(?: AS \w+| +#.*)?$", CONTAINERS, re.MULTILINE)

    assert len(named) == 4
    assert all(re.fullmatch(r"\w+:[\w.-]+@sha256:[0-9a-f]{64}", image) for image in named), named


def test_no_secret_can_get_into_the_image() -> None:
    """Files that git does not track do not belong in an image either."""
    assert set(lines(".gitignore")) <= set(lines(".dockerignore"))


def test_the_image_gets_all_that_the_app_runs_on() -> None:
    """Nothing that the app imports or reads is left out."""
    ignored = {line.rstrip("/") for line in lines(".dockerignore")}

    assert ignored.isdisjoint(
        {"auth", "db", "web", "views", "migrations", ".streamlit", "pyproject.toml"}
        | {"app.py", "server.py", "settings.py", "a2wsgi.py", "requirements.lock"}
    )


def test_compose_runs_two_apps_a_database_and_a_proxy() -> None:
    """One `docker compose up`; only the proxy can be reached from outside."""
    services = compose()["services"]

    assert set(services) == {*APPS, "database", "proxy"}
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    assert services["app-1"] == services["app-2"]
    assert services["app-1"]["read_only"] is True


def test_every_variable_that_compose_sets_is_a_setting() -> None:
    """A name that no code reads would be a setting without effect."""
    for name in APPS:
        assert set(compose()["services"][name]["environment"]) <= SETTINGS


def test_compose_holds_no_secret_and_asks_for_each() -> None:
    """Passwords come from .env; without one nothing starts, and it says which."""
    text = (ROOT / "compose.yaml").read_text("utf-8")

    secrets = re.findall(r"\$\{(\w+)(:\?[^}]+)?\}", text)

    assert {name for name, _ in secrets} == {"POSTGRES_PASSWORD", "BASE_URL"}
    assert all(complaint for _, complaint in secrets)
    assert compose()["services"]["app-1"]["env_file"] == ".env"


def test_the_files_that_compose_mounts_are_there() -> None:
    """A missing one would be mounted as an empty folder."""
    mounted = re.findall(r"^ *- \./([^:]+):", (ROOT / "compose.yaml").read_text("utf-8"), re.M)

    assert mounted
    assert all((ROOT / name).is_file() for name in mounted)


def test_the_proxy_counts_as_one() -> None:
    """The address in "This session" is the visitor's, not the proxy's and not a claim."""
    assert compose()["services"]["app-1"]["environment"]["TRUSTED_PROXIES"] == "1"
    assert "TRUSTED_PROXIES=1" in unit()["Environment"].split()


def test_the_system_allows_as_many_open_files_as_the_app_can_use() -> None:
    """AV-3: each open tab takes four; the usual 1,024 would leave room for 200 tabs."""
    limit = {"soft": MOST_DESCRIPTORS, "hard": MOST_DESCRIPTORS}

    assert unit()["LimitNOFILE"] == str(MOST_DESCRIPTORS)
    assert all(compose()["services"][name]["ulimits"]["nofile"] == limit for name in APPS)


def test_nginx_asks_the_app_to_close_no_connection() -> None:
    """AV-3: most uploads that the app refused were answered by nginx with a 502 then."""
    nginx = (ROOT / "deploy/nginx.conf").read_text("utf-8")

    assert re.search(r"map \$http_upgrade \$connection_upgrade {[^}]*'' +'';", nginx)
    assert "proxy_set_header Connection $connection_upgrade;" in nginx


def test_nginx_takes_as_much_as_streamlit_does() -> None:
    """AV-3: an upload that Streamlit would refuse is not passed on to it."""
    streamlit = tomllib.loads((ROOT / ".streamlit/config.toml").read_text("utf-8"))
    nginx = (ROOT / "deploy/nginx.conf").read_text("utf-8")

    most = streamlit["server"]["maxUploadSize"]
    assert re.findall(r"client_max_body_size (\d+)m;", nginx) == [str(most + 1)]


def test_the_unit_serves_the_hardened_app_to_this_machine_alone() -> None:
    """Production, not root, and the proxy is the only way in."""
    words = unit()["ExecStart"].split()

    assert words[1:5] == ["-m", "streamlit", "run", "server.py"]
    assert "--server.address=127.0.0.1" in words
    assert unit()["User"] != "root"
    assert "APP_ENV=production" in unit()["Environment"].split()


@pytest.mark.skipif(sys.platform != "linux", reason="systemd exists on Linux only")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """Each line is known to systemd; what it starts is there."""
    assert shutil.which("systemd-analyze"), "systemd-analyze is missing: apt install systemd"
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(shutil.which("true") or "/bin/true")
    copy = tmp_path / "streamlit-auth.service"
    text = (ROOT / "deploy/streamlit-auth.service").read_text("utf-8")
    copy.write_text(text.replace("/srv/app", str(tmp_path)))

    checked = subprocess.run(
        ["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False
    )

    assert copy.name not in checked.stderr  # it also complains of units of the machine's own
    assert checked.returncode == 0


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    """Return the GitHub workflow."""
    read: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    return read


def steps(workflow: dict[str, Any], key: str) -> list[str]:
    """Return what the steps of all jobs have under *key*."""
    jobs = workflow["jobs"].values()
    return [step[key] for job in jobs for step in job["steps"] if key in step]


def test_the_workflow_may_only_read(workflow: dict[str, Any]) -> None:
    """Least permissions, no secrets, no token left in the checkout."""
    assert workflow["permissions"] == {"contents": "read"}
    assert "secrets." not in (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
    checkouts = [
        step
        for job in workflow["jobs"].values()
        for step in job["steps"]
        if step.get("uses", "").startswith("actions/checkout@")
    ]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_the_workflow_pins_what_it_uses(workflow: dict[str, Any]) -> None:
    """CF-3: a commit, which no tag can move, with its version."""
    uses = steps(workflow, "uses")
    text = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")

    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", used) for used in uses)
    assert len(re.findall(r"uses: \S+@\w{40}  # v\d+\.\d+\.\d+$", text, re.MULTILINE)) == len(uses)
    tools = [line for line in steps(workflow, "run") if line.startswith("pipx")]
    assert all(re.search(r"(pip-audit|cyclonedx-bom)==[\d.]+ ", line) for line in tools)


def test_the_workflow_audits_all_and_lists_what_the_app_consists_of(
    workflow: dict[str, Any],
) -> None:
    """CF-3: every locked file, the tests' own too, is looked up; the app's parts are an SBOM."""
    tests, template = (line for line in steps(workflow, "run") if "pip-audit" in line)
    (sbom,) = (line for line in steps(workflow, "run") if "cyclonedx-py" in line)

    assert tests.endswith("--require-hashes --requirement requirements-dev.lock")
    assert template.endswith(f"--require-hashes --requirement {dev.TEMPLATE_LOCK}")
    assert sbom.endswith("--output-file sbom.json requirements.lock")


def test_the_workflow_runs_the_readmes_commands(workflow: dict[str, Any]) -> None:
    """What is green there is green here, because it is the same line."""
    ours = [line for line in steps(workflow, "run") if "dev.py" in line]

    assert "python3 dev.py test" in ours
    assert all(line.startswith("python3 dev.py test") for line in ours)


def test_the_workflow_tests_every_python_from_the_oldest(workflow: dict[str, Any]) -> None:
    """From the one that dev.py asks for on, without a gap; the image's is one of them."""
    pythons = workflow["jobs"]["tests"]["strategy"]["matrix"]["python"]
    image_python = re.findall(r"FROM python:([\d.]+)", (ROOT / "Dockerfile").read_text("utf-8"))

    major, oldest = dev.OLDEST
    assert pythons == [f"{major}.{oldest + number}" for number in range(len(pythons))]
    assert len(pythons) >= 4
    assert set(image_python) <= set(pythons)


def test_the_development_container_is_the_image_that_is_deployed() -> None:
    """CF-3: the same digest, and set-up by dev.py as everywhere."""
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text("utf-8"))

    assert f"FROM {container['image']}\n" in CONTAINERS
    assert container["postCreateCommand"].startswith("python3 dev.py test ")
    assert container["forwardPorts"] == [8501]
