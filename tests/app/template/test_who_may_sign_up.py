"""The sign-up page of an app that is not open for everyone: one sentence, and no link to it."""

import pytest

from tests.app.conftest import Open


@pytest.mark.parametrize(
    ("sign_up", "said"), [("invited", "by invitation"), ("closed", "at the moment")]
)
def test_a_closed_app_has_one_sentence_and_no_link(
    open_app: Open, monkeypatch: pytest.MonkeyPatch, sign_up: str, said: str
) -> None:
    """RO-4: there is no form to fill in for nothing."""
    monkeypatch.setenv("SIGN_UP", sign_up)

    page = open_app().run()
    assert [button.label for button in page.button] == ["Log in"]
    assert "sign-up" not in str(page.main)
    page.switch_page("views/sign_up.py").run()

    assert not page.exception
    assert not page.text_input
    assert not page.button
    assert [said in caption.value for caption in page.caption] == [True, False]
