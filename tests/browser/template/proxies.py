"""Real proxies in front of running servers, and a certificate for https."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.serving import HOST, STOP, is_listening, wait_until

# What Debian's /etc/nginx/nginx.conf has around a site, with all its files in one folder.
NGINX = """
daemon off;
pid nginx.pid;
error_log error.log;
events {{}}
http {{
access_log off;
client_body_temp_path body; proxy_temp_path proxy;
fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
{}
}}
"""


@contextmanager
def proxy(name: str, folder: Path, port: int, *arguments: str, **env: str) -> Iterator[None]:
    """Run the proxy *name* in *folder*, listening on *port*, until the block ends."""
    program = shutil.which(name) or shutil.which(f"/usr/sbin/{name}")
    if not program:
        raise RuntimeError(f"{name} is not installed, and these tests need it: apt install {name}")
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [program, *arguments], cwd=folder, env=os.environ | env, stdout=log, stderr=log
        )
        try:
            wait_until(lambda: is_listening(port), f"{name} to listen")
            yield
        finally:
            process.terminate()
            process.wait(STOP)


@contextmanager
def nginx(folder: Path, port: int, site: str) -> Iterator[None]:
    """Run nginx in *folder* with the configuration of one *site*, which is on *port*."""
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(site))
    with proxy("nginx", folder, port, "-c", str(config), "-p", str(folder)):
        yield


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
