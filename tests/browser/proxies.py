"""A real nginx in front of running servers, and a certificate for https."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.serving import HOST, STOP, is_listening, wait_until

CONFIG = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  map $cookie_pick $upstream {{ default {first}; second {second}; }}
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  server {{
    listen {host}:{port};
    location {path} {{
      proxy_pass http://{host}:$upstream;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}
}}
"""


@contextmanager
def nginx(folder: Path, port: int, path: str, first: int, second: int) -> Iterator[None]:
    """Run nginx on *port*: it passes *path* to the *first* port, or to the *second* by a cookie."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if not program:
        how = "nginx is not installed: apt install nginx"
        if os.environ.get("CI") == "true":
            raise RuntimeError(how)
        pytest.skip(how)
    folder.mkdir(parents=True)
    config = folder / "nginx.conf"
    config.write_text(
        CONFIG.format(folder=folder, host=HOST, port=port, path=path, first=first, second=second)
    )
    process = subprocess.Popen([program, "-c", str(config), "-p", str(folder)])
    try:
        wait_until(lambda: is_listening(port), "nginx to listen")
        yield
    finally:
        process.terminate()
        process.wait(STOP)


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate that signs itself, and return its file and its key's."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", f"/CN={HOST}", "-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key
