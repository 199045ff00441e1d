"""What each process of the platform is told about the others."""

import os
import sys
from dataclasses import dataclass
from urllib.parse import urlsplit

from scripts.catalogue import Function
from scripts.local.home import Secrets
from scripts.local.parts import StartError

BUCKET = "baeum-documents"
REGION = "ap-northeast-2"
_FROM_OUTSIDE = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LOG_LEVEL", "SHUTDOWN_GRACE_SECONDS")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything is that another part asks over HTTP."""

    gateway: str
    broker_url: str
    s3_url: str
    llm_host_url: str


def for_function(function: Function, at: Addresses, database_url: str, secrets: Secrets) -> dict[str, str]:
    """What a function sees: what its function.toml names and nothing more, as in the cluster.

    `database_url` is the administrator's; the function gets that of its service's own role.
    Raises StartError when it names something that nobody has set.
    """
    database = f"{function.service.upper()}_DATABASE_URL"
    offered = {
        **os.environ,
        "BROKER_URL": at.broker_url,
        "LLM_HOST_URL": at.llm_host_url,
        "LLM_HOST_TOKEN": secrets.llm_host_token,
        "S3_BUCKET": BUCKET,
        database: _role_url(database_url, function.service, secrets),
    }
    if missing := ", ".join(name for name in function.settings if name not in offered):
        raise StartError(
            f"{function.name}: 설정 {missing}이(가) 없습니다. (function.toml names settings that are not set.)"
        )
    seen = {*_FROM_OUTSIDE, database, *function.settings}
    environ = {name: value for name, value in offered.items() if name in seen} | {"APP_ENV": "dev", "AUTH_MODE": "dev"}
    if "S3_BUCKET" in function.settings:  # in the cluster it is AWS, and the pod's identity opens it
        environ |= _aws(secrets) | {"S3_ENDPOINT_URL": at.s3_url, "S3_PUBLIC_ENDPOINT_URL": at.s3_url}
    return environ


def for_objects(secrets: Secrets) -> dict[str, str]:
    """What the S3 and SQS server sees; only its bucket's own rules say which web pages may use it."""
    return {**os.environ, **_aws(secrets), "MOTO_DISABLE_GLOBAL_CORS": "true"}


def for_llm_host(data: str, at: Addresses, secrets: Secrets) -> dict[str, str]:
    """What the LLM host sees: its own settings, and whatever the person who starts the platform has set (ENGINE, VLLM_*)."""
    return {
        **os.environ,
        "HOST": "127.0.0.1",
        "PORT": str(urlsplit(at.llm_host_url).port),
        "LLM_HOST_DATA": data,
        "LLM_HOST_TOKEN": secrets.llm_host_token,
        "BROKER_URL": at.broker_url,
        "SOURCE_HOSTS": urlsplit(at.s3_url).netloc,
        "LINK_HOSTS": urlsplit(at.gateway).netloc,
    }


def objects_command(descriptor: int, folder: str, at: Addresses) -> list[str]:
    """The command of the S3 and SQS server on an inherited socket."""
    return [sys.executable, "-m", "scripts.local.objects", str(descriptor), folder, BUCKET, at.broker_url]


def _role_url(url: str, service: str, secrets: Secrets) -> str:
    """The URL for a service's own role instead of the administrator."""
    parts = urlsplit(url)
    address = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"baeum_{service}:{secrets.database_password}@{address}").geturl()


def _aws(secrets: Secrets) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": secrets.aws_access_key_id,
        "AWS_SECRET_ACCESS_KEY": secrets.aws_secret_access_key,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }
