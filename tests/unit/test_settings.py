"""The settings: read from the environment and .env, and refused with a sentence that helps."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from dotenv import dotenv_values

from settings import ROOT, Settings, SettingsError, load_settings
from tests.conftest import KEY

OTHER_KEY = "another-Key-of-thirty-two-Bytes-81Zqw"


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A .env that is not there yet, and an environment without settings but a key."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("SECRET_KEY", KEY)
    return tmp_path / ".env"


@pytest.mark.parametrize(
    ("name", "value", "fault", "mend"),
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
        ("SESSION_MAX_AGE", "12", "not a length of time", "12h"),
        ("SESSION_MAX_AGE", "0h", "not a length of time", "12h"),
        ("SESSION_MAX_AGE", "-1h", "not a length of time", "12h"),
        ("SESSION_MAX_AGE", "PT1H", "not a length of time", "12h"),
        ("SESSION_IDLE_AGE", "13h", "longer than SESSION_MAX_AGE", "make it shorter"),
        ("SESSION_REMEMBER_IDLE_AGE", "31d", "longer than SESSION_REMEMBER_AGE", "make it shorter"),
        ("BASE_URL", "app.example.com", "not an address", "https://app.example.com"),
        ("BASE_URL", "javascript://x", "not an address", "https://app.example.com"),
        ("BASE_URL", "https://a b", "not an address", "https://app.example.com"),
        ("DATABASE_URL", "here", "not a database address", "sqlite:///data/app.db"),
        ("DATABASE_URL", "mysql://u:hunter2@h/d", "does not know", "sqlite or postgresql"),
    ],
)
def test_a_bad_value_is_named_with_its_fault_and_its_mend(
    env: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, fault: str, mend: str
) -> None:
    """CF-1: the start stops with a sentence, and a secret's value is not in it."""
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as caught:
        load_settings(env)

    sentence = str(caught.value)
    assert name in sentence and fault in sentence and mend in sentence
    assert sentence.endswith(".") and "\n" not in sentence
    if "SECRET" in name or "PEPPER" in name or "hunter2" in value:
        assert value not in sentence.replace(f"{name} ", "")
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


@pytest.mark.parametrize("key", PUBLISHED_KEYS)
def test_a_key_that_was_published_is_refused(
    env: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """JWT-2: however random it looks, it is the first that anybody tries."""
    monkeypatch.setenv("SECRET_KEY", key)

    with pytest.raises(SettingsError, match="SECRET_KEY can be guessed"):
        load_settings(env)


@pytest.mark.parametrize("key", TYPED_KEYS.split())
def test_a_key_that_people_type_is_refused(
    env: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """JWT-2: too short as it is, and no better for being repeated until it is long enough."""
    for value in (key, key * 40):
        monkeypatch.setenv("SECRET_KEY", value)

        with pytest.raises(SettingsError, match=r"SECRET_KEY (is too short|can be guessed)"):
            load_settings(env)


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
    ("text", "length"),
    [
        ("45s", timedelta(seconds=45)),
        ("30m", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        (" 1d ", timedelta(days=1)),
    ],
)
def test_lengths_of_time_are_written_with_their_unit(
    env: Path, monkeypatch: pytest.MonkeyPatch, text: str, length: timedelta
) -> None:
    """CF-5: nobody has to guess whether 30 were seconds or minutes."""
    monkeypatch.setenv("SESSION_REMEMBER_IDLE_AGE", text)

    assert load_settings(env).session_remember_idle_age == length


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("sqlite:///data/app.db", f"sqlite:///{ROOT}/data/app.db"),
        ("sqlite:////srv/app.db", "sqlite:////srv/app.db"),
        ("sqlite://", "sqlite://"),
        ("postgresql://ada:s%40crt@db/app", "postgresql://ada:s%40crt@db/app"),
    ],
)
def test_a_relative_file_is_the_projects_wherever_one_stands(
    env: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, kept: str
) -> None:
    """CF-2: a start from another folder must not begin with an empty database."""
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.chdir(tmp_path)

    assert load_settings(env).database_url == kept


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


def test_a_missing_key_is_made_once_in_development(
    env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CF-1: the first start just works, and the second keeps everybody logged in."""
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
    """CF-2: whoever reads the key can be anybody."""
    monkeypatch.delenv("SECRET_KEY")

    load_settings(env)

    assert stat.S_IMODE(env.stat().st_mode) == 0o600


def test_production_makes_no_key(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CF-1: a key that each server made for itself would log people out at random."""
    monkeypatch.delenv("SECRET_KEY")
    monkeypatch.setenv("APP_ENV", "production")

    with pytest.raises(SettingsError, match="SECRET_KEY is missing: make one with"):
        load_settings(env)

    assert not env.exists()


def test_no_secret_is_printed_with_the_settings(env: Path) -> None:
    """LG-2: a settings object in a traceback tells nothing."""
    assert KEY not in repr(load_settings(env)) + str(load_settings(env))


def test_the_example_has_every_setting_with_its_default(env: Path) -> None:
    """CF-5: what .env.example says is what the code does."""
    example = dotenv_values(ROOT / ".env.example")

    assert [name.lower() for name in example] == list(Settings.model_fields)
    assert load_settings(ROOT / ".env.example") == load_settings(env)
