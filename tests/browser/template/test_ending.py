"""A session that ends while its page is open: the page clears itself, and nothing of it runs on."""

from datetime import timedelta

from sqlalchemy import update

from auth.administration import disable
from auth.users import User
from db.engine import Database
from db.models import Session, utc_now
from tests.browser.conftest import ONE_BRIDGE, NewContext, add_account
from tests.browser.visitor import Visitor, expect
from tests.serving import Server, wait_until
from web.navigation import WATCH_EVERY
from web.words import END_NOTICES


def arrive(new_context: NewContext, workshop: Server, name: str) -> tuple[Visitor, User, str]:
    """Return a visitor signed in on the notes page, with their account and token."""
    with workshop.service() as service:
        user = add_account(service, name)
    visitor = Visitor(new_context(), workshop)
    visitor.arrive(user.email, path="/notes")
    expect(visitor.page.get_by_text("Alive")).to_be_visible()
    return visitor, user, visitor.token()


def expire(database: Database, user: User) -> None:
    """Let the sessions of *user* have reached their end a minute ago."""
    past = utc_now() - timedelta(minutes=1)
    with database.write() as connection:
        connection.execute(
            update(Session)
            .where(Session.user_id == user.id)
            .values(created_at=past - timedelta(hours=1), expires_at=past)
        )


def test_an_idle_page_notices_within_a_minute() -> None:
    """The watch of the real app is no slower than what was promised."""
    assert timedelta(seconds=60) >= WATCH_EVERY


def test_an_idle_page_clears_itself_and_says_why(new_context: NewContext, workshop: Server) -> None:
    """SE-2, SE-6: expired, revoked or disabled: an idle page notices by itself."""
    visitors = {}
    with workshop.service() as service, workshop.database() as database:
        for name in ("Expired", "Revoked", "Disabled"):
            user = add_account(service, name)
            visitor = Visitor(new_context(), workshop)
            visitor.arrive(user.email, path="/account")
            visitors[name] = (visitor, user, visitor.token())

        expire(database, visitors["Expired"][1])
        service.log_out(visitors["Revoked"][2])
        disable(service, visitors["Disabled"][1].id)

    for name, words in (
        ("Expired", "Your session has reached its end."),
        ("Revoked", "You are logged out."),
        ("Disabled", "This account is disabled."),
    ):
        visitor, user, _ = visitors[name]
        assert any(words in (sentence or "") for sentence in END_NOTICES.values())
        expect(visitor.page.get_by_text(words)).to_be_visible()
        visitor.expect_form()
        assert user.email not in visitor.page.content()
        assert visitor.address() == "/account"


@ONE_BRIDGE
def test_a_protected_callback_does_not_run_for_a_session_that_is_over(
    new_context: NewContext, workshop: Server
) -> None:
    """GD-2: a callback runs before the guard; `protected` asks again, and shows the form."""
    visitor, _, token = arrive(new_context, workshop, "Clicker")
    visitor.field("Note").fill("one")
    visitor.button("Keep").click()
    expect(visitor.page.get_by_text("Kept: one")).to_be_visible()
    assert "kept one" in workshop.said()
    visitor.field("Note").fill("too late")

    with workshop.service() as service:
        service.log_out(token)
    visitor.button("Keep").or_(visitor.button("Log in")).first.click()

    visitor.expect_form()
    visitor.expect_calm()
    assert "kept too late" not in workshop.said()
    expect(visitor.page.get_by_text("no-op")).to_have_count(0)


@ONE_BRIDGE
def test_a_protected_fragment_stops_within_one_tick(
    new_context: NewContext, workshop: Server
) -> None:
    """GD-3: a fragment skips the guard; `protected` ends it, and shows the form."""
    visitor, user, token = arrive(new_context, workshop, "Watcher")
    beat = f"pulse {user.email}"
    wait_until(lambda: workshop.said().count(beat) >= 3, "the fragment to run by itself")

    with workshop.service() as service:
        service.log_out(token)
    beats = workshop.said().count(beat)

    visitor.expect_form()
    visitor.expect_calm()
    assert workshop.said().count(beat) <= beats + 1  # one may have been under way


@ONE_BRIDGE
def test_looking_whether_the_session_lives_does_not_keep_it_alive(
    new_context: NewContext, workshop: Server
) -> None:
    """SE-4: neither the watch of an open page nor a fragment of its own that runs by itself."""
    with workshop.service() as service, workshop.database() as database:
        user = add_account(service, "Idler")
        visitor = Visitor(new_context(), workshop)
        visitor.arrive(user.email, "/notes")
        token = visitor.token()
        old = utc_now() - timedelta(minutes=90)  # within the limit, and long enough to be noted
        with database.write() as connection:
            connection.execute(
                update(Session)
                .where(Session.user_id == user.id)
                .values(created_at=old, last_seen_at=old)
            )

        since = len(workshop.said())
        wait_until(lambda: f"pulse {user.email}" in workshop.said(since), "the fragment to run")
        visitor.wait_for_tick()

        seen = service.session(token)
        assert seen
        assert seen.last_seen_at == old


def rename(database: Database, old: str, new: str) -> None:
    """Rename a table: the shortest way to a database that answers with an error."""
    with database.write() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")


@ONE_BRIDGE
def test_a_database_that_fails_closes_the_page_and_opens_it_again(
    new_context: NewContext, workshop: Server
) -> None:
    """GD-5, GD-7: no content and no traceback while we cannot tell; then all is as before."""
    with workshop.service() as service, workshop.database() as database:
        user = add_account(service, "Patient")
        visitor = Visitor(new_context(), workshop)
        visitor.arrive(user.email)

        rename(database, "sessions", "sessions_away")
        try:
            visitor.sidebar.get_by_role("link", name="Account").click()
            expect(visitor.heading("Back in a moment")).to_be_visible()
            visitor.expect_calm()
            expect(visitor.page.get_by_text(user.email)).to_have_count(0)
        finally:
            rename(database, "sessions_away", "sessions")
        visitor.button("Try again").click()

        expect(visitor.heading("Account")).to_be_visible()
        visitor.expect_signed_in(user.email)
