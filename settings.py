"""The one typed settings object, read from the environment and `.env` and checked.

`read_site`, `read_database`, `read_mail_server` and `read_sender` each check one kind of value and
return it in the form that the app uses, so a value that passes works.
"""

import re
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self
from unicodedata import category
from urllib.parse import quote, unquote

from dotenv import dotenv_values, set_key
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic import model_validator as check_all
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from auth.keys import KEY_BYTES, is_guessable

if TYPE_CHECKING:
    from sqlalchemy import URL

ROOT = Path(__file__).parent
ENV_FILE = ROOT / ".env"
EXAMPLE = ROOT / ".env.example"
NEW_KEY = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
DEFAULT_DATABASE = "sqlite:///data/app.db"
IDLES_WITHIN = {
    "session_idle_age": "session_max_age",
    "session_remember_idle_age": "session_remember_age",
}
ALIKE = 0.9  # of difflib: a name in .env that resembles a setting's this much is a misspelt one
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

PORTS = {"http": 80, "https": 443, "smtp": 587, "smtps": 465}
SITE = re.compile(r"(https?)://([^/?#\\@\s]+)(/[^?#\\\s]*)?", re.I)
HOST_NAME = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.(?!$)|$))+")
MAIL_SERVER = re.compile(r"(smtps?)://(?:(.*)@)?([^@/?#\s]+)/?", re.I | re.S)
SEVERAL_HOSTS = re.compile(
    r"(\w[\w+]*://(?:[^:/@]*(?::[^@]*)?@)?)"  # up to the hosts, as SQLAlchemy reads it
    r"([^/?@]*,[^/?@]*)"
    r"([/?].*)?",
    re.S,
)
POSTGRESQL = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
SQLITE = frozenset({"sqlite", "sqlite+pysqlite"})


class SettingsError(Exception):
    """The settings are invalid; the text names each setting, what is wrong and the fix."""


def read_duration(value: object) -> object:
    """Return a timedelta for "45s", "30m", "12h" or "30d"; leave other types to pydantic."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"([1-9][0-9]{0,5}) ?([smhd])", value.strip().lower())
    if match is None:
        raise ValueError("is not a length of time: write a number and s, m, h or d, such as 12h")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def read_period(value: object) -> object:
    """Return a timedelta of a day at least, or None for "off"; leave other types to pydantic."""
    if isinstance(value, str) and value.strip().lower() == "off":
        return None
    try:
        period = read_duration(value)
    except ValueError:
        raise ValueError("is not a length of time: write one such as 7d, or off") from None
    if isinstance(period, timedelta) and period < timedelta(days=1):
        raise ValueError("is shorter than a day, for which emailed links work: write 1d or more")
    return period


def split_commas(value: object) -> object:
    """Return the parts of a comma-separated text, stripped."""
    parts = value.split(",") if isinstance(value, str) else None
    return value if parts is None else [part.strip() for part in parts if part.strip()]


def read_domains(value: object) -> object:
    """Return the domains of SIGN_UP_DOMAINS in ASCII; a leading dot means subdomains."""
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",") if part.strip()]
    try:
        read = [part[: part[0] == "."] + read_host(part.removeprefix(".")) for part in parts]
    except ValueError:
        read = []
    if not read:  # a typing error must not open the app: an empty list admits everyone
        raise ValueError("is not a domain list: write example.com, or .example.com for subdomains")
    return read


@dataclass(frozen=True)
class Site:
    """The app's public URL, in the form that browsers use.

    *host* is lower case and ASCII (IDNA), without a final dot; IPv6 stands in brackets. *path* is
    empty or begins with a slash and does not end with one.
    """

    scheme: str
    host: str
    port: int
    path: str = ""

    def __str__(self) -> str:
        """Return the URL in its shortest form."""
        return f"{self.origin}{self.path}"

    @property
    def origin(self) -> str:
        """Return the URL without its path, as in the Origin header (RFC 6454, 6.2)."""
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"

    def is_at(self, host: str) -> bool:
        """Return whether *host*, as in a Host header, names this site, in any spelling."""
        try:
            name, port = read_authority(host)
        except ValueError:
            return False
        return (name, port or PORTS[self.scheme]) == (self.host, self.port)


@dataclass(frozen=True)
class MailServer:
    """The server that sends email; *tls* means implicit TLS, otherwise STARTTLS."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False


@dataclass(frozen=True)
class Sender:
    """The sender of emails: a name, which may be empty, and an email with an ASCII domain."""

    name: str
    email: str


def read_host(text: str) -> str:
    """Return the host *text* as browsers write it; raises ValueError if it isn't one."""
    if text.startswith("["):
        if "%" in text or not text.endswith("]"):
            raise ValueError("not an IPv6 address")
        return f"[{IPv6Address(text[1:-1]).compressed}]"
    if not text.isascii():
        import idna  # on demand: its tables take time to load

        text = idna.encode(text, uts46=True).decode()
    name = text.lower().removesuffix(".")
    if not HOST_NAME.fullmatch(name):
        raise ValueError("not a host name")
    if name.rpartition(".")[2].isdigit():  # browsers take it for an IPv4 address
        return str(IPv4Address(name))
    return name


def read_port(text: str) -> int:
    """Return the port *text*, from 1 to 65535; raises ValueError if it isn't one."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise ValueError("not a port")
    return int(text)


@lru_cache(maxsize=1024)  # each request asks for its Host header
def read_authority(text: str) -> tuple[str, int | None]:
    """Return host and port of *text*, such as "app.example.com:8501"; raises ValueError."""
    match = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]*))?", text)
    if match is None:
        raise ValueError("not a host")
    return read_host(match[1]), read_port(match[2]) if match[2] else None


@lru_cache
def read_site(text: str) -> Site:
    """Return the Site of BASE_URL; raises ValueError with what is wrong and the fix."""
    wrong = "is not a web URL: write it as https://app.example.com"
    match = SITE.fullmatch(text.strip())
    if match is None or has_controls(text.strip()):
        raise ValueError(wrong)
    scheme, path = match[1].lower(), (match[3] or "").rstrip("/")
    if {".", "..", ""} & set(path.split("/")[1:]):
        raise ValueError("has an ambiguous path: write it as https://app.example.com/app")
    try:
        host, port = read_authority(match[2])
    except ValueError:
        raise ValueError(wrong) from None
    return Site(scheme, host, port or PORTS[scheme], quote(path, safe="/%:@!$&'()*+,;=~"))


@lru_cache
def read_mail_server(text: str) -> MailServer:
    """Return the MailServer of SMTP_URL; raises ValueError with what is wrong and the fix.

    Everything before the last @ is the user and the password, so a password needs no escapes; a
    valid %xx escape is decoded.
    """
    wrong = "is not a mail server: write it as smtp://user:password@host:587"
    match = MAIL_SERVER.fullmatch(text.strip())
    if match is None:
        raise ValueError(wrong)
    scheme = match[1].lower()
    user, _, password = (unquote(part) for part in (match[2] or "").partition(":"))
    if has_controls(user + password):
        raise ValueError("has a control character in its user or password: write it without")
    if bool(user) != bool(password):
        raise ValueError("has a user or a password alone: write both, or neither")
    try:
        host, port = read_authority(match[3])
    except ValueError:
        raise ValueError(wrong) from None
    return MailServer(host.strip("[]"), port or PORTS[scheme], user, password, scheme == "smtps")


@lru_cache
def read_sender(text: str) -> Sender:
    """Return the Sender of MAIL_FROM; raises ValueError with what is wrong and the fix."""
    from email_validator import EmailNotValidError, validate_email

    wrong = "is not an email: write it as no-reply@example.com or Acme <no-reply@example.com>"
    text = text.strip()
    named = re.fullmatch(r"([^<>]*)<([^<>]*)>", text)
    name, email = (named[1].strip(), named[2].strip()) if named else ("", text)
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    if has_controls(text) or len(text) > 320:
        raise ValueError(wrong)
    local, _, domain = email.rpartition("@")
    try:
        # Checked without its own domain, because root@localhost is an email too.
        local = validate_email(f"{local}@example.com", check_deliverability=False).local_part
        return Sender(name, f"{local}@{_read_mail_domain(domain)}")
    except (EmailNotValidError, ValueError):
        raise ValueError(wrong) from None


def _read_mail_domain(text: str) -> str:
    """Return what follows an @: a host name, or an IP address as a literal (RFC 5321, 4.1.3)."""
    if text.startswith("["):
        return _mail_domain(str(ip_address(text[1:-1].removeprefix("IPv6:"))))
    host = read_host(text)
    if _mail_domain(host) != host:
        raise ValueError("an IP address without brackets")
    return host


def read_database(text: str) -> "URL":
    """Return the URL of DATABASE_URL; raises ValueError with what is wrong and the fix.

    SQLAlchemy parses the text, and the driver itself checks the options. A relative SQLite path is
    relative to the project's folder.
    """
    from sqlalchemy.exc import ArgumentError

    try:
        url = _parsed(text.strip())
        backend = url.drivername.partition("+")[0]
        if url.drivername in SQLITE:
            return _sqlite(url)
        if url.drivername in POSTGRESQL:
            return _postgresql(url)
    except _Explained as fault:
        raise ValueError(str(fault)) from None
    except (ArgumentError, ValueError):
        raise ValueError(
            f"is not a database URL: write {DEFAULT_DATABASE} or "
            "postgresql://user:password@host/name, with %40 for an @ in the password"
        ) from None
    if backend in {"sqlite", "postgresql", "postgres"}:
        raise ValueError(f"names a driver that is not installed: begin it with {backend}://")
    raise ValueError("names a database that this app does not support: use sqlite or postgresql")


class _Explained(ValueError):
    """An error whose text already says what is wrong and how to fix it."""


def _parsed(text: str) -> "URL":
    """Return the URL of *text*; libpq's form with several hosts becomes SQLAlchemy's."""
    from sqlalchemy import make_url

    several = SEVERAL_HOSTS.fullmatch(text)
    if several is None:
        return make_url(text)
    hosts = [read_authority(part) for part in several[2].split(",")]
    ports = ",".join(str(port or 5432) for _, port in hosts)
    names = ",".join(host.strip("[]") for host, _ in hosts)
    return make_url(several[1] + (several[3] or "")).update_query_dict(
        {"host": names, "port": ports}
    )


def _sqlite(url: "URL") -> "URL":
    if url.host or url.port or url.username or url.password:
        raise _Explained(f"has too few slashes: write {DEFAULT_DATABASE}")
    name = url.database or ""
    if name in {"", ":memory:"} or name.startswith("file:") or "uri" in url.query:
        raise _Explained(f"would keep nothing, or names no file: write {DEFAULT_DATABASE}")
    if url.query:
        raise _Explained(
            "has options, and this app sets SQLite's itself: delete what follows the ?"
        )
    path = ROOT / name  # an absolute name stays
    if "\0" in name or name.endswith(("/", "\\")) or path.is_dir():
        raise _Explained(f"names a folder: write a file, such as {DEFAULT_DATABASE}")
    return url.set(drivername="sqlite", database=str(path))


def _postgresql(url: "URL") -> "URL":
    url = url.set(drivername="postgresql+psycopg")  # without, SQLAlchemy would ask for psycopg2
    if url.host:
        bracketed = f"[{url.host}]" if ":" in url.host else url.host
        url = url.set(host=read_host(bracketed).strip("[]"))
    if url.port is not None:
        read_port(str(url.port))
    _check_options(url)
    return url


def _check_options(url: "URL") -> None:
    """Let libpq check the options of *url*, without a connection."""
    import psycopg
    from psycopg.conninfo import make_conninfo, timeout_from_conninfo
    from sqlalchemy.exc import ArgumentError

    fix = "has an option that PostgreSQL does not accept: correct or delete what follows the ?"
    try:
        _, options = url.get_dialect()().create_connect_args(url)
        for port in str(options.get("port", "")).split(","):
            if port:
                read_port(port)
        timeout_from_conninfo(dict(options))
        unreachable = {"host": str(ROOT / "no-such-socket"), "hostaddr": None, "port": None}
        tried = psycopg.pq.PGconn.connect_start(
            make_conninfo(**{**options, **unreachable}).encode()
        )
    except (ArgumentError, psycopg.Error, ValueError, TypeError):
        raise _Explained(fix) from None
    # libpq reads all options before it looks for the server: a later error isn't about the options.
    fault = tried.error_message.decode(errors="replace")
    tried.finish()
    if fault.startswith("invalid "):
        raise _Explained(fix)


def has_controls(text: str) -> bool:
    """Return whether *text* has a control character, a line break or a lone surrogate."""
    return any(category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in text)


def bare(value: object) -> object:
    """Return *value* stripped; leave other types to pydantic."""
    return value.strip() if isinstance(value, str) else value


def bare_lower(value: object) -> object:
    """Return *value* in lower case, stripped."""
    return value.strip().lower() if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(read_duration)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(split_commas)]


class Settings(BaseSettings):
    """All settings, their types and defaults; `.env.example` explains each one."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        env_file_encoding="utf-8",
        hide_input_in_errors=True,
    )

    app_name: str = "Streamlit auth starter"
    app_env: Annotated[Literal["development", "production"], BeforeValidator(bare_lower)] = (
        "development"
    )
    base_url: str = "http://localhost:8501"
    # Absolute, and in the one form that SQLAlchemy writes.
    database_url: str = Field(
        f"sqlite:///{quote(str(ROOT / 'data/app.db'), safe=' +/')}", repr=False
    )
    secret_key: SecretStr
    secret_key_fallbacks: Secrets = ()
    password_pepper: SecretStr | None = None
    password_pepper_fallbacks: Secrets = ()
    password_min_length: int = Field(15, ge=8, le=64)  # NIST SP 800-63B-4, 3.1.1.2
    check_breached_passwords: Annotated[bool, BeforeValidator(bare_lower)] = False
    two_factor: Annotated[Literal["off", "optional", "required"], BeforeValidator(bare_lower)] = (
        "optional"
    )
    two_factor_required_for: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(split_commas)
    ] = ()
    bcrypt_rounds: int = Field(12, ge=10, le=16)  # OWASP: at least 10, less than a second
    cookie_name: str = "auth"
    session_max_age: Duration = timedelta(hours=12)
    session_remember_age: Duration = timedelta(days=30)
    session_idle_age: Duration = timedelta(hours=2)
    session_remember_idle_age: Duration = timedelta(days=14)
    smtp_url: SecretStr | None = None
    mail_from: str = ""
    require_verified_email: Annotated[bool, BeforeValidator(bare_lower)] = False
    sign_up: Annotated[Literal["open", "invited", "closed"], BeforeValidator(bare_lower)] = "open"
    sign_up_domains: Annotated[tuple[str, ...], NoDecode, BeforeValidator(read_domains)] = ()
    unverified_accounts_kept: Annotated[timedelta | None, BeforeValidator(read_period)] = timedelta(
        days=7
    )
    trusted_proxies: int = Field(0, ge=0, le=10)

    @property
    def production(self) -> bool:
        """Whether APP_ENV is production, where some shortcuts of development are refused."""
        return self.app_env == "production"

    @property
    def site(self) -> Site:
        """The app's public URL; emailed links begin with it (RS-4)."""
        return read_site(self.base_url)

    @property
    def mail_server(self) -> MailServer | None:
        """The server that sends email, or None: then emails stay in the outbox."""
        return read_mail_server(self.smtp_url.get_secret_value()) if self.smtp_url else None

    @property
    def sender(self) -> Sender:
        """The sender of emails: MAIL_FROM, or else no-reply at the app's own host."""
        if self.mail_from:
            return read_sender(self.mail_from)
        return Sender("", f"no-reply@{_mail_domain(self.site.host)}")

    def admits(self, domain: str) -> bool:
        """Return whether SIGN_UP_DOMAINS admits emails at *domain*, in ASCII; none listed: all."""
        listed = self.sign_up_domains
        return (
            not listed
            or domain in listed
            or domain.endswith(tuple(each for each in listed if each.startswith(".")))
        )

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The signing keys: the first signs, all of them verify."""
        ring = (self.secret_key, *self.secret_key_fallbacks)
        return tuple(key.get_secret_value().encode() for key in ring)

    @property
    def peppers(self) -> tuple[bytes, ...]:
        """The peppers: the first is for new hashes, all of them verify; none is b"".

        Hashes from before there was a pepper verify too, or to set one would lock everybody out.
        """
        none = SecretStr("")
        ring = (self.password_pepper or none, *self.password_pepper_fallbacks, none)
        return tuple(dict.fromkeys(pepper.get_secret_value().encode() for pepper in ring))

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
            if is_guessable(text):
                raise ValueError(f"can be guessed: make a random one with {NEW_KEY}")
        return value

    @field_validator("app_name", "mail_from", "cookie_name", mode="before")
    @classmethod
    def _is_one_line(cls, value: object) -> object:
        if isinstance(value, str) and has_controls(value.strip()):
            raise ValueError("has a line break or another control character: write it without")
        return bare(value)

    @field_validator("cookie_name")
    @classmethod
    def _is_a_cookie_name(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
            raise ValueError("cannot be used: write 1 to 64 letters, digits, - and _")
        prefix = re.match(r"__(host|secure|http)-(http-)?", value, re.I)  # RFC 6265bis, 4.1.3
        if prefix or value.lower().startswith("__"):
            raise ValueError(
                "begins like a cookie prefix, which browsers refuse over http: write "
                f"{value[prefix.end() :] or 'auth' if prefix else 'auth'}; "
                "over https the app adds __Host- itself"
            )
        if value.lower().startswith("_streamlit"):
            raise ValueError("is a name that Streamlit uses: choose another one, such as auth")
        return value

    @field_validator("database_url")
    @classmethod
    def _is_a_database(cls, value: str) -> str:
        if value.strip() == DEFAULT_DATABASE:  # so that startup needn't import SQLAlchemy
            return str(cls.model_fields["database_url"].default)
        return read_database(value).render_as_string(hide_password=False)

    @field_validator("base_url")
    @classmethod
    def _is_a_site(cls, value: str) -> str:
        return str(read_site(value))

    @field_validator("smtp_url")
    @classmethod
    def _is_a_mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value:
            read_mail_server(value.get_secret_value())
        return value

    @field_validator("mail_from")
    @classmethod
    def _is_a_sender(cls, value: str) -> str:
        if value:
            read_sender(value)
        return value

    @check_all(mode="after")
    def _fits_together(self) -> Self:
        if self.production and not self.base_url.startswith("https://"):
            raise ValueError(
                "BASE_URL is not https, and in production the cookie must never travel in the "
                "clear: write it as https://app.example.com"
            )
        if self.sign_up_domains and not self.require_verified_email:
            raise ValueError(
                "SIGN_UP_DOMAINS needs confirmed emails, since anyone can type an email at these "
                "domains: set REQUIRE_VERIFIED_EMAIL=true"
            )
        if self.two_factor_required_for and self.two_factor == "off":
            raise ValueError(
                "TWO_FACTOR_REQUIRED_FOR needs a second factor, and TWO_FACTOR is off: set it to "
                "optional"
            )
        for idle, whole in IDLES_WITHIN.items():
            if getattr(self, idle) > getattr(self, whole):
                raise ValueError(f"{idle.upper()} is longer than {whole.upper()}: make it shorter")
        return self


def load_settings(env_file: Path = ENV_FILE, *, local_url: str | None = None) -> Settings:
    """Return the settings from the environment and *env_file*; the environment wins.

    In development a missing SECRET_KEY is generated and written to *env_file*, and without a
    BASE_URL links lead to *local_url*, where the app is served. Raises SettingsError with one
    sentence for each invalid setting.
    """
    try:
        _check_names(env_file)
        settings = _load(env_file)
    except UnicodeError:
        raise SettingsError(f"{env_file.name} is not UTF-8 text: save it as UTF-8.") from None
    except OSError as fault:
        raise SettingsError(
            f"{env_file.name} cannot be read or written ({fault.strerror}): correct its permissions"
            " and its folder's."
        ) from None
    if local_url and not settings.production and "base_url" not in settings.model_fields_set:
        return settings.model_copy(update={"base_url": str(read_site(local_url))})
    return settings


def _load(env_file: Path) -> Settings:
    try:
        return Settings(_env_file=env_file)
    except ValidationError as fault:
        if _lacks_only_a_key(fault) and _make_key(env_file):
            return Settings(_env_file=env_file)
        raise SettingsError("\n".join(_sentence(error) for error in fault.errors())) from None


def _check_names(env_file: Path) -> None:
    """Raise SettingsError if a name in *env_file* is a setting's with a typing error.

    It would be ignored like an owner's own, and the setting would quietly have its default. A name
    with a word more than the setting's is an owner's own: S3_SECRET_KEY, DATABASE_URL_RO.
    """
    names = [name.upper() for name in Settings.model_fields]
    own = [name for name in dotenv_values(env_file) if name.upper() not in names]
    for name in own:
        swapped = [each for each in names if sorted(each) == sorted(name.upper())]
        meant = swapped or get_close_matches(name.upper(), names, n=1, cutoff=ALIKE)
        if meant and f"_{meant[0]}_" not in f"_{name.upper()}_":
            raise SettingsError(
                f"{name} in {env_file.name} is no setting: write {meant[0]}, or give a setting of "
                "your own a name that is less like it."
            )


def _lacks_only_a_key(fault: ValidationError) -> bool:
    return [(e["type"], e["loc"]) for e in fault.errors()] == [("missing", ("secret_key",))]


def _make_key(env_file: Path) -> bool:
    """Write a new key to *env_file*, except in production, where the operator sets it.

    A file that does not exist yet begins as a copy of .env.example.
    """
    try:
        stand_in = Settings(_env_file=env_file, secret_key=SecretStr(secrets.token_urlsafe(32)))
    except ValidationError:  # another setting is wrong too: report that one first
        return False
    if stand_in.production:
        return False
    if not env_file.exists():
        env_file.touch(mode=0o600)
        if EXAMPLE.exists():
            env_file.write_bytes(EXAMPLE.read_bytes())
    set_key(env_file, "SECRET_KEY", stand_in.secret_key.get_secret_value(), quote_mode="never")
    return True


def _mail_domain(host: str) -> str:
    """Return what follows the @ for *host*; an IP address is a literal there (RFC 5321, 4.1.3)."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return host
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


def _sentence(error: ErrorDetails) -> str:
    """Return *error* as a sentence: the setting, what is wrong and the fix; never the value."""
    fault = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:
        return f"{fault}."
    name = str(error["loc"][0]).upper()
    if error["type"] == "missing":
        return f"{name} is missing: make one with {NEW_KEY} and put it into the environment."
    if error["type"] == "string_unicode":
        fault = "is not UTF-8 text: write it again"
    elif error["type"] != "value_error":
        fault = f"cannot be used: {fault[0].lower()}{fault[1:]}"
    return f"{name} {fault}."
