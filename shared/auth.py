"""Who is asking. Endpoints declare the roles they serve; the principal comes from the credentials alone, never from a body."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Protocol
from urllib.parse import unquote
from uuid import UUID

from fastapi import Depends, Request

from shared.config import AuthMode, ConfigError
from shared.errors import forbidden, unauthorized

log = logging.getLogger(__name__)


class Role(StrEnum):
    """What a person, or a machine, may be."""

    EMPLOYEE = "EMPLOYEE"
    VIDEO_CREATOR = "VIDEO_CREATOR"
    CONTENTS_REVIEWER = "CONTENTS_REVIEWER"
    COMPLAINT_MANAGER = "COMPLAINT_MANAGER"
    SYSTEM_ADMIN = "SYSTEM_ADMIN"
    SERVICE = "SERVICE"


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller: `department` is null for somebody without one, who sees only what is for everybody."""

    id: UUID
    roles: frozenset[Role]
    department: str | None


class Authenticator(Protocol):
    """From a request to its principal; raises a 401 problem when there is none."""

    def __call__(self, request: Request) -> Principal: ...


def authenticator(mode: AuthMode) -> Authenticator:
    """The authenticator of a mode. Raises ConfigError for one that this build cannot serve: nobody gets in by default."""
    if mode == "dev":
        log.warning("AUTH_MODE=dev: every caller is believed; never expose this process")
        return from_dev_headers
    raise ConfigError(f"AUTH_MODE={mode} has no token verifier in this build")


def from_dev_headers(request: Request) -> Principal:
    """Development only: the caller that `X-User-UUID`, `X-User-Roles` and `X-User-Department` (percent-encoded) claim."""
    headers = request.headers
    try:
        user = UUID(headers["x-user-uuid"])
        roles = frozenset(Role(role.strip()) for role in headers.get("x-user-roles", "EMPLOYEE").split(","))
    except (KeyError, ValueError) as error:
        raise unauthorized("X-User-UUID 헤더에 사용자 UUID를 보내 주세요.") from error
    department = unquote(headers.get("x-user-department", ""))
    return Principal(user, roles | {Role.EMPLOYEE}, department or None)


def allow(*roles: Role) -> Any:  # noqa: ANN401 - what Depends returns
    """A dependency that gives the principal to an endpoint for `roles`, and a 403 problem to everybody else."""
    return Depends(_guard(frozenset(roles)))


def _guard(roles: frozenset[Role]) -> Callable[[Request], Principal]:
    def guard(request: Request) -> Principal:
        principal: Principal = request.app.state.authenticate(request)
        if not principal.roles & roles:
            raise forbidden()
        return principal

    return guard


# Anybody who works here.
Employee = Annotated[Principal, allow(Role.EMPLOYEE)]
