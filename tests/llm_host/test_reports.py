"""Reports reach the Broker: each of them, in the order of what happened, however long it is away."""

from tests.llm_host.standins import Broker, Host, eventually, finished, launch_host, publish, upload

TEXT = "# 규정\n\n제1조(목적) 이 규정은 시험을 목적으로 한다.\n"


def test_a_report_is_a_cloud_event_about_the_version(host: Host) -> None:
    uploaded = publish(host, TEXT)
    event = eventually(lambda: host.broker.of(uploaded.version_id, "indexed"))[0]
    assert event.type == "baeum.llm.document.indexed"
    assert event.headers["ce-source"] == "/llm-host"
    assert event.headers["ce-specversion"] == "1.0"
    assert event.headers["content-type"] == "application/json"
    assert set(event.data) == {"attempt", "pages", "characters", "chunks"}


def test_reports_continue_the_trace_of_the_request(host: Host) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    host.client.headers["traceparent"] = f"00-{trace}-b7ad6b7169203331-01"
    try:
        uploaded = upload(host, TEXT)
    finally:
        del host.client.headers["traceparent"]
    event = eventually(lambda: host.broker.of(uploaded.version_id, "indexed"))[0]
    assert event.headers["ce-traceparent"].startswith(f"00-{trace}-")


def test_chunks_come_in_batches_before_the_end(host: Host) -> None:
    text = "# 규정\n\n" + "\n\n".join(f"제{at}조(조항 {at}) {'가나다라마바사 ' * 30}" for at in range(1, 121))
    uploaded = upload(host, text)
    finished(host, uploaded.version_id)
    eventually(lambda: host.broker.of(uploaded.version_id, "indexed"))
    kinds = [event.type.rsplit(".", 1)[1] for event in host.broker.of(uploaded.version_id)]
    batches = [event.data["chunks"] for event in host.broker.of(uploaded.version_id, "chunked")]
    assert kinds[-1] == "indexed"
    assert kinds.index("chunked") > kinds.index("progressed")
    assert len(batches) >= 3
    assert max(map(len, batches)) <= 50
    assert [chunk["position"] for batch in batches for chunk in batch] == list(range(sum(map(len, batches))))
    assert set(batches[0][0]) == {"position", "text", "page", "heading", "clause"}


def test_progress_only_grows(host: Host) -> None:
    uploaded = upload(host, TEXT)
    finished(host, uploaded.version_id)
    eventually(lambda: host.broker.of(uploaded.version_id, "indexed"))
    progress = [event.data["progress"] for event in host.broker.of(uploaded.version_id, "progressed")]
    assert progress == sorted(progress)
    assert {event.data["stage"] for event in host.broker.of(uploaded.version_id, "progressed")} <= {
        "download",
        "extract",
        "split",
        "embed",
        "store",
    }


def test_a_report_is_sent_until_it_is_acknowledged(own_host: Host) -> None:
    own_host.broker.status = 503
    uploaded = upload(own_host, TEXT)
    finished(own_host, uploaded.version_id)
    eventually(lambda: len(own_host.broker.offered) >= 2)
    assert own_host.broker.taken == []
    own_host.kill()
    own_host.restart()
    own_host.broker.status = 202
    eventually(lambda: own_host.broker.of(uploaded.version_id, "indexed"))
    types = [event.type for event in own_host.broker.of(uploaded.version_id)]
    assert types[-2:] == ["baeum.llm.document.chunked", "baeum.llm.document.indexed"]


def test_a_broker_that_is_away_loses_nothing(own_host: Host) -> None:
    own_host.broker.close()
    uploaded = upload(own_host, TEXT)
    assert finished(own_host, uploaded.version_id)["state"] == "DONE"
    own_host.stop()
    back = Broker()
    again = launch_host(own_host.data, own_host.storage, back)
    try:
        eventually(lambda: back.of(uploaded.version_id, "indexed"))
        assert [event.type for event in back.of(uploaded.version_id)].count("baeum.llm.document.chunked") == 1
    finally:
        again.kill()
        back.close()


def test_a_refused_report_holds_up_no_other_document(host: Host) -> None:
    stuck = upload(host, TEXT)
    host.broker.refused.add(stuck.version_id)
    other = upload(host, TEXT)
    eventually(lambda: host.broker.of(other.version_id, "indexed"))
    host.broker.refused.clear()
    eventually(lambda: host.broker.of(stuck.version_id, "indexed"))
