"""Settings: read once from the environment, typed, and refused at start when they cannot be right."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

AuthMode = Literal["keycloak", "dev"]


class ConfigError(RuntimeError):
    """A setting is missing or contradicts another one; the process must not start."""


@dataclass(frozen=True, slots=True)
class Config:
    """The settings that every function knows; a client that needs one of the optional ones asks with `required`."""

    app_env: str
    auth_mode: AuthMode
    database_url: str
    broker_url: str | None
    llm_host_url: str | None
    llm_host_token: str | None
    s3_bucket: str | None
    s3_endpoint_url: str | None
    s3_public_endpoint_url: str | None

    @classmethod
    def from_env(cls, service: str, environ: Mapping[str, str] = os.environ) -> "Config":
        """The settings of a function of `service`; its database is named `<SERVICE>_DATABASE_URL`.

        Raises ConfigError for an unknown AUTH_MODE, and for the development mode in production.
        """
        return cls(
            app_env=environ.get("APP_ENV", "prod"),
            auth_mode=auth_mode(environ),
            database_url=required(environ, f"{service.upper()}_DATABASE_URL"),
            broker_url=environ.get("BROKER_URL"),
            llm_host_url=environ.get("LLM_HOST_URL"),
            llm_host_token=environ.get("LLM_HOST_TOKEN"),
            s3_bucket=environ.get("S3_BUCKET"),
            s3_endpoint_url=environ.get("S3_ENDPOINT_URL"),
            s3_public_endpoint_url=environ.get("S3_PUBLIC_ENDPOINT_URL"),
        )


def required(environ: Mapping[str, str], name: str) -> str:
    """The value of a setting. Raises ConfigError with its name when it is missing or empty."""
    value = environ.get(name)
    if not value:
        raise ConfigError(f"{name} is not set")
    return value


def auth_mode(environ: Mapping[str, str]) -> AuthMode:
    """How callers prove who they are: Keycloak unless development mode is asked for, which production refuses.

    Raises ConfigError when the mode cannot be served safely.
    """
    mode = environ.get("AUTH_MODE", "keycloak")
    if mode == "dev":
        if environ.get("APP_ENV", "prod") == "prod":
            raise ConfigError("AUTH_MODE=dev lets everybody in and is refused when APP_ENV is prod")
        return "dev"
    if mode == "keycloak":
        required(environ, "KEYCLOAK_ISSUER")
        return "keycloak"
    raise ConfigError(f"AUTH_MODE={mode} is unknown: use keycloak or dev")
