"""The page shown when the server is full; it retries by itself."""

from html import escape

from starlette.responses import HTMLResponse

AGAIN = 20  # seconds between two tries
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{again}">
<title>{name}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; min-height: 100vh; display: grid; place-content: center; padding: 1.5rem;
       box-sizing: border-box; font: 1rem/1.6 system-ui, sans-serif; }}
main {{ max-width: 26rem; }}
h1 {{ font-size: 1.5rem; line-height: 1.3; margin: 0 0 .75rem; }}
p {{ margin: 0 0 .75rem; }}
</style>
</head><body><main>
<h1>{name} is busy</h1>
<p>Too many of its pages are open right now, perhaps on your network. Close the ones that you
don't need.</p>
<p role="status">This page tries again every {again} seconds.</p>
</main></body></html>
"""


def full_page(name: str) -> HTMLResponse:
    """Return the page of the app *name*."""
    page = PAGE.format(name=escape(name), again=AGAIN)
    return HTMLResponse(page, 503, {"Retry-After": str(AGAIN), "Cache-Control": "no-store"})
