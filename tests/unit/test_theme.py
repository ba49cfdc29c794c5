"""Both themes can be read: WCAG 2.2's contrast, computed from .streamlit/config.toml."""

import tomllib

import pytest
from streamlit import config

from settings import ROOT
from web.look import style

THEME = tomllib.loads((ROOT / ".streamlit/config.toml").read_text("utf-8"))["theme"]
ON_BUTTONS = "#ffffff"  # what Streamlit writes a primary button's label in
each_theme = pytest.mark.parametrize("theme", ["light", "dark"])


def luminance(color: str) -> float:
    """Return the relative luminance of *color*, such as "#2f5fd0" (WCAG 2.2, definitions)."""
    channels = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colors, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_contrast_of_known_colors() -> None:
    """The computation itself: WCAG's own extremes, and a gray that is known to just pass."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@each_theme
@pytest.mark.parametrize("background", ["backgroundColor", "secondaryBackgroundColor"])
def test_text_stands_out_from_its_background(theme: str, background: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1, on the page and in fields and the sidebar."""
    colors = THEME[theme]

    assert contrast(colors["textColor"], colors[background]) >= 4.5


@each_theme
def test_links_stand_out(theme: str) -> None:
    """WCAG 2.2, 1.4.3: on the page, in the sidebar, and as the initials of a person."""
    colors = THEME[theme]

    assert contrast(colors["linkColor"], colors["backgroundColor"]) >= 4.5
    assert contrast(colors["linkColor"], colors["sidebar"]["backgroundColor"]) >= 4.5


def test_links_of_ours_have_the_themes_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """One place for an owner to change: for Streamlit's links, ours and those in emails."""
    colors = {"theme.light.linkColor": "#0b7a5c", "theme.dark.linkColor": "#7ee2c1"}
    monkeypatch.setattr(config, "get_option", colors.get)

    assert style().endswith(":root { --link: light-dark(#0b7a5c, #7ee2c1); }</style>")


@each_theme
def test_a_primary_buttons_label_stands_out(theme: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1."""
    assert contrast(THEME[theme]["primaryColor"], ON_BUTTONS) >= 4.5


@each_theme
def test_a_primary_button_stands_out_from_the_page(theme: str) -> None:
    """WCAG 2.2, 1.4.11: 3 to 1 for what shows where a control is."""
    colors = THEME[theme]

    assert contrast(colors["primaryColor"], colors["backgroundColor"]) >= 3
