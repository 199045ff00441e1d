"""What every function promises over HTTP, seen on a function of the tests' own."""

import asyncio

import httpx
import psycopg
import pytest

from shared.events import MINUTE_PASSED, CloudEvent
from shared.outbox import Outbox
from tests.conftest import StartFunction
from tests.functions.client import FunctionClient, Person
from tests.functions.doubles import BrokerDouble

BASE = "/api/quiz/probe"
ALICE = Person()


@pytest.fixture
async def probe(function: StartFunction) -> FunctionClient:
    """The probe, served."""
    return await function("quiz-probe", "tests.shared.probe")


async def create(probe: FunctionClient, name: str = "이름", **headers: str) -> httpx.Response:
    """Creates a thing as Alice."""
    return await probe.http.post(BASE, json={"name": name, "id": "0" * 32}, headers={**ALICE.headers, **headers})


async def count(probe: FunctionClient) -> int:
    """How many effects are in the database."""
    return int((await probe.http.get(f"{BASE}/count", headers=ALICE.headers)).text)


async def test_nobody_gets_in_without_saying_who_they_are(probe: FunctionClient) -> None:
    answer = await probe.http.get(f"{BASE}/count")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "auth.required"


async def test_a_role_that_is_not_served_is_forbidden(probe: FunctionClient) -> None:
    assert (await probe.http.get(f"{BASE}/admin", headers=ALICE.headers)).status_code == 403
    admin = Person(("SYSTEM_ADMIN",))
    assert (await probe.http.get(f"{BASE}/admin", headers=admin.headers)).status_code == 200


async def test_an_unknown_role_is_nobody(probe: FunctionClient) -> None:
    answer = await probe.http.get(f"{BASE}/admin", headers={**ALICE.headers, "X-User-Roles": "ROOT"})
    assert answer.status_code == 401


async def test_validation_points_at_every_wrong_field(probe: FunctionClient) -> None:
    answer = await create(probe, name="")
    assert answer.status_code == 422
    assert answer.json()["code"] == "request.invalid"
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/name"]


async def test_broken_json_is_malformed(probe: FunctionClient) -> None:
    answer = await probe.http.post(BASE, content=b"{", headers={**ALICE.headers, "content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed")


async def test_an_id_that_cannot_be_one_is_not_found(probe: FunctionClient) -> None:
    assert (await probe.http.get(f"{BASE}/by-id/nonsense", headers=ALICE.headers)).status_code == 404


async def test_unknown_paths_and_methods_are_problems_too(probe: FunctionClient) -> None:
    for answer in (await probe.http.get("/nowhere"), await probe.http.delete(f"{BASE}/count")):
        assert answer.status_code in (404, 405)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_bug_is_a_500_that_tells_nothing(probe: FunctionClient) -> None:
    answer = await probe.http.get(f"{BASE}/bug", headers=ALICE.headers)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "ZeroDivision" not in answer.text


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_of_more_than_a_megabyte_is_too_large(probe: FunctionClient, announced: bool) -> None:
    async def pieces():  # noqa: ANN202 - an async generator
        for _ in range(17):
            yield b"x" * (1 << 16)

    content = b"x" * (17 << 16) if announced else pieces()
    headers = {**ALICE.headers, "content-type": "application/json"}
    answer = await probe.http.post(BASE, content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")


async def test_the_trace_of_the_caller_is_kept_and_the_request_id_echoed(probe: FunctionClient) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {**ALICE.headers, "traceparent": f"00-{trace}-b7ad6b7169203331-01", "X-Request-Id": "bestellung-7"}
    answer = await probe.http.get(f"{BASE}/bug", headers=headers)
    assert answer.json()["trace_id"] == trace
    assert answer.headers["x-request-id"] == "bestellung-7"


async def test_a_request_id_that_could_forge_a_log_line_is_replaced(probe: FunctionClient) -> None:
    answer = await probe.http.get(f"{BASE}/count", headers={**ALICE.headers, "X-Request-Id": "a b"})
    assert answer.headers["x-request-id"] != "a b"


async def test_health_needs_no_login_and_never_touches_the_database(probe: FunctionClient) -> None:
    assert (await probe.http.get(f"{BASE}/healthz")).json() == {"status": "ok"}
    assert (await probe.http.get(f"{BASE}/readyz")).json() == {"status": "ok", "database": "closed"}
    await count(probe)
    assert (await probe.http.get(f"{BASE}/readyz")).json()["database"] == "open"


async def test_the_openapi_document_stands_under_the_prefix(probe: FunctionClient) -> None:
    paths = (await probe.http.get(f"{BASE}/openapi.json")).json()["paths"]
    assert f"{BASE}/count" in paths
    assert "/_events" not in paths


async def test_a_request_that_fails_leaves_nothing_behind(probe: FunctionClient, broker: BrokerDouble) -> None:
    assert (await probe.http.post(f"{BASE}/half", headers=ALICE.headers)).status_code == 409
    assert await count(probe) == 0
    await probe.context.outbox.relay()
    assert broker.events == []


async def test_the_same_key_and_body_get_the_same_answer(probe: FunctionClient) -> None:
    first = await create(probe, **{"Idempotency-Key": "k1"})
    again = await create(probe, **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert await count(probe) == 1


async def test_the_same_key_at_the_same_moment_has_one_effect(probe: FunctionClient) -> None:
    answers = await asyncio.gather(*(create(probe, **{"Idempotency-Key": "k1"}) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert await count(probe) == 1


async def test_the_same_key_with_another_body_is_refused(probe: FunctionClient) -> None:
    await create(probe, **{"Idempotency-Key": "k1"})
    answer = await create(probe, "다른 이름", **{"Idempotency-Key": "k1"})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency.key_reused")


async def test_another_persons_key_is_another_key(probe: FunctionClient) -> None:
    await create(probe, **{"Idempotency-Key": "k1"})
    await create(probe, **{"Idempotency-Key": "k1", **Person().headers})
    assert await count(probe) == 2


async def test_an_edit_says_what_it_has_read(probe: FunctionClient) -> None:
    assert (await probe.http.put(f"{BASE}/edited", headers=ALICE.headers)).status_code == 428
    stale = await probe.http.put(f"{BASE}/edited", headers={**ALICE.headers, "If-Match": "nonsense"})
    assert stale.status_code == 412
    edited = await probe.http.put(f"{BASE}/edited", headers={**ALICE.headers, "If-Match": '"3"'})
    assert (edited.json(), edited.headers["etag"]) == (3, '"4"')


async def test_a_stream_keeps_its_pieces_apart_and_ends_with_the_problem(probe: FunctionClient) -> None:
    answer = await probe.http.get(f"{BASE}/stream", headers=ALICE.headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = answer.content.decode().split("\n\n")
    assert [event.split("\n")[0] for event in events[:-1]] == ["event: delta"] * 3 + ["event: error"]
    assert "조각 2" in events[2]
    assert "\u2028" not in answer.content.decode()
    assert "id: 2" in events[2]
    assert "thing.broken" in events[3]


async def test_an_event_reaches_the_broker_after_its_change_is_committed(
    probe: FunctionClient, broker: BrokerDouble
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    await create(probe, traceparent=f"00-{trace}-b7ad6b7169203331-01")
    (event,) = await asyncio.to_thread(broker.wait_for, "baeum.quiz.thing.created")
    assert event.data == {"name": "이름"}
    assert event.source == "/functions/quiz-probe"
    assert trace in str(event.traceparent)


async def test_an_event_the_broker_refused_is_sent_again(
    probe: FunctionClient, broker: BrokerDouble, database_url: str
) -> None:
    broker.refuse = True
    await create(probe)
    await asyncio.gather(*probe.context._tasks)
    assert broker.events == []
    broker.refuse = False
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE quiz.outbox SET next_attempt_at = now()")
    answer = await probe.deliver(CloudEvent(MINUTE_PASSED, "/schedule", "quiz-probe"))
    assert answer.status_code == 204
    assert len(broker.of_type("baeum.quiz.thing.created")) == 1
    await probe.context.outbox.relay()
    assert len(broker.of_type("baeum.quiz.thing.created")) == 1


async def test_an_event_is_the_same_one_whichever_function_of_the_service_sends_it(
    probe: FunctionClient, broker: BrokerDouble, database_url: str
) -> None:
    broker.refuse = True
    await create(probe)
    await asyncio.gather(*probe.context._tasks)
    broker.refuse = False
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE quiz.outbox SET next_attempt_at = now()")
    other = Outbox("quiz-other", probe.context.database, broker.url, probe.context.spawn)
    await other.relay()
    await other.close()
    (event,) = broker.of_type("baeum.quiz.thing.created")
    assert event.source == "/functions/quiz-probe"


async def test_an_event_delivered_five_times_has_one_effect(probe: FunctionClient) -> None:
    event = CloudEvent("baeum.quiz.thing.created", "/functions/quiz-things", "7")
    answers = await asyncio.gather(*(probe.deliver(event) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {204}
    assert await count(probe) == 1


async def test_a_structured_event_is_taken_like_a_binary_one(probe: FunctionClient) -> None:
    document = {"specversion": "1.0", "id": "1", "type": "baeum.quiz.thing.created", "source": "/x", "data": {"a": 1}}
    headers = {"content-type": "application/cloudevents+json; charset=utf-8"}
    assert (await probe.http.post("/_events", json=document, headers=headers)).status_code == 204
    assert await count(probe) == 1


async def test_an_event_of_an_unknown_type_is_final(probe: FunctionClient) -> None:
    answer = await probe.deliver(CloudEvent("baeum.other.thing.happened", "/x", "1"))
    assert (answer.status_code, answer.json()["code"]) == (422, "event.unknown_type")


@pytest.mark.parametrize("headers", [{}, {"ce-specversion": "0.3", "ce-id": "1", "ce-type": "t", "ce-source": "/x"}])
async def test_what_is_no_event_is_malformed(probe: FunctionClient, headers: dict[str, str]) -> None:
    answer = await probe.http.post("/_events", content=b"{}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "event.malformed")


async def test_a_database_that_is_down_is_a_503(function: StartFunction, broker: BrokerDouble) -> None:
    probe = await function("quiz-probe", "tests.shared.probe")
    probe.context.database._url = "postgresql://127.0.0.1:1/none"
    answer = await probe.http.get(f"{BASE}/count", headers=ALICE.headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "database.unavailable")
    assert answer.headers["retry-after"]


async def test_work_that_outlives_its_request_is_finished_before_the_function_leaves(
    function: StartFunction, database_url: str
) -> None:
    probe = await function("quiz-probe", "tests.shared.probe")
    await probe.http.get(f"{BASE}/slow", headers=ALICE.headers)
    await probe.close()
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT event_id FROM quiz.inbox").fetchall() == [("afterwards",)]
