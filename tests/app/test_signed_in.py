"""A page as its user sees it: what a project's own tests begin with."""

from auth.users import User
from tests.app.conftest import SignedIn


def test_home_greets_whoever_is_here(signed_in: SignedIn, ada: User) -> None:
    """The default page, without a word about cookies."""
    page = signed_in(ada)

    assert [title.value for title in page.title] == ["Home"]
    assert "Hello Ada!" in [text.value for text in page.text]
