"""The numbers in SECURITY.md match the code."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import QueuePool

from auth import (
    audit,
    challenge,
    email_tokens,
    hand_off,
    housekeeping,
    limits,
    mail,
    password_rules,
    passwords,
    rotation,
    sessions,
    smtp,
    step_up,
)
from auth.keys import KEY_BYTES
from auth.throttle import Limit
from db.engine import BUSY_TIMEOUT, Database
from features.invitations import rules as invitations
from settings import Settings
from web import messages, navigation, streamlit_hooks
from web.bounds import BOUNDS, MEGABYTE, MOST_DESCRIPTORS, SITE_FACTOR, SPARE_DESCRIPTORS

PAGE = (Path(__file__).parents[2] / "SECURITY.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|", PAGE, re.MULTILINE))


def default(name: str) -> object:
    """Return a setting's default."""
    return Settings.model_fields[name].default


def hours(value: object) -> str:
    """Return a length of time as the page writes it."""
    assert isinstance(value, timedelta)
    return f"{value.total_seconds() / 3600:.0f} hours"


def days(value: object) -> str:
    """Return a length of time as the page writes it."""
    assert isinstance(value, timedelta)
    return f"{value.days} days"


def minutes(value: timedelta) -> str:
    """Return a length of time as the page writes it."""
    count = value.total_seconds() / 60
    return f"{count:.0f} minute" + ("s" if count != 1 else "")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("shortest password", f"{default('password_min_length')} characters"),
        ("longest password", f"{passwords.MAX_LENGTH} characters, {passwords.MAX_BYTES} bytes"),
        ("strength asked for", f"{password_rules.MIN_STRENGTH} of 4"),
        ("bcrypt cost", f"{default('bcrypt_rounds')}"),
        ("session, at most", hours(default("session_max_age"))),
        ('session with "Keep me logged in", at most', days(default("session_remember_age"))),
        ("unused session", hours(default("session_idle_age"))),
        ('unused session with "Keep me logged in"', days(default("session_remember_idle_age"))),
        ("sessions of one user at once", f"{sessions.MAX_PER_USER}"),
        ("under `server.py` the token changes every", minutes(rotation.ROTATE_EVERY)),
        ("the token before is good for", minutes(rotation.OVERLAP)),
        ("a ticket for the cookie is good for", f"{hand_off.LIFE.total_seconds():.0f} seconds"),
        ("a password or passkey given again counts for", minutes(step_up.RECENT)),
        ("the step after the password is open for", minutes(challenge.LIFE)),
        (
            "an idle page notices the end of its session within",
            f"{navigation.WATCH_EVERY.total_seconds():.0f} seconds",
        ),
        ("signing key", f"{KEY_BYTES} bytes"),
        (
            "a link to verify or change an email is good for",
            hours(email_tokens.LIVES[email_tokens.Purpose.VERIFY]),
        ),
        (
            "a link to reset a password is good for",
            f"{email_tokens.LIVES[email_tokens.Purpose.RESET].total_seconds() / 3600:.0f} hour",
        ),
        (
            "an invitation is good for",
            days(invitations.LIFE),
        ),
        (
            "an account that was never confirmed or logged in to is deleted after",
            days(default("unverified_accounts_kept")),
        ),
        ("security events are kept for", days(audit.KEPT)),
        ("failed log-ins to no account are kept for", f"{housekeeping.STRANGERS_KEPT.days} day"),
        ("sessions are kept, after their last possible day, for", days(housekeeping.SESSIONS_KEPT)),
    ],
)
def test_a_number_on_the_page_is_the_one_in_the_code(row: str, told: str) -> None:
    """CF-5: the app does what the page promises."""
    assert re.match(rf"{re.escape(told)}\b", ROWS[row])


LIMITS = [
    limit
    for module in (limits, invitations)
    for limit in vars(module).values()
    if isinstance(limit, Limit)
]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.what)
def test_a_limit_on_the_page_is_the_one_in_the_code(limit: Limit) -> None:
    """CF-5, TH-1, TH-2: what may be tried how often, and what comes then."""
    then = f"the rest of {minutes(limit.forget)}"
    if limit.first:
        first = limit.first.total_seconds()
        begin = minutes(limit.first) if first >= 60 else f"{first:.0f} seconds"
        then = (
            f"a wait from {begin}, doubling to {minutes(limit.longest)};"
            f" forgotten after {hours(limit.forget)}"
        )

    assert f"| {limit.what} | {limit.free} | {then} |" in PAGE


def test_the_last_straw_on_the_page_is_the_one_in_the_code() -> None:
    """TH-1: how many wrong passwords in a row switch a password off."""
    assert f"After {limits.MOST_FAILURES} wrong passwords in a row" in PAGE
    assert f"together have {limits.SITE_FACTOR} times the limit of one" in PAGE


def test_the_bounds_of_outgoing_connections_are_those_in_the_code() -> None:
    """CF-5, AV-5: ASVS 5.0 13.1.1 to 13.1.3 ask for them."""
    pool = Database("postgresql+psycopg://nowhere/app").engine.pool
    assert isinstance(pool, QueuePool)
    more, wait = pool._max_overflow, pool._timeout
    pauses = "5 and 30 seconds, 2 and 10 minutes"

    assert f"pool: {pool.size()} connections and {more} more, {wait:.0f} seconds of wait" in PAGE
    assert f"{BUSY_TIMEOUT / 1000:.0f} seconds for a lock" in PAGE
    assert f"{smtp.TIMEOUT:.0f} seconds for each answer and {smtp.LONGEST:.0f} in all" in PAGE
    assert mail.PAUSES == (5, 30, 120, 600)
    assert f"tried again after {pauses}, given up after {mail.PATIENCE / 60:.0f} minutes" in PAGE
    assert f"{mail.MAX_EMAILS:,} may wait" in PAGE


def test_every_logger_is_in_the_inventory() -> None:
    """CF-5, LG-1: ASVS 5.0 16.1.1; a new kind of log has to be written down there."""
    root = Path(__file__).parents[2]
    inventory = PAGE.partition("### Logs")[2].partition("\n### ")[0]
    made = re.compile(r"(?:getLogger|BoundedLog)\((.*?)\)")
    names = {
        name.strip('"').replace("__name__", folder)
        for folder in ("auth", "db", "web", "features", "views")
        for file in (root / folder).rglob("*.py")
        for name in made.findall(file.read_text("utf-8"))
    }

    families = {name.partition(".")[0] for name in names - {"name"}}
    assert families <= {"auth", "web", "uvicorn"}
    assert "Streamlit and uvicorn" in inventory
    assert "(`auth`, `web`)" in inventory


def test_the_files_and_tests_that_the_page_names_are_there() -> None:
    """CF-5: a claim can be looked up."""
    root = Path(__file__).parents[2]
    named = set(re.findall(r"`((?:auth|web|db|views|migrations|tests)/[\w/.]*)`", PAGE))

    assert {name for name in named if not (root / name).exists()} == set()


def test_the_senders_of_messages_on_the_page_are_those_in_the_code() -> None:
    """CF-5, GD-9: what a browser may send, and how much."""
    told = re.findall(r"^\| `(\w+)` \| (anyone|user|developer) \|", PAGE, re.MULTILINE)
    text, widget, rerun = (
        f"{messages.LONGEST_TEXT:,} characters",
        f"over {messages.LARGEST_WIDGET / 1024:.0f} KB",
        f"more than {messages.LARGEST_MESSAGE / 1024:.0f} KB",
    )

    assert dict(told) == streamlit_hooks.MESSAGES
    assert text in PAGE and widget in PAGE and rerun in PAGE
    assert f"beyond {messages.MOST_WIDGETS}" in PAGE


def test_the_bounds_on_the_page_are_the_ones_in_the_code() -> None:
    """CF-5, AV-3: what one visitor may hold open, number by number."""
    told = {
        "open tabs of signed-out visitors of one network": f"{BOUNDS.network_sockets},",
        "of those, new tabs that have not sent a message yet": f"{BOUNDS.silent_sockets}",
        "open tabs of one user": f"{BOUNDS.user_sockets}",
        "open tabs of signed-out visitors in all": f"{BOUNDS.signed_out_share:.0%}".replace(
            "%", " %"
        ),
        "open tabs in all": f"{BOUNDS.all_sockets},",
        "a new tab's silence": f"{BOUNDS.first_message:.0f} seconds",
        "runs of signed-out pages of one network": f"{BOUNDS.runs} at once, and "
        f"{BOUNDS.runs_rate:.0f} a second",
        "messages of the pages of one user": f"{BOUNDS.user_messages} at once, and "
        f"{BOUNDS.user_rate:.0f} a second",
        "closed tabs of one user that are kept": f"{streamlit_hooks.MOST_KEPT}",
        "files that one message of a tab asks for": f"{streamlit_hooks.MOST_FILES}",
        "jobs that a tab waits for, such as a download being made": f"{streamlit_hooks.MOST_JOBS}",
        "runs of signed-out pages at the same time": f"{BOUNDS.slots} that began in the last "
        f"{BOUNDS.slot:g} seconds",
        "a message of a tab that is still arriving": f"{BOUNDS.body:.0f} seconds, and one more for "
        f"each {BOUNDS.body_rate // 1024} KB",
        "frames of a tab that have arrived and wait": f"{messages.MOST_WAITING}",
        "frames of a tab in vain: pings, their answers, small fragments, what follows the server's "
        "close frame": f"{messages.MOST_CRUMBS} in {messages.CRUMBS_IN} seconds",
        "messages that are still arriving": f"{BOUNDS.unfinished} MB",
        "messages that wait for their turn": f"{BOUNDS.unfinished} MB",
        "a request's headers": f"{messages.MOST_HEADERS}, and {messages.LONGEST_HEAD // 1024} KB; "
        f"{messages.LONGEST_TARGET // 1024} KB of an address",
        "request headers, and silence between requests": f"{BOUNDS.headers:.0f} seconds",
        "a request's body": f"{BOUNDS.body:.0f} seconds, and one more for each "
        f"{BOUNDS.body_rate // 1024} KB",
        "an answer that the client does not read": f"{BOUNDS.answer:.0f} seconds",
        "connections that are no tab, with a request in progress or without": (
            f"{BOUNDS.connections_share:.0%}".replace("%", " %")
        ),
        "uploads of one user": f"{BOUNDS.user_files} files, {BOUNDS.user_upload} times",
        "uploads in all": f"{BOUNDS.all_uploads} times",
        "uploads of a closed tab are kept for": f"{BOUNDS.uploads_kept:.0f} seconds",
    }

    assert {row: ROWS[row][: len(start)] for row, start in told.items()} == told
    crowds = f"asked for {BOUNDS.crowd} at once, or for more than {BOUNDS.crowd_rate:g} a second"
    assert crowds in PAGE
    assert f"for their turn, at most {BOUNDS.longest_wait:.0f} seconds" in PAGE
    assert (BOUNDS.run_size, BOUNDS.rest) == (MEGABYTE, 2)  # "each megabyte", "a third of the time"
    assert f"less {SPARE_DESCRIPTORS}" in ROWS["open tabs in all"]
    assert f"an IPv6 /48 has {SITE_FACTOR} times as many" in PAGE
    assert f"`compose.yaml` allow {MOST_DESCRIPTORS}" in PAGE
