"""A page as its user sees it: a starting point for a project's own tests."""

from auth.users import User
from tests.app.conftest import SignedIn


def test_home_greets_its_user(signed_in: SignedIn, ada: User) -> None:
    """The default page, with no cookie handling in the test."""
    page = signed_in(ada)

    assert [title.value for title in page.title] == ["Home"]
    assert "Hello Ada!" in [text.value for text in page.text]
