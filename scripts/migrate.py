"""Migrations: each service's schema to its newest version, on its own database, by one process at a time."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError

from shared.config import required

SERVICES = ("infra", "education", "chat", "quiz")
LOCK = int.from_bytes(hashlib.sha256(b"baeum:migrations").digest()[:8], "big", signed=True)

_FOLDER = Path(__file__).resolve().parents[1] / "migrations"
_LOCK_WAIT = "60s"  # for another migration that is running
_TABLE_LOCK_WAIT = "5s"  # a statement that waits longer for a table would hold up everybody behind it


class MigrationError(RuntimeError):
    """The migrations could not run, with the reason."""


def run(services: Sequence[str], *, target: str = "head", environ: Mapping[str, str] = os.environ) -> None:
    """Brings the services' schemas to `target`. Safe to call from several places at once: one does the work, the rest wait.

    Raises MigrationError when another migration does not finish in time, and ConfigError when a database is not named.
    """
    for service in services:
        with _locked(_url(service, environ)) as connection:
            connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{service}"'))
            connection.commit()
            config = _config(service, connection)
            if target == "base" or target.startswith("-"):
                command.downgrade(config, target)
            else:
                command.upgrade(config, target)
            _grant(connection, service)
            connection.commit()


def check(services: Sequence[str], *, environ: Mapping[str, str] = os.environ) -> None:
    """Compares the databases with the tables. Raises alembic's CommandError where they differ, or are behind."""
    for service in services:
        with _locked(_url(service, environ)) as connection:
            command.check(_config(service, connection))


def revise(service: str, message: str, *, environ: Mapping[str, str] = os.environ) -> None:
    """Writes the next version of a service's schema: what its tables say and its database does not have yet."""
    with _locked(_url(service, environ)) as connection:
        config = _config(service, connection)
        number = len(list((_FOLDER / service / "versions").glob("*.py"))) + 1
        command.revision(config, message, autogenerate=True, rev_id=f"{service}_{number:04d}")


def _url(service: str, environ: Mapping[str, str]) -> str:
    url = required(environ, f"{service.upper()}_DATABASE_ADMIN_URL")
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


@contextmanager
def _locked(url: str) -> Iterator[Connection]:
    """A connection for migrations, while a second one holds the lock that keeps others out."""
    engine = create_engine(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as guard, engine.connect() as connection:
        guard.execute(text("SELECT set_config('lock_timeout', :wait, false)"), {"wait": _LOCK_WAIT})
        try:
            guard.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        except OperationalError as error:
            raise MigrationError(f"another migration did not finish within {_LOCK_WAIT}") from error
        connection.execute(text("SELECT set_config('lock_timeout', :wait, false)"), {"wait": _TABLE_LOCK_WAIT})
        connection.commit()
        yield connection
        guard.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
    engine.dispose()


def _config(service: str, connection: Connection) -> Config:
    import_module(f"functions.{service}.tables")
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", str(_FOLDER / service / "versions"))
    config.attributes.update(schema=service, connection=connection)
    return config


def _grant(connection: Connection, service: str) -> None:
    """The service's own role may read and write the rows of its schema, and see no other service's.

    The role is made without a way to log in; giving it a password is the environment's business.
    """
    role = f"baeum_{service}"
    if not connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}).first():
        connection.execute(text(f'CREATE ROLE "{role}" NOLOGIN'))
    connection.execute(text(f'GRANT USAGE ON SCHEMA "{service}" TO "{role}"'))
    connection.execute(text(f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "{service}" TO "{role}"'))
    connection.execute(text(f'REVOKE INSERT, UPDATE, DELETE ON "{service}".alembic_version FROM "{role}"'))
