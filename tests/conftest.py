"""What every test may ask for: a real PostgreSQL with the migrated schemas, and functions that answer over HTTP."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from uuid import uuid4

import psycopg
import psycopg.sql
import pytest

from scripts import migrate
from scripts.local import postgres
from tests.functions.client import FunctionClient, serve
from tests.functions.doubles import BrokerDouble
from tests.processes import let_pass

TEMPLATE = "baeum_template"

StartFunction = Callable[..., Awaitable[FunctionClient]]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Postgres]:
    """A PostgreSQL of this test run's own, with a database that has every migration."""
    home = let_pass(tmp_path_factory.mktemp("postgres"))
    running = postgres.start(home, durable=False)
    postgres.create_database(running, TEMPLATE)
    migrate.run(migrate.SERVICES, environ=database_environ(running, TEMPLATE))
    yield running
    running.stop()


@pytest.fixture
def database_url(server: postgres.Postgres) -> Iterator[str]:
    """The URL of a database of this test's own, with the migrated schemas and no rows."""
    name = f"test_{uuid4().hex}"
    postgres.create_database(server, name, TEMPLATE)
    yield server.url(name)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("DROP DATABASE {} WITH (FORCE)").format(psycopg.sql.Identifier(name)))


@pytest.fixture
def broker() -> Iterator[BrokerDouble]:
    """A broker that keeps what it is given."""
    with BrokerDouble() as running:
        yield running


@pytest.fixture
async def function(
    database_url: str, broker: BrokerDouble, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[StartFunction]:
    """Serves a function's app over real HTTP: `client = await function("infra-documents", S3_BUCKET="...")`."""
    clients: list[FunctionClient] = []

    async def start(name: str, module: str | None = None, **settings: str) -> FunctionClient:
        environ = {"APP_ENV": "test", "AUTH_MODE": "dev", "BROKER_URL": broker.url, **settings}
        environ |= {f"{service.upper()}_DATABASE_URL": database_url for service in migrate.SERVICES}
        for key, value in environ.items():
            monkeypatch.setenv(key, value)
        clients.append(await serve(name, module))
        return clients[-1]

    yield start
    for client in clients:
        await client.close()


def database_environ(server: postgres.Postgres, database: str) -> dict[str, str]:
    """The settings that name one database for every service's migrations."""
    url = server.url(database)
    return {**os.environ, **{f"{service.upper()}_DATABASE_ADMIN_URL": url for service in migrate.SERVICES}}
