"""Prepare Streamlit before its first connection, also under a plain `streamlit run app.py`.

There Streamlit opens its port before it runs app.py, and offers no setting that runs our code. But
it puts this folder first on `sys.path` and then imports uvicorn, which looks for an optional
package of this name: an adapter for WSGI apps, which Streamlit never uses. So this file runs before
the first connection, and then reports that there is no such package.
"""

import sys
from pathlib import Path

# Only where Streamlit serves a script of this folder, not where a test or a tool imports uvicorn.
if (
    "streamlit.web.bootstrap" in sys.modules
    and Path(sys.argv[0]).resolve().parent == Path(__file__).resolve().parent
):
    from web.streamlit_hooks import prepare

    prepare()

raise ModuleNotFoundError("No module named 'a2wsgi'", name="a2wsgi")
