"""What each process creates once and checks: settings, database, service and features."""

import asyncio
import atexit
import gc
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from streamlit import config

from auth.errors import Unavailable
from auth.log import BoundedLog
from settings import ROOT, Settings, SettingsError, load_settings
from web.connection import local_url
from web.streamlit_hooks import PagesFolderError, check_pages, install, send_at_once

if TYPE_CHECKING:
    from auth.feature import Feature
    from auth.mail import Mailer
    from auth.service import AuthService


OUTBOX = ROOT / "data" / "outbox"  # where emails are kept while no SMTP_URL is set
log = BoundedLog(__name__)  # every run of every visitor tries again
_starting = Lock()


def service() -> "AuthService":
    """Return the process's AuthService; the first call loads the settings and migrates.

    Raises Unavailable if the settings or the database cannot be used. The reason is logged for the
    operator, and the next run tries again.
    """
    with _starting:
        return _start()


@asynccontextmanager
async def lifespan(app: object) -> AsyncIterator[None]:
    """Create everything while the first visitor's browser still loads Streamlit's own scripts.

    A fault does not stop the server, which reports that it is not ready and tries again.
    """
    warming = asyncio.create_task(run_in_threadpool(_warm))
    yield
    await warming
    # uvicorn ends its process by the signal that stopped it, so no atexit handler runs.
    await run_in_threadpool(_stop)


def _warm() -> None:
    with suppress(Unavailable):
        service()


def _stop() -> None:
    if _start.cache_info().currsize:
        _start().close()


# Not st.cache_resource: it outlives the modules that Streamlit reloads after an edit, and would
# keep a service with exceptions that no `except` matches any more.
@cache
def _start() -> "AuthService":
    # Imported here: SQLAlchemy alone takes longer to import than the server takes to answer.
    from sqlalchemy.exc import OperationalError, SQLAlchemyError

    from auth.mail import MailQueue
    from auth.roles import has_admin
    from auth.service import AuthService
    from db.engine import Database
    from db.migrate import CannotMigrate, explain, migrate
    from features import FEATURES

    install()  # at the start of the process already, unless something kept a2wsgi.py from running
    try:
        check_pages(ROOT)
        settings = load_settings(local_url=local_url())
        check_production(settings)
        check_features(settings, FEATURES)
        database = Database(settings.database_url)
        migrate(database)
    except (SettingsError, PagesFolderError) as fault:
        log.error("The app cannot start.\n%s", fault)
        raise Unavailable from fault
    except (OperationalError, CannotMigrate, OSError) as fault:
        log.error("The app cannot use its database. %s", explain(fault))
        raise Unavailable from fault
    except SQLAlchemyError as fault:
        log.error("The app cannot use its database.", cause=fault)
        raise Unavailable from fault
    show_audit(settings)
    made = AuthService(
        database, settings, features=FEATURES, mail_queue=MailQueue(_mailer(settings))
    )
    if not has_admin(made):
        run = "python -m auth" if settings.production else "python3 dev.py auth"
        log.warning("There is no admin yet: %s create EMAIL --role admin", run)
    for feature in FEATURES:
        for line in feature.at_start(made) if feature.at_start else []:
            log.warning(line)
    atexit.register(made.close)
    send_at_once()
    _freeze()
    return made


def check_features(settings: Settings, features: "Sequence[Feature]") -> None:
    """Raise SettingsError for a setting that needs a feature or a role this app does not have."""
    from auth.roles import Role  # with SQLAlchemy

    if settings.require_verified_email and not any(each.after_sign_up for each in features):
        raise SettingsError(
            "REQUIRE_VERIFIED_EMAIL is true, and the feature that sends the email was removed: set "
            "it to false, or restore features/email_verification."
        )
    if settings.sign_up == "invited" and not any(each.invited for each in features):
        raise SettingsError(
            "SIGN_UP is invited, and the feature that sends invitations was removed: write "
            "SIGN_UP=open or SIGN_UP=closed, or restore features/invitations."
        )
    requires_two = settings.two_factor == "required" or settings.two_factor_required_for
    if requires_two and not any(each.is_factor for each in features):
        raise SettingsError(
            "A second factor is required, and the feature that asks for it was removed: set "
            "TWO_FACTOR=optional and no TWO_FACTOR_REQUIRED_FOR, or restore features/two_factor."
        )
    if unknown := set(settings.two_factor_required_for) - set(Role):
        raise SettingsError(
            f"TWO_FACTOR_REQUIRED_FOR has unknown roles ({', '.join(sorted(unknown))}): "
            f"write roles of this app ({', '.join(Role)})."
        )


def _mailer(settings: Settings) -> "Mailer":
    """Return the mailer: the configured server, or else the outbox."""
    from auth.smtp import Outbox, Smtp

    if settings.mail_server:
        return Smtp(settings.mail_server, settings.sender)
    if settings.production:
        log.warning("SMTP_URL is not set: no email is sent, all are kept in %s.", OUTBOX)
    return Outbox(OUTBOX, settings.sender, show_links=not settings.production)


def show_audit(settings: Settings) -> None:
    """Show the audit's log lines wherever the server's own are shown; in development as words."""
    from web.terminal import ForPeople

    audit = logging.getLogger("auth.audit")
    audit.setLevel(logging.INFO if settings.production else logging.DEBUG)
    if not audit.handlers:
        audit.addHandler(logging.StreamHandler())
    if not settings.production:
        audit.handlers[0].setFormatter(ForPeople())


def _freeze() -> None:
    """Freeze everything imported so far: it lives until the process ends anyway.

    The garbage collector then looks only at what runs leave behind, not at 130,000 objects.
    .streamlit/config.toml turns off Streamlit's collection after every run; Python's own becomes
    cheap. Called last at startup, when everything has been imported.
    """
    gc.collect()
    gc.freeze()


# Each option, its safe values, and what the others would do (CF-1, CK-11).
SAFE_OPTIONS = {
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
        for option, (values, harm) in SAFE_OPTIONS.items()
        if config.get_option(option) not in values
    ]
    if faults:
        raise SettingsError("\n".join(faults))
