"""A page as its user sees it in a browser: what a project's own tests begin with."""

from auth.users import User
from tests.browser.conftest import SignedIn
from tests.browser.visitor import expect


def test_home_greets_its_user(signed_in: SignedIn, ada: User) -> None:
    """The default page, without a word about cookies."""
    visitor = signed_in(ada)

    expect(visitor.heading("Home")).to_be_visible()
    expect(visitor.page.get_by_text("Hello Ada!")).to_be_visible()
