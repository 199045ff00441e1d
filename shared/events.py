"""CloudEvents 1.0: what an event is, and its two forms on the wire (binary and structured HTTP)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shared.errors import malformed
from shared.ids import uuid7

MINUTE_PASSED = "baeum.platform.minute.passed"


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """An event: `data` is JSON; `id` and `source` together name it for ever, which is what makes a repeat harmless."""

    type: str
    source: str
    subject: str
    data: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid7()))
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    traceparent: str | None = None

    def headers(self) -> dict[str, str]:
        """The attributes as `ce-*` headers of the binary content mode."""
        headers = {
            "ce-specversion": "1.0",
            "ce-id": self.id,
            "ce-type": self.type,
            "ce-source": self.source,
            "ce-subject": self.subject,
            "ce-time": self.time.isoformat(),
            "ce-dataschema": f"urn:baeum:schema:{self.type}:1",
            "content-type": "application/json",
        }
        if self.traceparent:
            headers["ce-traceparent"] = self.traceparent
        return headers

    def body(self) -> bytes:
        """The data as the body of the binary content mode."""
        return json.dumps(self.data, ensure_ascii=False).encode()


def parse(headers: Mapping[str, str], body: bytes) -> CloudEvent:
    """The event in an HTTP request of either content mode; header names in lower case.

    Raises a 400 problem for what is not a CloudEvent 1.0 with a JSON object as data.
    """
    try:
        if headers.get("content-type", "").startswith("application/cloudevents+json"):
            document = json.loads(body)
            return _event(document, document.get("data"))
        attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
        return _event(attributes, json.loads(body) if body else {})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise malformed("event.malformed", "CloudEvents 1.0 형식이 아닙니다.") from error


def _event(attributes: Mapping[str, Any], data: Any) -> CloudEvent:  # noqa: ANN401 - JSON
    if attributes["specversion"] != "1.0" or not isinstance(data, dict | None):
        raise ValueError("not a CloudEvent 1.0 with a JSON object")
    time = attributes.get("time")
    return CloudEvent(
        type=str(attributes["type"]),
        source=str(attributes["source"]),
        subject=str(attributes.get("subject", "")),
        data=data or {},
        id=str(attributes["id"]),
        time=datetime.fromisoformat(time) if time else datetime.now(UTC),
        traceparent=attributes.get("traceparent"),
    )
