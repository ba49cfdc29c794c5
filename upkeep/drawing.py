"""Draw the house from its imports: `python -m upkeep.drawing` writes docs/images/house.svg.

A layer imports only layers below it, so that needs no arrow. An arrow leads from a feature to
another that it imports.
"""

from html import escape
from pathlib import Path

from upkeep.remove import features, imported

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "docs/images/house.svg"
LAYERS = {
    "views": "the core's pages, and yours",
    "features": "one folder per feature; each can be removed",
    "web": "how a browser meets the core",
    "auth": "the sign-in core: users, sessions, log-in",
    "db": "engine and tables",
}
WIDTH, MARGIN, GAP, ROW = 1040, 24, 16, 26  # pixels
CHIP = 7.3  # the width of a character
STYLE = """
  text { font: 12px ui-monospace, monospace; fill: #1c2333; }
  .name { font: 600 15px system-ui, sans-serif; } .what { font: 13px system-ui, sans-serif; }
  .what { fill: #5a6478; } .layer { fill: #f4f6fa; stroke: #d5dbe7; }
  .room, .chip { fill: #fff; stroke: #c3ccdd; }
  .entry { fill: #2f5fd0; } .entry-name { fill: #fff; }
  .arrow { fill: none; stroke: #2f5fd0; stroke-width: 1.6; marker-end: url(#head); }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6eaf2; } .what { fill: #9aa5bb; } .layer { fill: #171c28; stroke: #2b3447; }
    .room, .chip { fill: #1f2636; stroke: #3a4660; } .arrow { stroke: #8fb0ff; }
  }
"""


def draw(root: Path) -> str:
    """Return the drawing of the project at *root* as SVG."""
    parts: list[str] = []
    y: float = MARGIN
    parts += entry(y)
    y += 44 + GAP
    for name, what in LAYERS.items():
        drawn, height = (
            feature_rooms(root, y + 40) if name == "features" else chips(root / name, y + 40)
        )
        parts.append(box("layer", MARGIN, y, WIDTH - 2 * MARGIN, height + 52))
        parts.append(label("name", MARGIN + 14, y + 25, name))
        parts.append(label("what", MARGIN + 28 + 9 * len(name), y + 25, what))
        parts += drawn
        y += height + 52 + GAP
    head = '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
    head += ' orient="auto"><path d="M0 0 8 4 0 8z" fill="#2f5fd0"/></marker>'
    size = f'viewBox="0 0 {WIDTH} {y:.0f}" width="{WIDTH}" height="{y:.0f}"'
    title = "<title>The modules: each layer imports only those below it</title>"
    inside = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">{title}<style>{STYLE}</style>'
        f"<defs>{head}</defs>\n{inside}\n</svg>\n"
    )


def entry(y: float) -> list[str]:
    """Return the two scripts at the top."""
    half = (WIDTH - 2 * MARGIN - GAP) / 2
    texts = ("app.py: guard, pages, run", "server.py: the same app, HttpOnly cookie")
    drawn: list[str] = []
    for number, text in enumerate(texts):
        x = MARGIN + number * (half + GAP)
        drawn += [box("entry", x, y, half, 44), label("entry-name", x + 16, y + 27, text)]
    return drawn


def chips(folder: Path, y: float) -> tuple[list[str], float]:
    """Return the modules of *folder*, in rows that begin at *y*, and their height."""
    names = sorted(file.stem for file in folder.glob("*.py") if not file.stem.startswith("__"))
    drawn: list[str] = []
    x, top = MARGIN + 14.0, y
    for name in names:
        width = CHIP * len(name) + 22
        if x + width > WIDTH - MARGIN - 14:
            x, top = MARGIN + 14.0, top + ROW + 8
        drawn += [box("chip", x, top, width, ROW), label("", x + 11, top + 17, name)]
        x += width + 8
    return drawn, top - y + ROW


def feature_rooms(root: Path, y: float) -> tuple[list[str], float]:
    """Return a room for each feature, arrows between them, and their height."""
    names = features(root)
    modules = {
        name: sorted(
            file.stem
            for file in (root / "features" / name).glob("*.py")
            if not file.stem.startswith(("__", "test_"))
        )
        for name in names
    }
    width = (WIDTH - 2 * MARGIN - 28 - 8 * (len(names) - 1)) / len(names)
    height = 34 + 18 * max(map(len, modules.values()), default=0)
    left = {name: MARGIN + 14 + number * (width + 8) for number, name in enumerate(names)}
    drawn: list[str] = []
    for name in names:
        drawn.append(box("room", left[name], y, width, height))
        drawn.append(label("name", left[name] + 9, y + 21, name, size=11.5))
        for number, module in enumerate(modules[name]):
            drawn.append(label("", left[name] + 9, y + 42 + 18 * number, module, size=10.5))
    depth = 0
    for name in names:
        for other in names:
            files = (root / "features" / name).glob("*.py")
            if other != name and any(f"features.{other}" in imported(file) for file in files):
                depth += 1
                drawn.append(arrow(left[name], left[other], width, y + height, 12 + 9 * depth))
    return drawn, height + (14 + 9 * depth if depth else 0)


def arrow(start: float, end: float, width: float, y: float, depth: float) -> str:
    """Return an arrow below the rooms, from the one at *start* to the one at *end*."""
    shift = depth * 1.2
    x1, x2 = start + width / 2 - shift, end + width / 2 + shift / 2
    return f'<path class="arrow" d="M{x1:.0f} {y:.0f} v{depth} H{x2:.0f} V{y + 2:.0f}"/>'


def box(kind: str, x: float, y: float, width: float, height: float) -> str:
    """Return a rounded box."""
    size = f'width="{width:.0f}" height="{height:.0f}"'
    return f'<rect class="{kind}" x="{x:.0f}" y="{y:.0f}" {size} rx="8"/>'


def label(kind: str, x: float, y: float, text: str, size: float | None = None) -> str:
    """Return a text that starts at *x*, on the line *y*."""
    style = f' style="font-size:{size}px"' if size else ""
    return f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}"{style}>{escape(text)}</text>'


if __name__ == "__main__":
    FILE.write_text(draw(ROOT), "utf-8")
