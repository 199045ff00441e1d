"""What the host must be told: read once from the environment, and refused at start when it cannot be right."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.config import ConfigError, required


@dataclass(frozen=True, slots=True)
class VllmSettings:
    """An OpenAI-compatible chat server and an embeddings server (vLLM serves one model per process)."""

    url: str
    model: str
    embedding_url: str
    embedding_model: str
    embedding_dimension: int
    api_key: str | None


@dataclass(frozen=True, slots=True)
class Settings:
    """`vllm` is None for the builtin engine. Hosts are `name` or `name:port`, in lower case."""

    data: Path
    token: str
    broker_url: str
    milvus_uri: str
    source_hosts: frozenset[str]
    link_hosts: frozenset[str]
    vllm: VllmSettings | None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """The settings of this process. Raises ConfigError for what is missing or cannot be right."""
        data = Path(required(environ, "LLM_HOST_DATA"))
        return cls(
            data=data,
            token=required(environ, "LLM_HOST_TOKEN"),
            broker_url=required(environ, "BROKER_URL"),
            milvus_uri=environ.get("MILVUS_URI") or str(data / "vectors.db"),
            source_hosts=_hosts(required(environ, "SOURCE_HOSTS")),
            link_hosts=_hosts(environ.get("LINK_HOSTS", "")),
            vllm=_vllm(environ),
        )


def _vllm(environ: Mapping[str, str]) -> VllmSettings | None:
    engine = environ.get("ENGINE", "builtin")
    if engine == "builtin":
        return None
    if engine != "vllm":
        raise ConfigError(f"ENGINE={engine} is unknown: use builtin or vllm")
    return VllmSettings(
        url=required(environ, "VLLM_URL").rstrip("/"),
        model=required(environ, "VLLM_MODEL"),
        embedding_url=required(environ, "VLLM_EMBEDDING_URL").rstrip("/"),
        embedding_model=required(environ, "VLLM_EMBEDDING_MODEL"),
        embedding_dimension=_positive(environ, "VLLM_EMBEDDING_DIMENSION"),
        api_key=environ.get("VLLM_API_KEY"),
    )


def _positive(environ: Mapping[str, str], name: str) -> int:
    text = required(environ, name)
    if not text.isdecimal() or int(text) == 0:
        raise ConfigError(f"{name}={text} is not a positive number")
    return int(text)


def _hosts(text: str) -> frozenset[str]:
    return frozenset(host.strip().lower() for host in text.split(",") if host.strip())
