"""What every caller of the host meets: the token, problems, limits, health and metrics."""

from uuid import UUID, uuid4

import httpx
import pytest

from tests.llm_host.standins import TOKEN, Host, ask, finished, launch_host, upload

ID = UUID(int=7)


@pytest.mark.parametrize(
    "token", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/v1/documents/{ID}"),
        ("PUT", f"/v1/documents/{ID}"),
        ("DELETE", f"/v1/documents/{ID}"),
        ("POST", "/v1/search"),
        ("POST", "/v1/answers"),
        ("POST", "/v1/titles"),
        ("GET", "/metrics"),
    ],
)
def test_nobody_gets_in_without_the_token(host: Host, method: str, path: str, token: str | None) -> None:
    headers = {"Authorization": token.encode("latin-1")} if token is not None else {}
    answer = httpx.request(method, host.url + path, headers=headers, json={})
    assert (answer.status_code, answer.json()["code"]) == (401, "auth.required")
    assert answer.headers["content-type"] == "application/problem+json"


def test_health_and_readiness_need_no_token(host: Host) -> None:
    assert httpx.get(f"{host.url}/healthz").json() == {"status": "ok"}
    ready = httpx.get(f"{host.url}/readyz")
    assert (ready.status_code, ready.json()) == (200, {"engine": True, "vectors": True, "workers": True})


def test_metrics_count_jobs_and_answers(host: Host) -> None:
    finished(host, upload(host, "# 규정\n\n제1조(목적) 이 규정은 시험을 목적으로 한다.\n").version_id)
    ask(host, "안녕하세요")
    text = host.client.get("/metrics").text
    assert 'llm_host_jobs{kind="process",state="DONE"}' in text
    assert 'llm_host_stage_seconds_count{stage="embed"}' in text
    assert 'llm_host_answers_total{outcome="small_talk"}' in text


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/search", {"query": ""}, "/query"),
        ("/v1/search", {"query": "휴가", "limit": 31}, "/limit"),
        ("/v1/search", {"query": "휴가", "departments": ["인사팀"]}, "/departments"),
        ("/v1/answers", {"question": "가" * 4001}, "/question"),
        ("/v1/answers", {"question": "휴가", "history": [{"question": "전"}]}, "/history/0/answer"),
        ("/v1/titles", {}, "/question"),
    ],
)
def test_a_wrong_body_is_explained(host: Host, path: str, body: dict[str, object], pointer: str) -> None:
    answer = host.client.post(path, json=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


def test_a_wrong_document_is_explained(host: Host) -> None:
    answer = host.client.put(f"/v1/documents/{uuid4()}", json={"sha256": "xyz", "attempt": 0})
    assert answer.status_code == 422
    assert {"/sha256", "/attempt", "/url"} <= {each["pointer"] for each in answer.json()["errors"]}
    assert host.client.get("/v1/documents/not-an-id").status_code == 404
    assert host.client.get(f"/v1/documents/{uuid4()}").json()["code"] == "document.not_found"


def test_a_body_beyond_the_limit_is_not_read(host: Host) -> None:
    answer = host.client.post("/v1/answers", content=b'{"question": "' + b"a" * (1 << 20) + b'"}')
    assert answer.status_code == 413


def test_the_request_id_comes_back(host: Host) -> None:
    assert host.client.get("/v1/nothing", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"


def test_vectors_of_another_model_refuse_the_start(own_host: Host) -> None:
    own_host.stop()
    with pytest.raises(AssertionError, match="the host has ended"):
        launch_host(
            own_host.data,
            own_host.storage,
            own_host.broker,
            ENGINE="vllm",
            VLLM_URL="http://127.0.0.1:1/v1",
            VLLM_MODEL="chat",
            VLLM_EMBEDDING_URL="http://127.0.0.1:1/v1",
            VLLM_EMBEDDING_MODEL="bge-m3",
            VLLM_EMBEDDING_DIMENSION="1024",
        )
    said = own_host.data.with_suffix(".log").read_text()
    assert "made by builtin-hashed-bigrams-1 (1024 dimensions), the engine now is bge-m3 (1024)" in said
