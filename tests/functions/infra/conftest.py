"""Documents under test: both functions over one database, an S3 over HTTP, a stand-in for the LLM host."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from tests.conftest import StartFunction
from tests.functions.client import FunctionClient
from tests.functions.infra.host import HostDouble
from tests.functions.infra.library import Library


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """An S3 over HTTP."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an empty, versioned bucket of this test's own."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name = f"documents-{uuid4().hex}"
    client = boto3.client("s3", endpoint_url=s3_url)
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def s3(s3_url: str, bucket: str) -> Any:
    """A client of the S3 that the functions use."""
    return boto3.client("s3", endpoint_url=s3_url)


@pytest.fixture
def host() -> Iterator[HostDouble]:
    """A stand-in for the LLM host."""
    with HostDouble() as running:
        yield running


@pytest.fixture
def settings(s3_url: str, bucket: str, host: HostDouble) -> dict[str, str]:
    """Where the functions find S3 and the LLM host."""
    return {"S3_BUCKET": bucket, "S3_ENDPOINT_URL": s3_url, **host.settings}


@pytest.fixture
async def documents(function: StartFunction, settings: dict[str, str]) -> FunctionClient:
    """`infra-documents`, served."""
    return await function("infra-documents", **settings)


@pytest.fixture
async def ingest(function: StartFunction, settings: dict[str, str]) -> FunctionClient:
    """`infra-ingest`, served."""
    return await function("infra-ingest", **settings)


@pytest.fixture
async def library(documents: FunctionClient, ingest: FunctionClient, bucket: str) -> AsyncIterator[Library]:
    """Documents in any state, made the way they are made in earnest."""
    async with httpx.AsyncClient() as http:
        yield Library(documents, ingest, bucket, http)
