"""Take the README's pictures from the real app: `python3 dev.py screenshots`.

A visitor signs up, presses F5, looks around and logs out, once at a desk and once on a phone. The
app runs in a copy without your .env; its database and emails are deleted afterwards.
"""

import secrets
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Browser, Page, expect

from bench.browser import PATIENCE, chromium
from bench.server import serving
from tests.serving import copy_project

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "pages.png"
APP = "Streamlit auth starter"
LOG_IN, SIGN_UP = f"Log in to {APP}", f"Sign up for {APP}"
PASSWORD = "violet umbrella harbour 41"
# A browser's own name and clock: the pictures show what its owner would see.
AGENT = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 {}Safari/537.36"
DESK, DESK_AGENT = {"width": 860, "height": 690}, AGENT.format("X11; Linux x86_64", "")
PHONE, PHONE_AGENT = {"width": 390, "height": 690}, AGENT.format("Linux; Android 16", "Mobile ")
WIDTH, GAP, CAPTION = 1680, 24, 46  # of the whole picture, between two, below one
PAPER, INK = "#e3e8f1", "#1c2333"
COLOURS = 160  # plain areas and letters need no more, and the file stays small
Shot = tuple[str, Image.Image]


def main(target: Path) -> None:
    """Take the pictures and write them to one file, *target*."""
    expect.set_options(timeout=PATIENCE)
    with TemporaryDirectory() as folder:
        environment = {
            "APP_NAME": APP,
            "APP_ENV": "development",
            "DATABASE_URL": f"sqlite:///{folder}/app.db",
            "SECRET_KEY": secrets.token_urlsafe(32),
        }
        script = copy_project(Path(folder) / "app") / "server.py"
        with serving(script, environment) as server, chromium() as browser:
            desk = list(at_a_desk(open_page(browser, phone=False), server.url))
            phone = list(on_a_phone(open_page(browser, phone=True), server.url))
    picture = compose([desk[:3], desk[3:], phone])
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
    print(f"{target}: {picture.width} x {picture.height}, {target.stat().st_size // 1000} kB")


def open_page(browser: Browser, *, phone: bool) -> Page:
    """Return an empty tab at a desk, by day, or *phone*, in the dark."""
    context = browser.new_context(
        viewport=PHONE if phone else DESK,  # type: ignore[arg-type]
        color_scheme="dark" if phone else "light",
        user_agent=PHONE_AGENT if phone else DESK_AGENT,
        device_scale_factor=2,
        is_mobile=phone,
        has_touch=phone,
        locale="en-GB",
    )
    return context.new_page()


def at_a_desk(page: Page, url: str) -> Iterator[Shot]:
    """Yield the story in a wide window."""
    sign_up(page, url, "Ada Lovelace", "ada@example.com")
    yield "1   Sign up", shot(page)
    page.get_by_role("button", name="Sign up", exact=True).click()
    settle(page, "Home")
    yield "2   You are in", shot(page)
    page.reload()
    settle(page, "Home")
    go(page, "Account")
    page.reload()
    settle(page, "Account")
    yield "3   F5, and you still are", shot(page)
    page.get_by_role("link", name="See all your devices", exact=True).click()
    settle(page, "Your devices")
    yield "4   Where you are logged in", shot(page)
    page.get_by_role("button", name="Log out", exact=True).click()
    settle(page, LOG_IN)
    yield "5   Log out ends every copy of the cookie", shot(page)
    page.get_by_role("textbox", name="Email", exact=True).fill("ada@example.com")
    page.get_by_role("textbox", name="Password", exact=True).fill("not the password at all")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_text("do not match")).to_be_visible()
    settle(page, LOG_IN)
    yield "6   One answer for every wrong log-in", shot(page)


def on_a_phone(page: Page, url: str) -> Iterator[Shot]:
    """Yield the story in a narrow window, in dark."""
    sign_up(page, url, "Grace Hopper", "grace@example.com")
    yield "Sign up", shot(page)
    page.get_by_role("button", name="Sign up", exact=True).click()
    settle(page, "Home")
    yield "Home", shot(page)
    page.goto(f"{url}/account")
    settle(page, "Account")
    page.reload()
    settle(page, "Account")
    yield "Account after F5", shot(page)
    page.get_by_test_id("stExpandSidebarButton").click()
    expect(page.get_by_role("button", name="Log out", exact=True)).to_be_in_viewport()
    settle(page, "Account")
    yield "Menu", shot(page)
    page.get_by_role("button", name="Log out", exact=True).click()
    settle(page, LOG_IN)
    yield "Logged out", shot(page)


def sign_up(page: Page, url: str, name: str, email: str) -> None:
    """Fill in the form without sending it."""
    page.goto(f"{url}/sign-up")
    settle(page, SIGN_UP)
    for label, text in {"Name": name, "Email": email, "Password": PASSWORD}.items():
        page.get_by_role("textbox", name=label, exact=True).fill(text)


def go(page: Page, title: str) -> None:
    """Open a page by the menu."""
    page.get_by_role("link", name=title, exact=True).click()
    settle(page, title)


def settle(page: Page, title: str) -> None:
    """Wait until the page with this *title* is complete: nothing runs, nothing is loading."""
    expect(page.get_by_role("heading", name=title, exact=True, level=1)).to_be_visible()
    expect(page.locator('[data-test-script-state="notRunning"]')).to_have_count(1)
    expect(page.locator('[data-stale="true"]')).to_have_count(0)
    page.evaluate("document.fonts.ready.then(() => true)")


def shot(page: Page) -> Image.Image:
    """Return a picture of the window, without the empty strip above it and without a cursor."""
    page.evaluate("document.activeElement?.blur()")
    page.mouse.move(1, 1)
    # The page does not reveal when Streamlit's fading ends: two equal pictures do.
    before, now = b"", page.screenshot(animations="disabled", caret="hide")
    while before != now:
        before, now = now, page.screenshot(animations="disabled", caret="hide")
    return Image.open(BytesIO(now)).convert("RGB")


def compose(rows: list[list[Shot]]) -> Image.Image:
    """Return one picture of all *rows*, equally wide, with captions."""
    bands = [band(row) for row in rows]
    whole = Image.new("RGB", (WIDTH, sum(each.height for each in bands) + GAP), PAPER)
    top = GAP
    for each in bands:
        whole.paste(each, (0, top))
        top += each.height
    return whole


def band(row: list[Shot]) -> Image.Image:
    """Return the pictures of a *row* side by side, with their captions below."""
    width = (WIDTH - GAP * (len(row) + 1)) // len(row)
    height = round(width * row[0][1].height / row[0][1].width)
    strip = Image.new("RGB", (WIDTH, height + CAPTION), PAPER)
    draw, font = ImageDraw.Draw(strip), ImageFont.load_default(size=21)
    for number, (caption, image) in enumerate(row):
        left = GAP + number * (width + GAP)
        strip.paste(image.resize((width, height), Image.Resampling.LANCZOS), (left, 0))
        draw.text((left + 2, height + 7), caption, INK, font)
    return strip


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
