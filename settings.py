"""The one typed settings object: read from the environment and `.env`, checked, handed down."""

import re
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from dotenv import set_key
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic import model_validator as check_all
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).parent
ENV_FILE = ROOT / ".env"
KEY_BYTES = 32  # HS256's own strength: RFC 7518, 3.2
KEY_LETTERS = 12  # different characters in a key: 32 random ones practically never have fewer
NEW_KEY = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
PRINTED = "insecure|09d25e09|404E6352|AyM1SysP|hJtXIZ2u"  # Django, FastAPI, Spring, RFC 7515, 7520
WELL_KNOWN = re.compile(rf"{PRINTED}|secret|change.?me|your.?key|example|placehold|password", re.I)
DATABASE = re.compile(
    r"(?P<start>(?P<backend>\w+)(\+\w+)?://([^/@]*@)?[^/:@]*(:\d+)?)(/(?P<name>[^?]*)(?P<rest>.*))?"
)
MAIL_SERVER = r"smtps?://([^\s@/]+@)?[^\s@/:]+(:\d{1,5})?/?"
IDLES_WITHIN = {
    "session_idle_age": "session_max_age",
    "session_remember_idle_age": "session_remember_age",
}
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class SettingsError(Exception):
    """The settings cannot be used; the text names each setting, its fault and the mend."""


def read_duration(value: object) -> object:
    """Return a timedelta for "45s", "30m", "12h" or "30d"; leave other types to pydantic."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"([1-9]\d{0,5})([smhd])", value.strip())
    if match is None:
        raise ValueError("is not a length of time: write a number and s, m, h or d, such as 12h")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def split_commas(value: object) -> object:
    """Return the parts of a comma-separated text, without blanks."""
    parts = value.split(",") if isinstance(value, str) else None
    return value if parts is None else [part.strip() for part in parts if part.strip()]


Duration = Annotated[timedelta, BeforeValidator(read_duration)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(split_commas)]


class Settings(BaseSettings):
    """Every setting, its type and its default; `.env.example` tells what each is for."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, env_file_encoding="utf-8"
    )

    app_name: str = "Streamlit auth starter"
    app_env: Literal["development", "production"] = "development"
    base_url: str = "http://localhost:8501"
    database_url: str = "sqlite:///data/app.db"
    secret_key: SecretStr
    secret_key_fallbacks: Secrets = ()
    password_pepper: SecretStr | None = None
    password_pepper_fallbacks: Secrets = ()
    password_min_length: int = Field(15, ge=8, le=64)  # NIST SP 800-63B-4, 3.1.1.2
    bcrypt_rounds: int = Field(12, ge=10, le=16)  # OWASP: at least 10, less than a second
    cookie_name: str = Field("auth", pattern=r"^[A-Za-z0-9_-]{1,64}$")
    session_max_age: Duration = timedelta(hours=12)
    session_remember_age: Duration = timedelta(days=30)
    session_idle_age: Duration = timedelta(hours=2)
    session_remember_idle_age: Duration = timedelta(days=14)
    smtp_url: SecretStr | None = None
    mail_from: str = ""
    require_verified_email: bool = False
    trusted_proxies: int = Field(0, ge=0, le=10)

    @property
    def production(self) -> bool:
        """Whether real people use this: some shortcuts of development are refused then."""
        return self.app_env == "production"

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The signing keys: the first signs, all of them verify."""
        ring = (self.secret_key, *self.secret_key_fallbacks)
        return tuple(key.get_secret_value().encode() for key in ring)

    @property
    def peppers(self) -> tuple[bytes, ...]:
        """The peppers: the first is for new hashes, all of them verify; none is b""."""
        ring = (self.password_pepper or SecretStr(""), *self.password_pepper_fallbacks)
        return tuple(pepper.get_secret_value().encode() for pepper in ring)

    @field_validator(
        "secret_key", "secret_key_fallbacks", "password_pepper", "password_pepper_fallbacks"
    )
    @classmethod
    def _is_hard_to_guess(cls, value: SecretStr | tuple[SecretStr, ...] | None) -> object:
        for secret in value if isinstance(value, tuple) else (value,) if value else ():
            text = secret.get_secret_value()
            if len(text.encode()) < KEY_BYTES:
                size = f"{len(text.encode())} bytes, {KEY_BYTES} are needed"
                raise ValueError(f"is too short ({size}): make one with {NEW_KEY}")
            if len(set(text)) < KEY_LETTERS or WELL_KNOWN.search(text):
                raise ValueError(f"can be guessed: make a random one with {NEW_KEY}")
        return value

    @field_validator("database_url")
    @classmethod
    def _is_a_database(cls, value: str) -> str:
        form = DATABASE.fullmatch(value)
        if form is None:
            raise ValueError(
                "is not a database address: write sqlite:///data/app.db "
                "or postgresql://user:password@host/name"
            )
        if form["backend"] not in {"sqlite", "postgresql"}:
            raise ValueError("names a database this app does not know: use sqlite or postgresql")
        if form["backend"] == "sqlite" and form["name"]:
            return f"{form['start']}/{ROOT / form['name']}{form['rest']}"  # an absolute one stays
        return value

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value):
            raise ValueError("is not an address: write it as https://app.example.com")
        return value.rstrip("/")

    @check_all(mode="after")
    def _fits_together(self) -> Self:
        if self.production and not self.base_url.startswith("https://"):
            raise ValueError(
                "BASE_URL is not https, and in production the cookie must never travel in the "
                "clear: write it as https://app.example.com"
            )
        for idle, whole in IDLES_WITHIN.items():
            if getattr(self, idle) > getattr(self, whole):
                raise ValueError(f"{idle.upper()} is longer than {whole.upper()}: make it shorter")
        return self

    @field_validator("smtp_url")
    @classmethod
    def _is_a_mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not re.fullmatch(MAIL_SERVER, value.get_secret_value()):
            raise ValueError("is not a mail server: write it as smtp://user:password@host:587")
        return value


def load_settings(env_file: Path = ENV_FILE) -> Settings:
    """Return the settings from the environment and *env_file*; the environment wins.

    In development a missing SECRET_KEY is made and written to *env_file*. Raises SettingsError
    with one sentence for each setting that cannot be used.
    """
    try:
        return Settings(_env_file=env_file)
    except ValidationError as fault:
        if _lacks_only_a_key(fault) and _make_key(env_file):
            return Settings(_env_file=env_file)
        raise SettingsError("\n".join(_sentence(error) for error in fault.errors())) from None


def _lacks_only_a_key(fault: ValidationError) -> bool:
    return [(e["type"], e["loc"]) for e in fault.errors()] == [("missing", ("secret_key",))]


def _make_key(env_file: Path) -> bool:
    """Write a new key to *env_file*, unless this is production: there it must come from people."""
    try:
        stand_in = Settings(_env_file=env_file, secret_key=SecretStr(secrets.token_urlsafe(32)))
    except ValidationError:  # the missing key is not the only fault: that one is told first
        return False
    if stand_in.production:
        return False
    env_file.touch(mode=0o600)
    set_key(env_file, "SECRET_KEY", stand_in.secret_key.get_secret_value(), quote_mode="never")
    return True


def _sentence(error: ErrorDetails) -> str:
    """Return *error* for a person: the setting's name, the fault and the mend; never its value."""
    fault = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:
        return f"{fault}."
    name = str(error["loc"][0]).upper()
    if error["type"] == "missing":
        return f"{name} is missing: make one with {NEW_KEY} and put it into the environment."
    if error["type"] == "string_pattern_mismatch":  # COOKIE_NAME's is the only pattern
        fault = "cannot be used: write 1 to 64 letters, digits, - and _"
    elif error["type"] != "value_error":
        fault = f"cannot be used: {fault[0].lower()}{fault[1:]}"
    return f"{name} {fault}."
