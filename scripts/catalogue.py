"""The functions of a folder, read from their `function.toml`: what the platform, the manifests and the tests must know."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cronsim import CronSim, CronSimError

ROOT = Path(__file__).resolve().parents[1]
FUNCTIONS = ROOT / "functions"
PROFILES = ("interactive", "stream", "event")

_KEYS = {
    "description": str,
    "profile": str,
    "concurrency": int,
    "max_scale": int,
    "timeout_seconds": int,
    "settings": list,
    "events": dict,
    "schedules": list,
    "cold_start": dict,
}
_OPTIONAL = {"events", "schedules", "cold_start"}


class CatalogueError(ValueError):
    """A `function.toml` cannot be right; the message begins with its path."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """An event of `type` delivered to the function whenever `cron` (five fields, Asia/Seoul) says so."""

    cron: str
    type: str


@dataclass(frozen=True, slots=True)
class Function:
    """A function and what it asks of the platform. `source` is the path of its `main.py` from the root."""

    service: str
    group: str
    source: str
    description: str
    profile: str
    concurrency: int
    max_scale: int
    timeout_seconds: int
    settings: tuple[str, ...]
    takes: tuple[str, ...]
    gives: tuple[str, ...]
    schedules: tuple[Schedule, ...]
    modules: int | None

    @property
    def name(self) -> str:
        """The one name, as the Knative Service and the image bear it: `chat-messages`."""
        return f"{self.service}-{self.group}"

    @property
    def prefix(self) -> str:
        """Where its endpoints are: `/api/chat/messages`."""
        return f"/api/{self.service}/{self.group}"


def read_all(folder: Path = FUNCTIONS) -> list[Function]:
    """Every function of a folder, by name. Raises CatalogueError for the first that cannot be right."""
    return sorted((read(path) for path in folder.glob("*/*/function.toml")), key=lambda function: function.name)


def read(path: Path) -> Function:
    """The function of a `function.toml`. Raises CatalogueError, naming the file, the key and the closest known one."""
    try:
        return _function(path, tomllib.loads(path.read_text()))
    except (tomllib.TOMLDecodeError, CatalogueError) as error:
        raise CatalogueError(f"{_from_root(path)}: {error}") from error


def _function(path: Path, document: Mapping[str, Any]) -> Function:
    _check_keys(document, _KEYS, optional=_OPTIONAL)
    events = document.get("events", {})
    _check_keys(events, {"takes": list, "gives": list}, within="events", optional={"takes", "gives"})
    cold_start = document.get("cold_start", {})
    _check_keys(cold_start, {"modules": int}, within="cold_start", optional={"modules"})
    if document["profile"] not in PROFILES:
        raise CatalogueError(f"profile {document['profile']!r} is none of {', '.join(PROFILES)}")
    for key in ("concurrency", "max_scale", "timeout_seconds"):
        if document[key] < 1:
            raise CatalogueError(f"{key} must be at least 1")
    return Function(
        service=path.parts[-3],
        group=path.parts[-2],
        source=_from_root(path.with_name("main.py")),
        description=document["description"],
        profile=document["profile"],
        concurrency=document["concurrency"],
        max_scale=document["max_scale"],
        timeout_seconds=document["timeout_seconds"],
        settings=_texts("settings", document["settings"]),
        takes=_texts("events.takes", events.get("takes", [])),
        gives=_texts("events.gives", events.get("gives", [])),
        schedules=tuple(_schedule(each) for each in document.get("schedules", [])),
        modules=cold_start.get("modules"),
    )


def _schedule(table: Mapping[str, Any]) -> Schedule:
    _check_keys(table, {"cron": str, "type": str}, within="schedules")
    if len(table["cron"].split()) != 5:
        raise CatalogueError(f"schedules.cron {table['cron']!r} does not have five fields")
    try:
        CronSim(table["cron"], datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise CatalogueError(f"schedules.cron {table['cron']!r}: {error}") from error
    return Schedule(table["cron"], table["type"])


def _check_keys(
    table: Mapping[str, Any], known: Mapping[str, type], *, within: str = "", optional: Iterable[str] = ()
) -> None:
    prefix = f"{within}." if within else ""
    for key, value in table.items():
        if key not in known:
            closest = difflib.get_close_matches(key, known, n=1, cutoff=0)[0]
            raise CatalogueError(f"unknown key {prefix}{key} (the closest known one is {prefix}{closest})")
        if type(value) is not known[key]:
            raise CatalogueError(f"{prefix}{key} must be of type {known[key].__name__}, not {type(value).__name__}")
    for key in known.keys() - table.keys() - set(optional):
        raise CatalogueError(f"{prefix}{key} is missing")


def _texts(key: str, values: list[Any]) -> tuple[str, ...]:
    if not all(isinstance(value, str) for value in values):
        raise CatalogueError(f"{key} must be a list of strings")
    if len(set(values)) < len(values):
        raise CatalogueError(f"{key} names something twice")
    return tuple(values)


def _from_root(path: Path) -> str:
    return str(path.resolve().relative_to(ROOT))
