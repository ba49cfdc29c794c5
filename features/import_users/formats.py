"""The files that users are read from: streamlit-authenticator's YAML, JSON lines and CSV."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COLUMNS = ("email", "name", "password_hash", "verified", "roles")
TRUE, FALSE = ("true", "t", "yes", "1"), ("false", "f", "no", "0", "")
# Keys in streamlit-authenticator's own examples: everyone knows them and could forge its cookies.
PLACEHOLDERS = ("", "some_key", "some_signature_key", "some_random_key", "random_signature_key")


class Unreadable(ValueError):
    """The file can't be read; the message is a sentence that says where and why."""


@dataclass(frozen=True)
class Row:
    """One person in the file; *place* says where: a line's number or a user name."""

    place: str
    email: str
    name: str = ""
    password_hash: str | None = field(default=None, repr=False)
    verified: bool = False
    roles: tuple[str, ...] = ()
    was_hashed: bool = True  # False if the file has the password itself


@dataclass(frozen=True)
class Source:
    """The people in a file, and what else an operator must know about streamlit-authenticator's."""

    rows: list[Row]
    preauthorized: tuple[str, ...] = ()  # emails that might register
    dropped: tuple[str, ...] = ()  # parts of the file that have no place here
    has_user_names: bool = False
    placeholder_key: bool = False


def read_file(path: Path) -> Source:
    """Read the people in the file at *path*, by its ending; raises Unreadable, or OSError."""
    readers = {".csv": _csv, ".jsonl": _json_lines, ".ndjson": _json_lines}
    try:
        if path.suffix.lower() in (".yaml", ".yml"):
            return _yaml(path)
        if path.suffix.lower() not in readers:
            raise Unreadable("The file's name must end in .yaml, .yml, .jsonl, .ndjson or .csv.")
        return Source(list(readers[path.suffix.lower()](path)))
    except UnicodeDecodeError as error:
        raise Unreadable(f"The file is not UTF-8, at byte {error.start:,}.") from None


def _csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        _check_columns("Line 1", reader.fieldnames or ())
        try:
            for row in reader:
                place = f"line {reader.line_num}"
                if None in row or None in row.values():
                    raise Unreadable(f"{place.capitalize()} doesn't have as many cells as line 1.")
                yield _row(place, row)
        except csv.Error as error:
            raise Unreadable(f"Line {reader.line_num} is not CSV: {error}.") from None


def _json_lines(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise Unreadable(f"Line {number} is not a JSON object.")
            _check_columns(f"Line {number}", row)
            yield _row(f"line {number}", row)


def _check_columns(place: str, names: Any) -> None:
    unknown = [name for name in names if name not in COLUMNS]
    if unknown or "email" not in names:
        what = f"has {', '.join(map(repr, unknown))}" if unknown else "has no 'email'"
        raise Unreadable(f"{place} {what}. The columns are {', '.join(COLUMNS)}.")


def _row(place: str, row: Mapping[str, Any]) -> Row:
    roles = row.get("roles") or ()
    if isinstance(roles, str):
        roles = roles.replace(",", " ").replace(";", " ").split()
    return Row(
        place,
        email=_text(row.get("email")),
        name=_text(row.get("name")),
        # Django writes its scheme's name in front of bcrypt's own text.
        password_hash=_text(row.get("password_hash")).removeprefix("bcrypt$") or None,
        verified=_truth(place, row.get("verified")),
        roles=tuple(map(_text, roles)),
    )


def _truth(place: str, value: Any) -> bool:
    text = _text(value).lower()
    if text not in TRUE + FALSE:
        raise Unreadable(f"{place.capitalize()}: 'verified' is neither true nor false.")
    return text in TRUE


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _yaml(path: Path) -> Source:
    import yaml  # here alone: no other command needs it

    try:
        # The C parser where it was built: 100,000 users take 15 s instead of 150.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        config = yaml.load(path.read_text("utf-8"), loader)  # noqa: S506  both are safe loaders
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise Unreadable(f"The file is not YAML{where}.") from None
    people = _part(_part(config, "credentials"), "usernames")
    if not people:
        raise Unreadable("The file has no credentials with usernames, as config.yaml has them.")
    listed = config.get("pre-authorized") or config.get("preauthorized") or ()
    emails = listed.get("emails") or () if isinstance(listed, dict) else listed
    rows = [_authenticator_row(str(name), person) for name, person in people.items()]
    dropped = [part for part in ("oauth2", "api_key") if config.get(part)]
    if any("password_hint" in person for person in people.values() if isinstance(person, dict)):
        dropped.append("password_hint")
    return Source(
        rows,
        preauthorized=tuple(map(_text, emails)),
        dropped=tuple(dropped),
        has_user_names=True,
        placeholder_key=_text(_part(config, "cookie").get("key")) in PLACEHOLDERS,
    )


def _authenticator_row(user_name: str, person: Any) -> Row:
    """Return a user of streamlit-authenticator; files before version 0.4 have one name, not two."""
    if not isinstance(person, dict):
        return Row(user_name, email="")
    names = [_text(person.get(part)) for part in ("first_name", "last_name")]
    password = _text(person.get("password"))
    row = _row(user_name, {"email": person.get("email"), "roles": person.get("roles")})
    return Row(
        user_name,
        email=row.email,
        name=" ".join(filter(None, names)) or _text(person.get("name")),
        password_hash=password or None,
        roles=row.roles,
        was_hashed=password.startswith("$") or not password,
    )


def _part(config: Any, name: str) -> dict[Any, Any]:
    part = config.get(name) if isinstance(config, dict) else None
    return part if isinstance(part, dict) else {}
