"""A host that is not told what it must know does not start."""

from pathlib import Path

import pytest

from llm_host.settings import Settings, VllmSettings
from shared.config import ConfigError

NEEDED = {
    "LLM_HOST_DATA": "/var/lib/llm-host",
    "LLM_HOST_TOKEN": "t",
    "BROKER_URL": "http://broker",
    "SOURCE_HOSTS": "S3.example.com, 127.0.0.1:9000",
}
VLLM = {
    "ENGINE": "vllm",
    "VLLM_URL": "http://gpu:8000/v1/",
    "VLLM_MODEL": "chat",
    "VLLM_EMBEDDING_URL": "http://gpu:8001/v1",
    "VLLM_EMBEDDING_MODEL": "bge-m3",
    "VLLM_EMBEDDING_DIMENSION": "1024",
}


def test_the_builtin_engine_and_a_file_of_vectors_are_the_default() -> None:
    settings = Settings.from_env(NEEDED)
    assert settings.vllm is None
    assert settings.milvus_uri == "/var/lib/llm-host/vectors.db"
    assert settings.data == Path("/var/lib/llm-host")
    assert settings.source_hosts == {"s3.example.com", "127.0.0.1:9000"}
    assert settings.link_hosts == frozenset()


def test_a_vllm_server_is_two_servers() -> None:
    expected = VllmSettings("http://gpu:8000/v1", "chat", "http://gpu:8001/v1", "bge-m3", 1024, None)
    assert Settings.from_env(NEEDED | VLLM).vllm == expected


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Settings.from_env(NEEDED | {name: ""})


@pytest.mark.parametrize("name", [name for name in VLLM if name != "ENGINE"])
def test_what_vllm_needs_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Settings.from_env(NEEDED | VLLM | {name: ""})


@pytest.mark.parametrize(
    ("name", "value"), [("ENGINE", "gpt"), ("VLLM_EMBEDDING_DIMENSION", "-1"), ("VLLM_EMBEDDING_DIMENSION", "many")]
)
def test_what_cannot_be_right_is_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Settings.from_env(NEEDED | VLLM | {name: value})
