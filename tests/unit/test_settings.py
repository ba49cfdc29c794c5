"""The settings: read from the environment and .env, and refused with a sentence that helps."""

import os
import random
import stat
import subprocess
import sys
from base64 import urlsafe_b64encode
from contextlib import closing
from datetime import timedelta
from email.policy import SMTPUTF8
from pathlib import Path

import pytest
from dotenv import dotenv_values
from sqlalchemy import make_url, text

from auth.keys import LISTED, is_guessable
from auth.mail import Mail
from auth.smtp import message
from db.engine import Database
from settings import ROOT, MailServer, Sender, Settings, SettingsError, load_settings
from tests.fixtures import KEY
from tests.serving import copy_project

OTHER_KEY = "another-Key-of-thirty-two-Bytes-81Zqw"


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A .env that does not exist yet, and an environment with no settings but a key."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("SECRET_KEY", KEY)
    return tmp_path / ".env"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("SESION_MAX_AGE", "SESSION_MAX_AGE"),
        ("require_verified_emails", "REQUIRE_VERIFIED_EMAIL"),
        ("SECRET_KEYS", "SECRET_KEY"),
        ("SMPT_URL", "SMTP_URL"),
    ],
)
def test_a_setting_that_is_misspelt_is_refused(env: Path, typed: str, meant: str) -> None:
    """It would have its default, and nobody would notice."""
    env.write_text(f"{typed}=1\n", "utf-8")

    with pytest.raises(SettingsError, match=rf"^{typed} in \.env is no setting: write {meant}, or"):
        load_settings(env)


@pytest.mark.parametrize(
    "own",
    [
        *("OPENAI_API_KEY", "DATABASE_URL_OF_REPORTS", "APP_VERSION"),
        *("S3_SECRET_KEY", "DATABASE_URL_RO", "secret_key_id"),
    ],
)
def test_an_owners_own_names_may_stand_in_the_file(env: Path, own: str) -> None:
    """What resembles no setting is theirs, and what has a word more than one."""
    env.write_text(f"{own}=x\n", "utf-8")

    assert load_settings(env).app_env == "development"


@pytest.mark.parametrize(
    ("name", "value", "fault", "fix"),
    [
        ("SECRET_KEY", "hunter2", "too short (7 bytes", "token_urlsafe"),
        ("SECRET_KEY", "x" * 31, "too short (31 bytes", "token_urlsafe"),
        ("SECRET_KEY", "abababab" * 8, "can be guessed", "token_urlsafe"),
        ("SECRET_KEY", "change-me-0123456789-abcdefghijklm", "can be guessed", "token_urlsafe"),
        ("SECRET_KEY", "your-256-bit-secret-0123456789abc", "can be guessed", "token_urlsafe"),
        ("SECRET_KEY_FALLBACKS", f"{KEY},short", "too short", "token_urlsafe"),
        ("PASSWORD_PEPPER", "salt", "too short", "token_urlsafe"),
        ("PASSWORD_PEPPER_FALLBACKS", "salt", "too short", "token_urlsafe"),
        ("APP_ENV", "staging", "cannot be used", "'development' or 'production'"),
        ("BCRYPT_ROUNDS", "9", "cannot be used", "greater than or equal to 10"),
        ("BCRYPT_ROUNDS", "17", "cannot be used", "less than or equal to 16"),
        ("BCRYPT_ROUNDS", "many", "cannot be used", "integer"),
        ("PASSWORD_MIN_LENGTH", "7", "cannot be used", "greater than or equal to 8"),
        ("PASSWORD_MIN_LENGTH", "65", "cannot be used", "less than or equal to 64"),
        ("COOKIE_NAME", "a b", "cannot be used", "letters, digits, - and _"),
        ("COOKIE_NAME", "a;b", "cannot be used", "letters, digits, - and _"),
        ("TRUSTED_PROXIES", "-1", "cannot be used", "greater than or equal to 0"),
        ("SIGN_UP", "nobody", "cannot be used", "'open', 'invited' or 'closed'"),
        ("SIGN_UP_DOMAINS", ",", "not a domain list", "example.com"),
        ("SIGN_UP_DOMAINS", "example.com,@acme.org", "not a domain list", "example.com"),
        ("SIGN_UP_DOMAINS", "..example.com", "not a domain list", "example.com"),
        ("SIGN_UP_DOMAINS", "*.example.com", "not a domain list", ".example.com for subdomains"),
        ("SIGN_UP_DOMAINS", "example.com", "anyone can type", "REQUIRE_VERIFIED_EMAIL=true"),
        ("SESSION_MAX_AGE", "12", "not a length of time", "12h"),
        ("SESSION_MAX_AGE", "0h", "not a length of time", "12h"),
        ("SESSION_MAX_AGE", "-1h", "not a length of time", "12h"),
        ("SESSION_MAX_AGE", "PT1H", "not a length of time", "12h"),
        ("UNVERIFIED_ACCOUNTS_KEPT", "0", "not a length of time", "7d, or off"),
        ("UNVERIFIED_ACCOUNTS_KEPT", "never", "not a length of time", "7d, or off"),
        ("UNVERIFIED_ACCOUNTS_KEPT", "23h", "shorter than a day", "1d or more"),
        ("SESSION_IDLE_AGE", "13h", "longer than SESSION_MAX_AGE", "make it shorter"),
        ("SESSION_REMEMBER_IDLE_AGE", "31d", "longer than SESSION_REMEMBER_AGE", "make it shorter"),
        ("APP_NAME", "Ada\r\nBcc: eve@example.com", "line break", "write it without"),
        ("COOKIE_NAME", "__Host-auth", "cookie prefix", "write auth; over https the app adds"),
        ("COOKIE_NAME", "__secure-mine", "cookie prefix", "write mine;"),
        ("COOKIE_NAME", "__Http-auth", "cookie prefix", "write auth;"),
        ("COOKIE_NAME", "_streamlit_xsrf", "Streamlit uses", "such as auth"),
        *(
            ("BASE_URL", value, "not a web URL", "https://app.example.com")
            for value in (
                "app.example.com",
                "javascript://x",
                "ftp://app.example.com",
                "https://",
                "https://a b",
                "https://a\tb",
                "https://[::1",
                "https://[::1%eth0]",
                "https://[app]",
                "https://::1",
                "https://app.example.com:99999",
                "https://app.example.com:0",
                "https://app.example.com:abc",
                "https://ada:hunter2@app.example.com",
                "https://app.example.com/?x=1",
                "https://app.example.com/#x",
                "https://app..example.com",
                "https://app.example.com..",
                "https://-app.example.com",
                "https://app%2eexample.com",
                "https://app\\example.com",
                "https://1.2.3.400",
                f"https://{'a' * 64}.example.com",
                "https://xn--\u2603-\ufffd.example",
            )
        ),
        ("BASE_URL", "https://app.example.com/a/../b", "ambiguous path", "example.com/app"),
        ("BASE_URL", "https://app.example.com//a", "ambiguous path", "example.com/app"),
        *(
            ("DATABASE_URL", value, "not a database URL", "with %40 for an @")
            for value in (
                "here",
                "postgresql://ada:hunter2@db:hunter2/app",
                "postgresql://ada:hunter2@hunter2@db/app",
                "postgresql://ada:hunter2@db:99999/app",
                "postgresql://ada:hunter2@[::1/app",
                "postgresql://ada:hunter2@one:1,two:hunter2/app",
                "postgresql://ada:hunter2@d b/app",
            )
        ),
        ("DATABASE_URL", "mysql://u:hunter2@h/d", "does not support", "sqlite or postgresql"),
        ("DATABASE_URL", "postgresql+asyncpg://u:hunter2@h/d", "not installed", "postgresql://"),
        ("DATABASE_URL", "postgresql+psycopg2://u:hunter2@h/d", "not installed", "postgresql://"),
        ("DATABASE_URL", "sqlite+aiosqlite:///a.db", "not installed", "sqlite://"),
        ("DATABASE_URL", "sqlite://", "keep nothing", "sqlite:///data/app.db"),
        ("DATABASE_URL", "sqlite:///", "keep nothing", "sqlite:///data/app.db"),
        ("DATABASE_URL", "sqlite:///:memory:", "keep nothing", "sqlite:///data/app.db"),
        ("DATABASE_URL", "sqlite:///file:a.db?uri=true", "keep nothing", "sqlite:///data/app.db"),
        ("DATABASE_URL", "sqlite://data/app.db", "too few slashes", "sqlite:///data/app.db"),
        ("DATABASE_URL", "sqlite:///data/app.db?timeout=abc", "options", "delete what follows"),
        ("DATABASE_URL", "sqlite:///data/", "names a folder", "sqlite:///data/app.db"),
        ("DATABASE_URL", "sqlite:///auth", "names a folder", "sqlite:///data/app.db"),
        *(
            ("DATABASE_URL", f"postgresql://u:hunter2@h/d?{option}", "does not accept", "delete")
            for option in (
                "no_such_option=1",
                "sslmode=hunter2",
                "connect_timeout=abc",
                "prepare_threshold=0",
                "port=abc",
                "target_session_attrs=any-one",
            )
        ),
        *(
            ("SMTP_URL", value, "not a mail server", "smtp://user:password@host:587")
            for value in (
                "mail.example.com",
                "http://mail.example.com",
                "smtp://",
                "smtp://ada:hunter2@",
                "smtp://ada:hunter2@mail.example.com:99999",
                "smtp://ada:hunter2@mail.example.com:hunter2",
                "smtp://ada:hunter2@[::1",
                "smtp://ada:hunter2@mail example.com",
                "smtp://ada:hunter2@mail.example.com/?tls=no",
            )
        ),
        ("SMTP_URL", "smtp://ada@mail.example.com", "a user or a password alone", "write both"),
        ("SMTP_URL", "smtp://:hunter2@mail.example.com", "alone", "write both"),
        ("SMTP_URL", "smtp://ada:hunter2%0a@mail.example.com", "control character", "without"),
        *(
            ("MAIL_FROM", value, "not an email", "write it as no-reply@example.com or")
            for value in (
                "no-reply",
                "no-reply@",
                "@example.com",
                "Acme <no-reply>",
                "Acme <no-reply@example.com> and more",
                "a@example.com, b@example.com",
                "no reply@example.com",
                "app@[example.com]",
                "app@127.0.0.1",
            )
        ),
        ("MAIL_FROM", "a@example.com\nBcc: eve@example.com", "line break", "write it without"),
        ("MAIL_FROM", "Ac\rme <a@example.com>", "line break", "write it without"),
    ],
)
def test_a_bad_value_is_named_with_what_is_wrong_and_the_fix(
    env: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, fault: str, fix: str
) -> None:
    """CF-1: startup stops with a message that contains no secret's value."""
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as caught:
        load_settings(env)

    sentence = str(caught.value)
    assert name in sentence and fault in sentence and fix in sentence
    assert sentence.endswith(".") and "\n" not in sentence
    if "SECRET" in name or "PEPPER" in name or "hunter2" in value:
        assert value not in sentence.replace(f"{name} ", "")
        assert "hunter2" not in sentence
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


# Keys that guides, standards and start scripts print: long enough, and in every attacker's list.
PUBLISHED_KEYS = [
    "a-string-secret-at-least-256-bits-long",  # jwt.io
    "your-256-bit-secret-your-256-bit-secret",
    "your-384-bit-secret-your-384-bit-secret",
    "your-512-bit-secret-your-512-bit-secret",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",  # FastAPI's tutorial
    "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970",  # Spring Boot guides
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",  # RFC 7520; before it, RFC 7515
    "django-insecure-x7$kq!w0v^3n@p9z(u5m)c2t&h8",  # how Django's startproject begins each key
    "0x7365637265747365637265747365637265747365637265747365637265747365",  # "secret", in hex
]
# Those that people type: each is refused as it is, and also when it is said often enough.
TYPED_KEYS = """
    secret Secret SECRET secretkey secret-key secret_key secretKey SecretKey SECRET_KEY
    mysecret my-secret my_secret mysecretkey my-secret-key my_secret_key MySecretKey
    mysupersecretkey supersecret super-secret super_secret supersecretkey super-secret-key
    super_secret_key topsecret top-secret verysecret very-secret ssshhh shhhhh shhhhhhared-secret
    jwtsecret jwt-secret jwt_secret JWT_SECRET jwt_secret_key jwtsecretkey JwtSecretKey
    jwt-key jwtkey jwtKey token tokensecret token-secret token_secret access-token-secret
    accesstokensecret refresh-token-secret refreshtokensecret appsecret app-secret app_secret
    clientsecret client-secret client_secret sessionsecret session-secret session_secret
    sharedsecret shared-secret shared_secret secretpassphrase passphrase password Password
    PASSWORD password1 password123 P@ssw0rd passw0rd pass123 admin admin123 administrator root
    toor changeme change-me change_me changeit ChangeIt changethis letmein welcome welcome1
    default test test123 testing testkey test-key dev development example placeholder foobar
    foo bar hello helloworld keyboardcat qwerty qwerty123 qwertyuiop asdf asdfgh asdfghjkl
    123456 1234567 12345678 123456789 1234567890 0123456789 abc123 abcdef abcdefgh iloveyou
    monkey dragon
"""


# Repeated words, sequences and keyboard rows: long, and not random.
PATTERNS = [
    *("abc" * 20, "a1b2c3d4" * 8, "trustno1-" * 9, "0" * 64, "1234567890" * 5),
    *("qwertyuiopasdfghjklzxcvbnm1234567890", "abcdefghijklmnopqrstuvwxyz0123456789"),
]


@pytest.mark.parametrize("key", [*PUBLISHED_KEYS, *PATTERNS])
def test_a_key_that_can_be_guessed_is_refused(
    env: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """JWT-2: of any length, and even if it looks random."""
    monkeypatch.setenv("SECRET_KEY", key)

    with pytest.raises(SettingsError, match="SECRET_KEY can be guessed"):
        load_settings(env)


def test_a_key_that_people_type_is_refused(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JWT-2: too short as it is, and no better for being repeated until it is long enough."""
    for key in TYPED_KEYS.split():
        for value in (key, key * 40):
            monkeypatch.setenv("SECRET_KEY", value)

            with pytest.raises(SettingsError, match=r"SECRET_KEY (is too short|can be guessed)"):
                load_settings(env)


def test_every_secret_of_the_public_list_is_refused() -> None:
    """JWT-2: jwt-common.txt has 95; those that no other rule finds are found by their digest."""
    digests = LISTED.split()

    assert len(digests) == len(set(digests)) == 95
    assert is_guessable("C2A4EB068AF8ABEF18D80B1689C7D785")  # on the list, and looks random
    assert not is_guessable("C2A4EB068AF8ABEF18D80B1689C7D786")


def test_a_random_key_is_never_refused() -> None:
    """JWT-2: in hexadecimal and in base64, also half as long as advised."""
    made = random.Random(7)

    for _ in range(2000):
        assert not is_guessable(made.randbytes(16).hex())
        assert not is_guessable(urlsafe_b64encode(made.randbytes(32)).decode())


def test_every_bad_value_is_told_at_once(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CF-1: one line each, so that one restart is enough."""
    monkeypatch.setenv("BCRYPT_ROUNDS", "4")
    monkeypatch.setenv("APP_ENV", "test")

    with pytest.raises(SettingsError) as caught:
        load_settings(env)

    assert [line.split()[0] for line in str(caught.value).splitlines()] == [
        "APP_ENV",
        "BCRYPT_ROUNDS",
    ]


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("APP_ENV", " Development ", "development"),
        ("REQUIRE_VERIFIED_EMAIL", " Yes ", True),
        ("COOKIE_NAME", " mine ", "mine"),
        ("SIGN_UP", " Invited ", "invited"),
        ("SESSION_MAX_AGE", "12 H", timedelta(hours=12)),
        ("SESSION_REMEMBER_IDLE_AGE", "45s", timedelta(seconds=45)),
        ("SESSION_REMEMBER_IDLE_AGE", "130m", timedelta(minutes=130)),
        ("SESSION_REMEMBER_IDLE_AGE", " 1d ", timedelta(days=1)),
        ("UNVERIFIED_ACCOUNTS_KEPT", " Off ", None),
        ("UNVERIFIED_ACCOUNTS_KEPT", "1d", timedelta(days=1)),
    ],
)
def test_a_value_may_be_written_in_any_usual_form(
    env: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, kept: object
) -> None:
    """CF-1, CF-5: blanks and capitals don't matter; a length of time has its unit."""
    monkeypatch.setenv(name, value)

    assert getattr(load_settings(env), name.lower()) == kept


@pytest.mark.parametrize(
    ("value", "kept", "hosts"),
    [
        ("https://app.example.com", "https://app.example.com", ["APP.example.com.:443"]),
        ("HTTPS://APP.Example.COM/", "https://app.example.com", ["app.example.com"]),
        ("https://app.example.com:443", "https://app.example.com", ["app.example.com"]),
        ("https://app.example.com.", "https://app.example.com", ["app.example.com."]),
        ("https://app.example.com:/", "https://app.example.com", ["app.example.com"]),
        ("http://app.example.com:80/a/", "http://app.example.com/a", ["app.example.com"]),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example", ["xn--bcher-kva.example"]),
        ("https://stra\u00dfe.example", "https://xn--strae-oqa.example", ["xn--strae-oqa.example"]),
        (
            "https://XN--BCHER-KVA.example",
            "https://xn--bcher-kva.example",
            ["xn--bcher-kva.example"],
        ),
        ("https://[0:0:0:0:0:0:0:1]:8443", "https://[::1]:8443", ["[::1]:8443"]),
        ("http://127.0.0.1:8600", "http://127.0.0.1:8600", ["127.0.0.1:8600"]),
        (
            "http://my_app:8501/my app".replace(" ", "%20"),
            "http://my_app:8501/my%20app",
            ["my_app:8501"],
        ),
        (" https://app.example.com/\u00e4 ", "https://app.example.com/%C3%A4", ["app.example.com"]),
    ],
)
def test_a_base_url_is_kept_as_browsers_write_it(
    env: Path, monkeypatch: pytest.MonkeyPatch, value: str, kept: str, hosts: list[str]
) -> None:
    """RS-4: links begin with the normal form, and the hosts that browsers send match it."""
    monkeypatch.setenv("BASE_URL", value)

    settings = load_settings(env)

    assert settings.base_url == kept == str(settings.site)
    assert all(settings.site.is_at(host) for host in hosts)
    assert not any(
        settings.site.is_at(host) for host in ("", "evil.example", f"{hosts[0]}1", "[::")
    )


def test_without_a_base_url_links_lead_where_the_app_is_served(
    env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RS-4: on another port, links in emails are right; a BASE_URL that is set always wins."""
    assert load_settings(env).base_url == "http://localhost:8501"
    assert load_settings(env, local_url="http://localhost:8600").base_url == "http://localhost:8600"

    monkeypatch.setenv("BASE_URL", "http://localhost:8501")
    assert load_settings(env, local_url="http://localhost:8600").base_url == "http://localhost:8501"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("sqlite:///data/app.db", f"sqlite:///{ROOT}/data/app.db"),
        (" sqlite:///data/app.db ", f"sqlite:///{ROOT}/data/app.db"),
        ("sqlite:///other.db", f"sqlite:///{ROOT}/other.db"),
        ("sqlite+pysqlite:////srv/app.db", "sqlite:////srv/app.db"),
        ("sqlite:////srv/what%3F/app.db", "sqlite:////srv/what%3F/app.db"),
        ("postgresql://ada:s%40crt@db/app", "postgresql+psycopg://ada:s%40crt@db/app"),
        ("postgres://ada:x@db/app", "postgresql+psycopg://ada:x@db/app"),
        ("postgresql+psycopg://ada:x@DB.example:5433/app", None),
        ("postgresql://ada:x@[::1]:5433/app", "postgresql+psycopg://ada:x@[::1]:5433/app"),
        ("postgresql://ada:x@b\u00fccher.example/app", None),
        ("postgresql://ada@/app?host=/var/run/postgresql", None),
        ("postgresql://ada:x@one:5432,two:5433/app?sslmode=verify-full&connect_timeout=5", None),
        ("postgresql://ada:x@one,[::1]/app?target_session_attrs=read-write", None),
        ("postgresql://ada:x@/app?host=one:5432&host=two:5433", None),
        ("postgresql://ada:x/y#z?[@db/app", None),
        ("postgresql:///app", None),
    ],
)
def test_a_database_url_is_read_as_the_driver_will(
    env: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str, kept: str | None
) -> None:
    """CF-1, CF-2: every accepted URL opens, from any folder; a relative file is the project's."""
    monkeypatch.setenv("DATABASE_URL", value)
    monkeypatch.chdir(tmp_path)

    url = load_settings(env).database_url

    assert kept is None or url == kept
    make_url(url).get_dialect()().create_connect_args(make_url(url))


def test_several_hosts_are_each_tried_with_their_port(
    env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CF-1: libpq's own form, which SQLAlchemy alone does not read."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://ada:x@one:5433,[::1],two/app")

    url = make_url(load_settings(env).database_url)
    _, options = url.get_dialect()().create_connect_args(url)

    assert (options["host"], options["port"]) == ("one,::1,two", "5433,5432,5432")


@pytest.mark.parametrize("folder", ["My%20App", "what?", "a#b c", "100%"])
def test_a_folder_of_any_name_keeps_its_database(
    env: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: str
) -> None:
    """CF-2: the database is in the project, for any name of the project's folder."""
    monkeypatch.setattr("settings.ROOT", tmp_path / folder)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///data/mine.db")

    with closing(Database(load_settings(env).database_url)) as database, database.read() as reader:
        reader.execute(text("SELECT 1"))

    assert (tmp_path / folder / "data/mine.db").exists()


@pytest.mark.slow
def test_the_default_database_is_in_a_folder_of_any_name_too(tmp_path: Path) -> None:
    """CF-2: the default is a URL made by rule, as well."""
    project = copy_project(tmp_path / "My%20App, what? a#b c 100%")
    code = (
        "from settings import Settings; from sqlalchemy import make_url;"
        "print(make_url(Settings(_env_file=None).database_url).database)"
    )

    told = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project,
        env={
            name: os.environ[name]
            for name in os.environ
            if name.lower() not in Settings.model_fields
        }
        | {"SECRET_KEY": KEY},
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout.strip() == str(project / "data/app.db")


@pytest.mark.parametrize(
    ("value", "server"),
    [
        ("smtp://mail.example.com", MailServer("mail.example.com", 587)),
        ("smtp://localhost:1025/", MailServer("localhost", 1025)),
        ("smtps://mail.example.com", MailServer("mail.example.com", 465, tls=True)),
        (
            " SMTPS://ada:hunter2@MAIL.example.com:2465 ",
            MailServer("mail.example.com", 2465, "ada", "hunter2", True),
        ),
        ("smtp://ada:p%40ss@host:25", MailServer("host", 25, "ada", "p@ss")),
        (
            "smtp://ada@example.com:a#b?c[d]/e:f@g@[::1]:25",
            MailServer("::1", 25, "ada@example.com", "a#b?c[d]/e:f@g"),
        ),
        ("smtp://ada:100%@host", MailServer("host", 587, "ada", "100%")),
        (
            "smtp://ada:p\u00e4ss w\u00f6rd@m\u00fcller.example",
            MailServer("xn--mller-kva.example", 587, "ada", "p\u00e4ss w\u00f6rd"),
        ),
    ],
)
def test_a_mail_server_is_read_once(
    env: Path, monkeypatch: pytest.MonkeyPatch, value: str, server: MailServer
) -> None:
    """CF-1, LG-2: a password needs no escapes, and the typed server does not print it."""
    monkeypatch.setenv("SMTP_URL", value)

    read = load_settings(env).mail_server

    assert read == server
    assert not server.password or server.password not in repr(read)


@pytest.mark.parametrize(
    ("value", "base_url", "sender"),
    [
        ("no-reply@acme.com", "", Sender("", "no-reply@acme.com")),
        ("Acme <no-reply@acme.com>", "", Sender("Acme", "no-reply@acme.com")),
        (
            ' "Acme, \\"Inc.\\"" <no-reply@ACME.com> ',
            "",
            Sender('Acme, "Inc."', "no-reply@acme.com"),
        ),
        ("Acme, Inc. <no-reply@acme.com>", "", Sender("Acme, Inc.", "no-reply@acme.com")),
        (
            "B\u00fccher <post@b\u00fccher.example>",
            "",
            Sender("B\u00fccher", "post@xn--bcher-kva.example"),
        ),
        ("p\u00f6st@b\u00fccher.example", "", Sender("", "p\u00f6st@xn--bcher-kva.example")),
        ("root@localhost", "", Sender("", "root@localhost")),
        ("app@[127.0.0.1]", "", Sender("", "app@[127.0.0.1]")),
        ("", "https://b\u00fccher.example/app", Sender("", "no-reply@xn--bcher-kva.example")),
        ("", "http://127.0.0.1:8501", Sender("", "no-reply@[127.0.0.1]")),
        ("", "http://[::1]:8501", Sender("", "no-reply@[IPv6:::1]")),
        ("", "", Sender("", "no-reply@localhost")),
    ],
)
def test_a_sender_is_an_email_with_or_without_a_name(
    env: Path, monkeypatch: pytest.MonkeyPatch, value: str, base_url: str, sender: Sender
) -> None:
    """CF-1: in any usual form; its domain is ASCII, which every server accepts."""
    monkeypatch.setenv("MAIL_FROM", value)
    monkeypatch.setenv("BASE_URL", base_url)

    settings = load_settings(env)

    assert settings.sender == sender
    message(Mail("ada@example.com", "Hello", "Hello", "<p>Hello</p>"), sender).as_bytes(
        policy=SMTPUTF8
    )


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_an_env_file_that_is_not_utf_8_is_told_in_a_sentence(env: Path, encoding: str) -> None:
    """CF-1: Windows' own editors write such files."""
    env.write_bytes("APP_NAME=B\u00fccher\nSMTP_URL=smtp://ada:hunter2@host".encode(encoding))

    with pytest.raises(SettingsError) as caught:
        load_settings(env)

    assert str(caught.value) == ".env is not UTF-8 text: save it as UTF-8."


def test_a_byte_order_mark_changes_nothing(env: Path) -> None:
    """CF-1: Notepad's UTF-8 begins with one, in front of the first setting."""
    env.write_text("APP_NAME=B\u00fccher\n", encoding="utf-8-sig")

    assert load_settings(env).app_name == "B\u00fccher"


def test_an_env_file_that_cannot_be_read_is_told_in_a_sentence(
    env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CF-1: for any reason that it can't be read, or the new key can't be written."""
    (env.parent / "gone").touch()
    monkeypatch.delenv("SECRET_KEY")

    with pytest.raises(SettingsError, match="cannot be read or written"):
        load_settings(env.parent / "gone" / ".env")


def test_the_environment_wins_over_the_file(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CF-1: what a host sets is not undone by a file that came along."""
    env.write_text("APP_NAME=file\nCOOKIE_NAME=file\nUNKNOWN=fine\n")
    monkeypatch.setenv("APP_NAME", "environment")
    monkeypatch.setenv("COOKIE_NAME", "")

    settings = load_settings(env)

    assert (settings.app_name, settings.cookie_name) == ("environment", "file")


def test_keys_and_peppers_come_newest_first(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JWT-8, BC-8: the first is in use, the others verify."""
    monkeypatch.setenv("SECRET_KEY_FALLBACKS", f" {OTHER_KEY} , ")

    settings = load_settings(env)

    assert settings.keys == (KEY.encode(), OTHER_KEY.encode())
    assert settings.peppers == (b"",)

    monkeypatch.setenv("PASSWORD_PEPPER", OTHER_KEY)

    assert load_settings(env).peppers == (OTHER_KEY.encode(), b"")  # passwords from before it


def test_a_missing_key_is_made_once_in_development(
    env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CF-1: the first start just works, and the second keeps all users logged in."""
    monkeypatch.delenv("SECRET_KEY")
    env.write_text("# mine\nAPP_NAME=Ada's\nSECRET_KEY=\n")
    env.chmod(0o600)

    first, second = load_settings(env), load_settings(env)

    assert first.keys == second.keys
    assert len(first.keys[0]) >= 32
    assert env.read_text().startswith("# mine\nAPP_NAME=Ada's\nSECRET_KEY=")
    assert stat.S_IMODE(env.stat().st_mode) == 0o600


def test_a_file_made_for_the_key_is_its_owners_alone(
    env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CF-2: an attacker who reads the key can sign in as any user."""
    monkeypatch.delenv("SECRET_KEY")

    load_settings(env)

    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert list(dotenv_values(env)) == list(dotenv_values(ROOT / ".env.example"))


def test_production_makes_no_key(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CF-1: if each server made its own key, users would be logged out at random."""
    monkeypatch.delenv("SECRET_KEY")
    monkeypatch.setenv("APP_ENV", "production")

    with pytest.raises(SettingsError, match="SECRET_KEY is missing: make one with"):
        load_settings(env)

    assert not env.exists()


def test_no_secret_is_printed_with_the_settings(env: Path) -> None:
    """LG-2: a settings object in a traceback reveals nothing."""
    assert KEY not in repr(load_settings(env)) + str(load_settings(env))


def test_the_example_has_every_setting_with_its_default(env: Path) -> None:
    """CF-5: what .env.example says is what the code does."""
    example = dotenv_values(ROOT / ".env.example")

    assert [name.lower() for name in example] == list(Settings.model_fields)
    assert load_settings(ROOT / ".env.example") == load_settings(env)
