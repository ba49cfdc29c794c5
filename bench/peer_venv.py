"""The peer's own environment: streamlit-authenticator from PyPI, with the same Streamlit."""

import subprocess
import sys
from importlib.metadata import version
from time import time

import jwt

from bench.server import ROOT
from bench.table import progress

PEER = "streamlit-authenticator==0.4.2"
VENV = ROOT / ".venv-peer"
PYTHON = VENV / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
KEY = "a key of thirty-two bytes or more"  # bench/peer.py's


def peer_python() -> str:
    """Return the interpreter that can run bench/peer.py; install it if missing."""
    wanted = [PEER, f"streamlit=={version('streamlit')}"]
    stamp = VENV / "installed.txt"
    if not (stamp.exists() and stamp.read_text().splitlines() == wanted):
        progress(f"installing {PEER} into {VENV.name}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        pip = (str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        subprocess.run([*pip, *wanted], check=True, stdout=subprocess.DEVNULL)
        stamp.write_text("\n".join(wanted))
    return str(PYTHON)


def peer_cookie(number: int) -> str:
    """Return the Cookie header that signs in user *number*, with a token issued by the peer."""
    claims = {"username": f"user{number}", "exp_date": time() + 86_400}
    return f"bench_peer={jwt.encode(claims, KEY, 'HS256')}"
