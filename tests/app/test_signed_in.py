"""A page as its user sees it: what a project's own tests begin with."""

from auth.users import User
from tests.app.conftest import SignedIn


def test_home_greets_whoever_is_here(signed_in: SignedIn, ada: User) -> None:
    """The default page, without a word about cookies."""
    page = signed_in(ada)

    assert [title.value for title in page.title] == ["Home"]
    assert "Hello Ada!" in [text.value for text in page.text]


def test_account_shows_whose_it_is(signed_in: SignedIn, ada: User) -> None:
    """Another page, by its file."""
    page = signed_in(ada, "features/account/account.py")

    assert [title.value for title in page.title] == ["Account"]
    assert {"Ada", "ada@example.com"} <= {text.value for text in page.text}
