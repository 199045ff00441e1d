"""Presigned URLs against an S3 that really checks them."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from shared import storage
from shared.storage import Part, PresignedPut, Storage
from tests.real.conftest import ACCESS_KEY, S3, SECRET_KEY

pytestmark = pytest.mark.s3

CONTENT = "연차휴가는 15일입니다.".encode()
SHA256 = hashlib.sha256(CONTENT).hexdigest()
KEY = "documents/1/2/휴가 규정+(최종).pdf"


@pytest.fixture
async def store(s3: S3, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Storage]:
    """Our storage on the real one, with an empty, versioned bucket."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    opened = Storage(s3.bucket, s3.url, None)
    client = await opened._client(s3.url)
    if s3.bucket not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket=s3.bucket)
        client.put_bucket_versioning(Bucket=s3.bucket, VersioningConfiguration={"Status": "Enabled"})
    await opened.delete(KEY)
    yield opened
    await opened.close()


async def presigned(store: Storage) -> PresignedPut:
    """A URL for the content above."""
    return await store.presign_put(KEY, "application/pdf", len(CONTENT), SHA256)


async def put(signed: PresignedPut, content: bytes = CONTENT, **headers: str) -> int:
    """Puts content; the status S3 answers."""
    async with httpx.AsyncClient() as browser:
        return (await browser.put(signed.url, content=content, headers={**signed.headers, **headers})).status_code


async def test_what_was_announced_can_be_put_and_got(store: Storage) -> None:
    assert await put(await presigned(store)) == 200
    head = await store.head(KEY)
    assert head is not None
    assert (head.size, head.content_type) == (len(CONTENT), "application/pdf")
    async with httpx.AsyncClient() as browser:
        assert (await browser.get(await store.presign_get(KEY))).content == CONTENT
        assert (await browser.get(await store.presign_get(KEY, head.version))).content == CONTENT


async def test_another_type_is_refused(store: Storage) -> None:
    assert await put(await presigned(store), **{"Content-Type": "text/html"}) == 403


async def test_another_length_is_refused(store: Storage) -> None:
    longer = CONTENT + b"x"
    assert await put(await presigned(store), longer, **{"Content-Length": str(len(longer))}) == 403


async def test_other_content_of_the_same_length_is_refused(store: Storage) -> None:
    assert await put(await presigned(store), bytes(reversed(CONTENT))) == 400
    assert await store.head(KEY) is None


async def test_a_url_for_one_key_does_not_open_another(store: Storage) -> None:
    signed = await presigned(store)
    assert await put(replace(signed, url=signed.url.replace("documents/1/2", "documents/1/3"))) == 403


async def test_a_tampered_signature_is_refused(store: Storage) -> None:
    signed = await presigned(store)
    assert await put(replace(signed, url=signed.url[:-4] + "0000")) == 403


async def test_a_url_ends(store: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "PUT_SECONDS", -1)
    assert await put(await presigned(store)) in (400, 403)


async def test_an_upload_in_parts_is_put_together(store: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "PART_BYTES", 5 << 20)
    content = b"a" * (5 << 20) + b"the rest"
    parts = await store.presign_parts(KEY, "application/pdf", len(content))
    assert len(parts.urls) == 2
    done: list[Part] = []
    async with httpx.AsyncClient() as browser:
        for number, url in enumerate(parts.urls, 1):
            answer = await browser.put(url, content=content[(number - 1) * (5 << 20) : number * (5 << 20)])
            assert answer.status_code == 200, answer.text
            done.append(Part(number, answer.headers["etag"]))
    await store.complete_parts(KEY, parts.upload_id, done)
    head = await store.head(KEY)
    assert head is not None
    assert head.size == len(content)


async def test_deleting_leaves_no_version(store: Storage) -> None:
    for _ in range(2):
        await put(await presigned(store))
    await store.delete(KEY)
    assert await store.head(KEY) is None
    await store.delete(KEY)
