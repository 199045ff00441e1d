"""What a function is told by the local platform."""

from dataclasses import replace

import pytest

from scripts import catalogue
from scripts.local import environment
from scripts.local.environment import Addresses
from scripts.local.home import Secrets
from scripts.local.parts import StartError

AT = Addresses("http://localhost:8080", "http://127.0.0.1:1/broker", "http://127.0.0.1:2", "http://127.0.0.1:3")
SECRETS = Secrets("token", "password", "key", "secret")
ADMIN = "postgresql://postgres:admin@127.0.0.1:5432/baeum?sslmode=disable"
MESSAGES = next(function for function in catalogue.read_all() if function.name == "chat-messages")


def told(*settings: str) -> dict[str, str]:
    return environment.for_function(replace(MESSAGES, settings=settings), AT, ADMIN, SECRETS)


def test_a_function_is_told_what_it_names_and_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMEBODYS_PASSWORD", "x")
    always = {"APP_ENV", "AUTH_MODE", "CHAT_DATABASE_URL", "PATH"}
    assert told().keys() - {"HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LOG_LEVEL", "SHUTDOWN_GRACE_SECONDS"} == always
    assert told("BROKER_URL")["BROKER_URL"] == AT.broker_url
    assert told("SOMEBODYS_PASSWORD")["SOMEBODYS_PASSWORD"] == "x"


def test_a_function_connects_as_its_service_s_own_role_and_never_as_the_administrator() -> None:
    expected = "postgresql://baeum_chat:password@127.0.0.1:5432/baeum?sslmode=disable"
    assert told()["CHAT_DATABASE_URL"] == expected
    assert not any("admin" in value for value in told().values())


def test_who_names_the_bucket_is_told_how_to_open_it_here() -> None:
    assert (
        told("S3_BUCKET").items()
        >= {
            "S3_ENDPOINT_URL": AT.s3_url,
            "S3_PUBLIC_ENDPOINT_URL": AT.s3_url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }.items()
    )
    assert "AWS_SECRET_ACCESS_KEY" not in told("BROKER_URL")


def test_a_setting_that_nobody_has_set_is_named_before_anything_starts() -> None:
    with pytest.raises(StartError, match="chat-messages: 설정 NOBODY_KNOWS"):
        told("NOBODY_KNOWS")
