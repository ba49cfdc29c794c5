"""Take pictures of the real app: `python3 dev.py screenshots`.

Without arguments it retakes the README's, of a few pages. With `--all FOLDER` it takes every state
of the tour in both themes, at a desk and on a phone, and one sheet of them all; and it measures
each with axe-core and prints the table of what breaks WCAG 2.2 AA.
"""

import re
import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from bench.browser import chromium
from tests.browser.visitor import Visitor
from upkeep.tour import DESK, HAND, LOOKS, STATES, dress, touring, violations

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "pages.png"
# The README's: what a visitor does at a desk, and some of it on a phone, in the dark.
AT_A_DESK = {
    "Sign up: typing a password": "1   Sign up",
    "Home: journal": "2   You are in, and F5 keeps you there",
    "Account": "3   Everything about your account",
    "Second step": "4   A second factor, if you want one",
    "Passkeys": "5   Or a passkey instead of a password",
    "User": "6   Admins manage the others",
}
ON_A_PHONE = {
    "Log in": "Log in",
    "Sign up: typing a password": "Sign up",
    "Home: journal": "Home",
    "Account": "Account",
    "Devices": "Devices",
}
WINDOW, SCREEN = ViewportSize(width=860, height=730), ViewportSize(width=390, height=760)
# A browser's own name: the pictures show what its owner would see.
AGENT = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 {}Safari/537.36"
DESK_AGENT = AGENT.format("X11; Linux x86_64", "")
PHONE_AGENT = AGENT.format("Linux; Android 16", "Mobile ")
WIDTH, GAP, CAPTION = 1680, 24, 46  # of the whole picture, between two, below one
THUMBNAIL, COLUMNS = 210, 3  # the sheet's: pixels of height, states beside each other
PAPER, INK = "#e3e8f1", "#1c2333"
COLOURS = 160  # plain areas and letters need no more, and the file stays small
Shot = tuple[str, Image.Image]


def main(target: Path) -> None:
    """Take the README's pictures and write them to one file, *target*."""
    rows: list[list[Shot]] = []
    with TemporaryDirectory() as folder, touring(Path(folder)) as tour, chromium() as browser:
        for size, theme, captions in ((WINDOW, "light", AT_A_DESK), (SCREEN, "dark", ON_A_PHONE)):
            visitor = Visitor(open_browser(browser, size), tour.server)
            visitor.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            taken = {
                state.name: shot(visitor.page)
                for state in tour.walk(visitor, captions)
                if state.name in captions
            }
            shots = [(caption, taken[name]) for name, caption in captions.items()]
            rows += [shots[:3], shots[3:]] if size == WINDOW else [shots]
    save(compose(rows), target)


def take_all(folder: Path) -> None:
    """Take every state in every look into *folder*, with a sheet of them, and measure each."""
    folder.mkdir(parents=True, exist_ok=True)
    taken: dict[str, list[Image.Image]] = {state.name: [] for state in STATES}
    found: dict[str, list[list[str]]] = {state.name: [] for state in STATES}
    with TemporaryDirectory() as data, chromium() as browser:
        for size in (DESK, HAND):
            looks = [look for look in LOOKS if look.size == size]
            with touring(Path(data) / str(size["width"])) as tour:
                visitor = Visitor(open_browser(browser, size), tour.server)
                for state in tour.walk(visitor):
                    for look in looks:
                        dress(visitor.page, look)
                        found[state.name].append(violations(visitor.page))
                        image = shot(visitor.page)
                        image.save(folder / f"{slug(state.name)}-{slug(str(look))}.png")
                        taken[state.name].append(image)
    save(sheet(taken), folder / "sheet.png")
    text = report(found)
    (folder / "accessibility.md").write_text(text, "utf-8")
    print(text)


def report(found: dict[str, list[list[str]]]) -> str:
    """Return the table of how many violations axe-core *found*, and below it what they are."""
    head = ["State", *map(str, LOOKS)]
    rows = [[name, *(str(len(each)) for each in looks)] for name, looks in found.items()]
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    every = [what for looks in found.values() for each in looks for what in each]
    total = f"{len(found)} states × {len(LOOKS)} looks: {len(every)} violations of WCAG 2.2 AA."
    return "\n".join([*lines, "", total, *sorted(set(every)), ""])


def open_browser(browser: Browser, size: ViewportSize) -> BrowserContext:
    """Return a browser with an English clock and windows of this *size*: a phone's if narrow."""
    phone = size["width"] < WINDOW["width"]
    return browser.new_context(
        viewport=size,
        user_agent=PHONE_AGENT if phone else DESK_AGENT,
        device_scale_factor=1 if size == DESK else 2,
        is_mobile=phone,
        has_touch=phone,
        locale="en-GB",
        reduced_motion="reduce",
    )


def shot(page: Page) -> Image.Image:
    """Return a picture of the window, without the empty strip above it and without a cursor."""
    page.evaluate("document.activeElement?.blur()")
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")
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


def sheet(taken: dict[str, list[Image.Image]]) -> Image.Image:
    """Return one picture of all states, each in all its looks side by side."""
    cells = {
        name: [each.resize((each.width * THUMBNAIL // each.height, THUMBNAIL)) for each in images]
        for name, images in taken.items()
    }
    width = max(sum(each.width + GAP // 3 for each in images) for images in cells.values()) + GAP
    height, rows = THUMBNAIL + CAPTION, -(-len(cells) // COLUMNS)
    whole = Image.new("RGB", (COLUMNS * width + GAP, rows * height + GAP), PAPER)
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(size=18)
    for number, (name, images) in enumerate(cells.items()):
        left, top = GAP + number % COLUMNS * width, GAP + number // COLUMNS * height
        draw.text((left, top + THUMBNAIL + 6), name, INK, font)
        for image in images:
            whole.paste(image, (left, top))
            left += image.width + GAP // 3
    return whole


def save(picture: Image.Image, target: Path) -> None:
    """Write *picture* to *target*, small, and say so."""
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
    print(f"{target}: {picture.width} x {picture.height}, {target.stat().st_size // 1000} kB")


def slug(text: str) -> str:
    """Return *text* as part of a file's name."""
    return re.sub(r"\W+", "-", text.lower())


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--all", folder]:
            take_all(Path(folder))
        case [target]:
            main(Path(target))
        case _:
            main(PICTURE)
