"""From the queue to the broker, as Knative's IntegrationSource `aws.sqs` does it: one event per message, deleted once taken."""

import json
import logging
import secrets
import string
import time
from typing import Any
from urllib.parse import unquote_plus

import httpx

from scripts.local.mirror import Mirror
from shared.events import CloudEvent

log = logging.getLogger(__name__)

_VISIBILITY_SECONDS = 10  # what the connector uses
_WAIT_SECONDS = 5
_PAUSE_SECONDS = 1.0


class SqsSource:
    """The poller; a message that the broker did not take comes again after its visibility time-out."""

    def __init__(self, sqs: Any, queue: str, broker_url: str, mirror: Mirror) -> None:  # noqa: ANN401 - a boto3 client
        self._sqs = sqs
        self._queue = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        self._broker_url = broker_url
        self._http = httpx.Client(timeout=10)
        self._mirror = mirror

    def run(self) -> None:
        """Polls for ever."""
        while True:
            answer = self._sqs.receive_message(
                QueueUrl=self._queue,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=_WAIT_SECONDS,
                VisibilityTimeout=_VISIBILITY_SECONDS,
            )
            for message in answer.get("Messages", []):
                try:
                    self._forward(message)
                except httpx.HTTPError as error:
                    log.warning("the broker did not take a message", extra={"error": repr(error)})
                    time.sleep(_PAUSE_SECONDS)

    def _forward(self, message: dict[str, Any]) -> None:
        notification = json.loads(message["Body"])
        event = CloudEvent(
            type="dev.knative.eventing.aws-sqs",
            source="dev.knative.eventing.aws-sqs-source",
            subject="aws-sqs-source",
            data=notification,
            id=_exchange_id(),
        )
        self._http.post(self._broker_url, headers=event.headers(), content=event.body()).raise_for_status()
        for record in notification.get("Records", []):
            thing = record["s3"]["object"]
            self._mirror.announced(unquote_plus(thing["key"]), thing["versionId"])
        self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])


def _exchange_id() -> str:
    """An id as the connector makes them: new for each delivery, so that it cannot tell a repeat from a first time."""
    letters = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(15))
    return f"{letters}-{secrets.randbelow(10**16):016d}"
