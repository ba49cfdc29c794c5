"""The app under its own server: an HttpOnly cookie, security headers, health checks.

Serve it with `streamlit run server.py`, `python3 dev.py serve` or
`uvicorn --no-access-log server:app`: an access log would contain the tokens of emailed links.
"""

import streamlit as st
from starlette.middleware import Middleware

from settings import SettingsError, load_settings
from web.connection import base_path, local_url
from web.edge import Edge
from web.gate import Gate
from web.headers import SecurityHeaders
from web.page_cookies import PageCookies
from web.routes import routes
from web.start import check_production, lifespan, service
from web.streamlit_hooks import prepare

prepare()
try:
    settings = load_settings(local_url=local_url())
    check_production(settings)
except SettingsError as fault:
    raise SystemExit(f"The app cannot start.\n{fault}") from None

edge = Edge(settings, base_path(), service)

# Streamlit looks for this assignment in the file's text, so it has to stay as plain as it is.
app = st.App(
    "app.py",
    routes=routes(edge),
    middleware=[
        Middleware(SecurityHeaders, edge=edge),
        Middleware(Gate, edge=edge),
        Middleware(PageCookies, edge=edge),
    ],
    lifespan=lifespan,
)
