"""S3 and SQS on one loopback port: moto's server, made to keep its objects, to announce them, and to forward what it announces.

`python -m scripts.local.objects FD FOLDER BUCKET BROKER_URL`, with the AWS_* variables set.
"""

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import boto3
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3.models import FakeBucket, s3_backends
from moto.sqs.models import sqs_backends
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from scripts.local.mirror import Mirror, Version
from scripts.local.sqs_source import SqsSource
from shared import log

REGION = "ap-northeast-2"
QUEUE = "baeum-objects"
_READY = "/_ready"
_CHANGING = frozenset({"PUT", "POST", "DELETE"})

Environ = dict[str, Any]


class Objects:
    """The WSGI app: moto inside, and outside it what makes a change durable before it is answered."""

    def __init__(self, folder: Path, bucket: str) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._name = bucket
        self._ready = threading.Event()
        self.mirror = Mirror(folder / bucket)

    @property
    def bucket(self) -> FakeBucket:
        """moto's own idea of the bucket."""
        return s3_backends[DEFAULT_ACCOUNT_ID]["aws"].get_bucket(self._name)

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
        request = Request(environ)
        if request.path == _READY:
            return Response(status=204 if self._ready.is_set() else 503)(environ, start_response)
        response = Response.from_app(self._moto, environ, buffered=True)
        if request.method in _CHANGING and response.status_code < 300 and request.path.startswith(f"/{self._name}"):
            self._keep(request.path.removeprefix(f"/{self._name}").lstrip("/"), _event_name(request))
        return response(environ, start_response)

    def open(self, endpoint: str) -> None:
        """Makes the bucket and its queue as they were, and announces what was not announced before the last stop."""
        client = boto3.client("s3", endpoint_url=endpoint, region_name=REGION)
        client.create_bucket(Bucket=self._name, CreateBucketConfiguration={"LocationConstraint": REGION})
        client.put_bucket_versioning(Bucket=self._name, VersioningConfiguration={"Status": "Enabled"})
        origins = [f"{scheme}://{host}:*" for scheme in ("http", "https") for host in ("localhost", "127.0.0.1")]
        rule = {
            "AllowedOrigins": origins,
            "AllowedMethods": ["GET", "HEAD", "PUT"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag", "x-amz-version-id"],
        }
        client.put_bucket_cors(Bucket=self._name, CORSConfiguration={"CORSRules": [rule]})
        boto3.client("sqs", endpoint_url=endpoint, region_name=REGION).create_queue(QueueName=QUEUE)
        for version in self.mirror.restore(self.bucket):
            self._announce(version, "ObjectCreated:Put")
        self._ready.set()

    def _keep(self, key: str, event_name: str) -> None:
        keys = [key] if key else list(self.bucket.keys)  # without a key: several objects deleted at once
        for each in keys:
            for version in self.mirror.save(self.bucket, each):
                self._announce(version, event_name)

    def _announce(self, version: Version, event_name: str) -> None:
        message = json.dumps(_notification(self.bucket, version, event_name))
        sqs_backends[DEFAULT_ACCOUNT_ID][REGION].send_message(QUEUE, message)


def main() -> None:
    """Serves until it is killed."""
    descriptor, folder, bucket, broker_url = sys.argv[1:]
    log.configure("objects", os.environ.get("LOG_LEVEL", "INFO"))
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    objects = Objects(Path(folder), bucket)
    server = make_server("127.0.0.1", 0, objects, threaded=True, request_handler=MotoRequestHandler, fd=int(descriptor))
    endpoint = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    objects.open(endpoint)
    SqsSource(boto3.client("sqs", endpoint_url=endpoint, region_name=REGION), QUEUE, broker_url, objects.mirror).run()


def _event_name(request: Request) -> str:
    if request.method == "DELETE" or "delete" in request.args:
        return "ObjectRemoved:DeleteMarkerCreated"
    if request.method == "POST":
        return "ObjectCreated:CompleteMultipartUpload" if "uploadId" in request.args else "ObjectCreated:Post"
    return "ObjectCreated:Copy" if "x-amz-copy-source" in request.headers else "ObjectCreated:Put"


def _notification(bucket: FakeBucket, version: Version, event_name: str) -> dict[str, Any]:
    """What S3 puts into the queue (S3 user guide, "Event message structure"); moto's own lacks version and sequencer."""
    if version.deleted:
        event_name = "ObjectRemoved:DeleteMarkerCreated"
    thing = {
        "key": quote_plus(version.key),
        "size": version.size,
        "eTag": version.etag,
        "versionId": version.version_id,
        "sequencer": f"{time.time_ns():018X}",
    }
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "eventName": event_name,
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": QUEUE,
            "bucket": {"name": bucket.name, "arn": bucket.arn},
            "object": thing,
        },
    }
    return {"Records": [record]}


if __name__ == "__main__":
    main()
