"""The main job of the two functions, from a registered file to a document that answers are drawn from."""

import asyncio

from tests.functions.doubles import BrokerDouble
from tests.functions.infra.host import HostDouble
from tests.functions.infra.library import CONTENT, CREATOR, EMPLOYEE, REVIEWER, Library, counts, two_chunks


async def test_a_file_becomes_a_document_that_answers_are_drawn_from(
    library: Library, host: HostDouble, broker: BrokerDouble
) -> None:
    version = await library.register()
    await library.put(version)
    assert (await library.notify(library.created(version))).status_code == 204
    (uploaded,) = await asyncio.to_thread(broker.wait_for, "baeum.infra.document.uploaded")
    assert (await library.ingest.deliver(uploaded)).status_code == 204
    job = host.bodies[version.id]
    assert (job["attempt"], job["title"], job["filename"]) == (1, "취업규칙", "취업규칙 (2026).txt")
    assert (await library.http.get(job["url"])).content == CONTENT

    await library.report("progressed", version, attempt=1, stage="embed", progress=40)
    assert (await library.version(version))["progress"] == 40
    await library.report("chunked", version, attempt=1, chunks=two_chunks())
    await library.report("indexed", version, **counts())
    await library.call("POST", f"{version.path}/submit", CREATOR)
    await library.call("POST", f"{version.path}/approve", REVIEWER)
    (approved,) = await asyncio.to_thread(broker.wait_for, "baeum.infra.document.approved")
    assert (await library.ingest.deliver(approved)).status_code == 204
    assert host.called("activate") == 1
    assert (await library.call("GET", version.path, EMPLOYEE)).status_code == 404
    await library.report("activated", version)

    seen = await library.version(version, EMPLOYEE)
    assert (seen["processing_state"], seen["review_state"], seen["pages"]) == ("READY", "APPROVED", 2)
    assert await library.actions(version) == [
        "REGISTERED",
        "UPLOADED",
        "READY",
        "SUBMITTED",
        "APPROVED",
        "SEARCHABLE",
    ]
