"""A file that is not what was announced, or cannot be had, fails with a reason that a person understands."""

import socket

import pytest

from tests.llm_host.standins import Host, eventually, finished, upload

TEXT = "# 규정\n\n제1조(목적) 이 규정은 시험을 목적으로 한다.\n"


def failure(host: Host, version_id: str) -> tuple[str, bool]:
    """Code and retryability that the host has reported, after checking that they are what it shows."""
    shown = finished(host, version_id)
    reported = eventually(lambda: host.broker.of(version_id, "failed"))[0].data
    assert (shown["state"], shown["code"], shown["reason"]) == ("FAILED", reported["code"], reported["reason"])
    assert reported["attempt"] == 1
    assert reported["reason"].endswith("주세요.")
    return reported["code"], reported["retryable"]


def test_another_file_than_the_registered_one_is_refused(host: Host) -> None:
    uploaded = upload(host, TEXT, sha256="0" * 64)
    assert failure(host, uploaded.version_id) == ("document.checksum_mismatch", False)


def test_a_file_larger_than_announced_is_refused_before_it_is_read_whole(host: Host) -> None:
    uploaded = upload(host, "가" * 5_000_000, size=1000)
    assert failure(host, uploaded.version_id) == ("document.larger_than_announced", False)


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (403, "document.source_expired", True),
        (410, "document.source_expired", True),
        (404, "document.source_missing", False),
        (500, "document.source_unreachable", True),
        (302, "document.source_unreachable", True),
    ],
)
def test_a_storage_that_does_not_give_the_file(host: Host, status: int, code: str, retryable: bool) -> None:
    url = host.storage.put(TEXT.encode())
    host.storage.statuses[url.removeprefix(host.storage.url)] = status
    uploaded = upload(host, TEXT, url=url)
    assert failure(host, uploaded.version_id) == (code, retryable)
    assert "/elsewhere" not in host.storage.asked


def test_a_storage_that_is_away_may_be_tried_again(own_host: Host) -> None:
    own_host.storage.close()
    uploaded = upload(own_host, TEXT)
    assert failure(own_host, uploaded.version_id) == ("document.source_unreachable", True)


def test_a_higher_attempt_with_a_new_url_mends_an_expired_one(host: Host) -> None:
    url = host.storage.put(TEXT.encode())
    host.storage.statuses[url.removeprefix(host.storage.url)] = 403
    uploaded = upload(host, TEXT, url=url)
    failure(host, uploaded.version_id)
    upload(host, TEXT, version_id=uploaded.version_id, document_id=uploaded.document_id, attempt=2)
    assert finished(host, uploaded.version_id)["state"] == "DONE"


@pytest.mark.parametrize(
    "url",
    [
        "http://{free}/secret",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "ftp://{host}/file",
        "http://{host}@{free}/secret",
        "http://{host}.example/secret",
        "//{host}/secret",
        "http://[::1/secret",
    ],
)
def test_only_the_storage_we_were_told_of_is_asked(host: Host, url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        free = f"127.0.0.1:{listener.getsockname()[1]}"
        uploaded = upload(host, TEXT, url=url.format(host=host.storage.host, free=free))
        assert failure(host, uploaded.version_id) == ("document.source_refused", False)
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize(
    ("data", "changes", "code"),
    [
        (b"", {}, "document.empty"),
        (
            b"MZ\x90\x00" * 100,
            {"filename": "a.exe", "content_type": "application/octet-stream"},
            "document.type_unknown",
        ),
        (b"%PDF-1.7 broken", {"filename": "a.pdf", "content_type": "application/pdf"}, "document.corrupt"),
        (b" \n\n ", {}, "document.no_text"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(host: Host, data: bytes, changes: dict[str, str], code: str) -> None:
    uploaded = upload(host, data, **changes)
    assert failure(host, uploaded.version_id) == (code, False)
