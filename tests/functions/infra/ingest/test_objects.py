"""S3 notifications as they really look: several records, encoded Korean keys, repeats, any order, other people's objects."""

import asyncio
import json
import unicodedata
from typing import Any

import boto3

from tests.functions.doubles import BrokerDouble
from tests.functions.infra.library import Held, Library, record, sqs_event

GONE = "document.object_removed"
NO_NOTIFICATIONS: list[dict[str, Any]] = [
    {},
    {"Event": "s3:SomethingElse"},
    {"Records": [{"eventName": "ObjectCreated:Put"}]},
    {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "a"}, "object": {}}}]},
    {"Records": "none"},
    {"Type": "Notification", "Message": "{}"},
]


def removed(library: Library, version: Held, sequencer: str) -> dict[str, Any]:
    """The record of a removal."""
    return record(library.bucket, version.key, "ObjectRemoved:DeleteMarkerCreated", None, sequencer)


async def test_every_record_of_a_notification_counts(library: Library, broker: BrokerDouble) -> None:
    versions = [await library.register(filename=f"규정 {number}+α.txt") for number in range(3)]
    foreign = record("somebody-elses", versions[0].key)
    unknown = record(library.bucket, "documents/남의 것.txt")
    records = [foreign, unknown, *(library.created(version) for version in versions)]
    assert (await library.notify(*records)).status_code == 204
    assert [await library.state(version) for version in versions] == ["UPLOADED"] * 3
    events = await asyncio.to_thread(broker.wait_for, "baeum.infra.document.uploaded", 3)
    assert {event.data["version_id"] for event in events} == {version.id for version in versions}


async def test_a_key_in_another_spelling_of_korean_is_the_same_key(library: Library) -> None:
    version = await library.register(filename=unicodedata.normalize("NFD", "취업규칙.txt"))
    await library.notify(record(library.bucket, unicodedata.normalize("NFD", version.key)))
    assert await library.state(version) == "UPLOADED"


async def test_a_notification_delivered_five_times_is_one_upload(library: Library) -> None:
    version = await library.register()
    event = sqs_event({"Records": [library.created(version)]})
    answers = await asyncio.gather(*(library.ingest.deliver(event) for _ in range(5)))
    await library.notify(library.created(version))  # the source gives a message that it reads again a new id
    assert {answer.status_code for answer in answers} == {204}
    assert await library.actions(version) == ["REGISTERED", "UPLOADED"]
    assert await library.one("SELECT count(*)::text FROM infra.outbox") == "1"


async def test_the_test_event_of_s3_is_taken(library: Library) -> None:
    body = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": library.bucket, "RequestId": "A", "HostId": "B"}
    assert (await library.ingest.deliver(sqs_event(body))).status_code == 204


async def test_what_is_no_notification_goes_to_the_dead_letters_at_once(library: Library) -> None:
    for body in NO_NOTIFICATIONS:
        assert (await library.ingest.deliver(sqs_event(body))).status_code == 422, body


async def test_an_object_of_another_size_is_not_the_file(library: Library) -> None:
    version = await library.register()
    assert (await library.notify(library.created(version, size=1))).status_code == 204
    assert await library.state(version) == "REGISTERED"


async def test_other_events_of_an_object_change_nothing(library: Library) -> None:
    version = await library.register()
    await library.notify(library.created(version, name="ObjectTagging:Put"))
    assert await library.state(version) == "REGISTERED"


async def test_a_notification_without_a_sequencer_counts(library: Library) -> None:
    version = await library.register()
    notice = library.created(version)
    del notice["s3"]["object"]["sequencer"]
    await library.notify(notice)
    assert await library.state(version) == "UPLOADED"


async def test_a_file_that_vanishes_before_it_is_processed_fails_with_a_reason(library: Library) -> None:
    version = await library.register()
    await library.notify(library.created(version, sequencer="0055AED6DCD9028100"))
    await library.notify(removed(library, version, "0055AED6DCD90281E5"))
    body = await library.version(version)
    assert (body["processing_state"], body["failure_code"]) == ("FAILED", GONE)
    assert "삭제" in body["failure_reason"]


async def test_a_creation_that_comes_after_its_removal_changes_nothing(library: Library) -> None:
    for created, gone in (("0A", "0B"), ("0a", "0B"), ("0A", "0A1"), ("09", "0A")):
        version = await library.register()
        await library.notify(removed(library, version, gone))
        await library.notify(library.created(version, sequencer=created))
        assert (await library.version(version))["failure_code"] == GONE, (created, gone)


async def test_a_removal_that_comes_after_a_later_creation_changes_nothing(library: Library) -> None:
    version = await library.register()
    await library.notify(library.created(version, sequencer="0B"))
    await library.notify(removed(library, version, "0A"))
    assert await library.state(version) == "UPLOADED"


async def test_a_removed_older_copy_of_an_object_does_not_fail_its_version(
    library: Library, s3: Any, bucket: str
) -> None:
    version = await library.register()
    await library.put(version)
    await library.put(version)
    await library.notify(library.created(version, sequencer="0A"))
    copies = s3.list_object_versions(Bucket=bucket, Prefix=version.key)["Versions"]
    s3.delete_object(
        Bucket=bucket, Key=version.key, VersionId=next(c["VersionId"] for c in copies if not c["IsLatest"])
    )
    await library.notify(removed(library, version, "0B"))
    assert await library.state(version) == "UPLOADED"


async def test_a_file_that_vanishes_later_is_told_in_the_history(library: Library, s3: Any, bucket: str) -> None:
    version = await library.ready()
    s3.delete_object(Bucket=bucket, Key=version.key)
    await library.notify(removed(library, version, "0B"))
    assert await library.state(version) == "READY"
    assert (await library.actions(version))[-1] == "FILE_REMOVED"


async def test_messages_that_an_s3_wrote_itself_are_understood(
    library: Library, s3: Any, s3_url: str, bucket: str
) -> None:
    sqs = boto3.client("sqs", endpoint_url=s3_url)
    queue = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    configuration = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    version = await library.register()
    await library.put(version)
    messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    for message in messages:
        assert (await library.ingest.deliver(sqs_event(json.loads(message["Body"])))).status_code == 204
    assert await library.state(version) == "UPLOADED"
