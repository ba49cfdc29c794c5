"""A database full of signed-in users, made by copying the rows of one real log-in.

Copies don't repeat the schema or the token's format: new columns and claims are copied too.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jwt
from pydantic import SecretStr
from sqlalchemy import Engine, Table, insert, select

from auth.keys import KeyRing
from auth.service import AuthService
from auth.sessions import Client
from bench.table import progress
from db.engine import Database
from db.migrate import migrate
from db.models import Base
from settings import Settings

PASSWORD = "twelve quiet otters"
BATCH = 10_000  # rows in one insert
NOWHERE = Path("no.env")  # settings come from the environment and from here, never from .env


class Accounts:
    """*count* users with an open session each, in a SQLite file in *folder*."""

    def __init__(self, folder: Path, count: int, rounds: int) -> None:
        key = secrets.token_urlsafe(32)
        url = f"sqlite:///{folder / 'bench.db'}"
        settings = Settings(
            _env_file=NOWHERE, secret_key=SecretStr(key), database_url=url
        ).model_copy(update={"bcrypt_rounds": rounds})
        self.environment = {"SECRET_KEY": key, "DATABASE_URL": url, "APP_ENV": "development"}
        self.count = count
        self.database = Database(settings.database_url)
        migrate(self.database)
        self.service = AuthService(self.database, settings)
        self._keys = KeyRing.of(settings.keys, purpose="session")
        self.service.sign_up(email(count), PASSWORD, "Ada Lovelace")
        self._token = self.service.log_in(
            email(count), PASSWORD, Client("127.0.0.1", "bench")
        ).token
        self._copy_rows(self.database.engine)

    def token(self, number: int) -> str:
        """Return the token of user *number*'s session: the real user's token with other ids."""
        header = jwt.get_unverified_header(self._token)
        claims = jwt.decode(self._token, options={"verify_signature": False})
        claims |= {"sub": user_id(number), "sid": session_id(number)}
        key = self._keys.keys[header["kid"]]
        return jwt.encode(claims, key, "HS256", headers=header)

    def _copy_rows(self, engine: Engine) -> None:
        users, sessions = (Base.metadata.tables[name] for name in ("users", "sessions"))
        with engine.connect() as connection:
            user = dict(connection.execute(select(users)).one()._mapping)
            session = dict(connection.execute(select(sessions)).one()._mapping)
        for start in range(0, self.count, BATCH):
            numbers = range(start, min(start + BATCH, self.count))
            self._insert(engine, users, [user | new_user(number) for number in numbers])
            self._insert(engine, sessions, [session | new_session(number) for number in numbers])
            if self.count > BATCH:
                progress(f"{numbers.stop:,} of {self.count:,} users with a session")

    def _insert(self, engine: Engine, table: Table, rows: list[dict[str, Any]]) -> None:
        with engine.begin() as connection:
            connection.execute(insert(table), rows)


def user_id(number: int) -> str:
    """Return the id of user *number*, of a real id's length."""
    return f"{number:032x}"


def session_id(number: int) -> str:
    """Return the id of user *number*'s session, of a real id's length."""
    return f"bench-{number:026d}"


def email(number: int) -> str:
    """Return the email of user *number*."""
    return f"user{number}@bench.example.org"


def new_user(number: int) -> dict[str, str]:
    """Return the columns that differ in a copied user; such an email is its own key."""
    return {"id": user_id(number), "email": email(number), "email_key": email(number)}


def new_session(number: int) -> dict[str, str]:
    """Return the columns that differ in a copied session."""
    return {"id": session_id(number), "user_id": user_id(number)}


@contextmanager
def accounts(count: int, rounds: int = 12) -> Iterator[Accounts]:
    """Yield *count* accounts with bcrypt's cost *rounds*, in a temporary database."""
    with TemporaryDirectory(prefix="bench-") as folder:
        made = Accounts(Path(folder), count, rounds)
        try:
            yield made
        finally:
            made.database.close()
