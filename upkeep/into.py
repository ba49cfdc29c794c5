"""The accounts as one package, in an app whose own names they would take: `adopt PATH --into NAME`.

Every file keeps its text, except where that names a module or a path of the house. An upgrade does
the same with the template's files first, and then merges as ever.
"""

import re
from pathlib import Path

BESIDE = ("a2wsgi.py", "server.py")  # stand beside the script: Streamlit looks for both there
PACKED = ("auth", "db", "dev.py", "features", "migrations", "settings.py", "upkeep", "views", "web")
MERGED = (".env.example", "pyproject.toml")
OF_THE_TEMPLATE = "upkeep/__init__.py"  # its paths are the template's, not this app's
MODULE = "|".join(name.removesuffix(".py") for name in PACKED)


def pack(folder: Path, into: str) -> None:
    """Move what *folder* has of the accounts into its package *into*, and name them so."""
    (folder / into).mkdir()
    (folder / into / "__init__.py").write_text('"""User accounts."""\n', "utf-8")
    for name in (*PACKED, *BESIDE, *MERGED):
        at = folder / name
        for file in [at] if at.is_file() else at.rglob("*.*"):
            if file.is_file() and file != folder / OF_THE_TEMPLATE:
                file.write_text(renamed(file.read_text("utf-8"), into), "utf-8")
        if name in PACKED and at.exists():
            at.rename(folder / into / name)
    if (folder / "server.py").exists():
        (folder / "server.py").rename(folder / f"{into}_server.py")


def renamed(text: str, into: str) -> str:
    """Return the *text* of a file with the modules and paths of the house in the package *into*.

    It stays as it is where there is no package.
    """
    if not into:
        return text
    for pattern, replacement in {
        rf"(?<=\bfrom )(?=(?:{MODULE})\b\S* import\b)": f"{into}.",
        rf"(?<=-m )(?=(?:{MODULE})\b)": f"{into}.",  # python -m auth
        r"""(?<=["'])(?=(?:db|features|upkeep)\.[a-z{])""": f"{into}.",  # "db.migrate"
        r'(?<=APP\[:3\], ")(?=auth")': f"{into}.",  # the command's module, in dev.py
        # "views/log_in.py", but not the text that tells where a page of the owner's may stand
        r"""(?<!st\.Page\(")(?<=["'])(?=(?:features|migrations|upkeep|views)/)""": f"{into}/",
        r"""(?i)(?<=root / ")(?=(?:migrations|views)")""": f"{into}/",
        r"(?<=%\(here\)s/)(?=migrations)": f"{into}/",  # Alembic's, in pyproject.toml
        r"(?<=python3 )(?=dev\\?\.py)": f"{into}/",
        r"\b(?<!\.)(?=server(?:\.py|:app)\b)": f"{into}_",
        r"(?m)^((?:ROOT|HERE|OLDEST, HERE) = .*Path\(__file__\)(?:\.resolve\(\))?)": r"\1.parent",
    }.items():
        text = re.sub(pattern, replacement, text)
    return text
