"""The check of Streamlit's own options before the app runs in production."""

from streamlit import config

from settings import Settings, SettingsError

# Each option, its safe values, and what the others would do (CF-1, CK-11).
SAFE = {
    "client.showErrorDetails": (("none",), "pages would show what is inside the app"),
    "server.enableXsrfProtection": ((True,), "other sites could upload files as your users"),
    "server.enableCORS": ((True,), "other sites could open connections as your users"),
    "global.developmentMode": ((False,), "any visitor could stop the server"),
    "server.enableAgentApi": ((False,), "the log-in form could be driven without a browser"),
}


def check_production(settings: Settings) -> None:
    """Raise SettingsError with a sentence for each option that is unsafe in production."""
    if not settings.production:
        return
    faults = [
        f"{option} is {config.get_option(option)!r} and {harm}: set it to {values[0]!r}"
        " in .streamlit/config.toml."
        for option, (values, harm) in SAFE.items()
        if config.get_option(option) not in values
    ]
    if faults:
        raise SettingsError("\n".join(faults))
