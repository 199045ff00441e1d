"""Objects in S3: URLs that let a browser put or get exactly one object, for a short time."""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from shared.config import Config, ConfigError
from shared.errors import Problem, unavailable, unprocessable

PART_BYTES = 64 << 20  # above this an upload is made of parts of this size
PUT_SECONDS = 15 * 60
GET_SECONDS = 60 * 60


@dataclass(frozen=True, slots=True)
class PresignedPut:
    """One PUT: the URL, and the headers that are signed with it and have to be sent as they are."""

    url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class PresignedParts:
    """An upload in parts: a PUT per part, `part_bytes` each but for the last."""

    upload_id: str
    part_bytes: int
    urls: list[str]


@dataclass(frozen=True, slots=True)
class Part:
    """A part that has been put: its number, from 1, and the ETag that S3 answered."""

    number: int
    etag: str


@dataclass(frozen=True, slots=True)
class ObjectHead:
    """What S3 knows of an object without reading it."""

    size: int
    content_type: str
    version: str | None


class Storage:
    """The bucket of the platform. Everything raises a 503 problem when S3 cannot be reached.

    `public_endpoint` is S3 as a browser sees it, where that differs from how a function reaches it.
    """

    def __init__(self, bucket: str, endpoint: str | None, public_endpoint: str | None) -> None:
        self.bucket = bucket
        self._endpoint = endpoint
        self._public_endpoint = public_endpoint or endpoint
        self._clients: dict[str | None, Any] = {}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The storage of the settings. Raises ConfigError without S3_BUCKET."""
        if config.s3_bucket is None:
            raise ConfigError("S3_BUCKET is not set")
        return cls(config.s3_bucket, config.s3_endpoint_url, config.s3_public_endpoint_url)

    async def close(self) -> None:
        """Closes the connections."""
        for client in self._clients.values():
            client.close()

    async def presign_put(self, key: str, content_type: str, size: int, sha256: str) -> PresignedPut:
        """A URL for one object of exactly this type, length and content (hex SHA-256), valid for PUT_SECONDS."""
        checksum = _base64(sha256)
        parameters = {"ContentType": content_type, "ContentLength": size, "ChecksumSHA256": checksum}
        url = await self._presign("put_object", PUT_SECONDS, Key=key, **parameters)
        headers = {"Content-Type": content_type, "Content-Length": str(size), "x-amz-checksum-sha256": checksum}
        return PresignedPut(url, headers)

    async def presign_parts(
        self, key: str, content_type: str, size: int, upload_id: str | None = None
    ) -> PresignedParts:
        """A URL for each part of the upload `upload_id`, which keeps the parts it has, or of a new one."""
        if upload_id is None:
            started = await self._call("create_multipart_upload", Key=key, ContentType=content_type)
            upload_id = str(started["UploadId"])
        numbers = range(1, -(-size // PART_BYTES) + 1)
        urls = [
            await self._presign("upload_part", PUT_SECONDS, Key=key, UploadId=upload_id, PartNumber=number)
            for number in numbers
        ]
        return PresignedParts(upload_id, PART_BYTES, urls)

    async def complete_parts(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """Makes the object of its parts; an upload that is over already stays as it is.

        Raises a 422 problem when the parts are not those that were put.
        """
        from botocore.exceptions import ClientError

        listed = [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
        try:
            await self._call(
                "complete_multipart_upload", Key=key, UploadId=upload_id, MultipartUpload={"Parts": listed}
            )
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 400:
                detail = "올린 조각이 맞지 않습니다. 빠진 조각이 없는지 확인해 주세요."
                raise unprocessable("storage.parts_invalid", detail) from error
            if error.response["Error"]["Code"] != "NoSuchUpload":
                raise

    async def presign_get(self, key: str, version: str | None = None) -> str:
        """A URL that reads one object, valid for GET_SECONDS."""
        return await self._presign("get_object", GET_SECONDS, Key=key, **({"VersionId": version} if version else {}))

    async def head(self, key: str) -> ObjectHead | None:
        """What is stored under a key, or None."""
        from botocore.exceptions import ClientError

        try:
            found = await self._call("head_object", Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise
        return ObjectHead(found["ContentLength"], found["ContentType"], found.get("VersionId"))

    async def delete(self, key: str) -> None:
        """Removes every version of an object. What is not there is removed already."""
        found = await self._call("list_object_versions", Prefix=key)
        stored = [*found.get("Versions", []), *found.get("DeleteMarkers", [])]
        for version in stored:
            if version["Key"] == key:
                await self._call("delete_object", Key=key, VersionId=version["VersionId"])

    async def _presign(self, operation: str, seconds: int, **parameters: object) -> str:
        client = await self._client(self._public_endpoint)
        url: str = client.generate_presigned_url(operation, {"Bucket": self.bucket, **parameters}, seconds)
        return url

    async def _call(self, operation: str, **parameters: object) -> Any:  # noqa: ANN401 - boto3's answers are dicts
        from botocore.exceptions import ClientError, HTTPClientError
        from botocore.exceptions import ConnectionError as ConnectFailed

        client = await self._client(self._endpoint)
        try:
            return await asyncio.to_thread(getattr(client, operation), Bucket=self.bucket, **parameters)
        except (ConnectFailed, HTTPClientError) as error:
            raise _unavailable() from error
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                raise _unavailable() from error
            raise

    async def _client(self, endpoint: str | None) -> Any:  # noqa: ANN401 - boto3 has no static types
        if endpoint not in self._clients:
            self._clients[endpoint] = await asyncio.to_thread(_new_client, endpoint)
        return self._clients[endpoint]


def _new_client(endpoint: str | None) -> Any:  # noqa: ANN401 - boto3 has no static types
    import boto3  # heavy: only a process that signs or calls pays for it
    from botocore.config import Config as BotoConfig

    # Path style and the region's signature work on AWS and on every stand-in; checksums only where we ask for them.
    config = BotoConfig(
        signature_version="s3v4",
        s3={"addressing_style": "path" if endpoint else "virtual"},
        connect_timeout=3,
        read_timeout=20,
        retries={"mode": "standard", "max_attempts": 3},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    # A session of its own: the default one is not safe across threads, and remembers the first credentials it saw.
    return boto3.Session().client("s3", endpoint_url=endpoint, config=config)


def _base64(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


def _unavailable() -> Problem:
    return unavailable("storage.unavailable", "파일 저장소에 연결할 수 없습니다. 잠시 후 다시 시도해 주세요.")
