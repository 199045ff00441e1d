"""Any function can be served by the functions-framework's own command, without anything of ours around it."""

import sys
from pathlib import Path

import httpx
import pytest

from shared.events import CloudEvent
from tests.processes import ROOT, free_port, running

FUNCTIONS = sorted((ROOT / "functions").glob("*/*/main.py"))
COMMAND = [sys.executable, "-m", "functions_framework", "--host", "127.0.0.1"]


def name(path: Path) -> str:
    """The one name of a function."""
    return f"{path.parent.parent.name}-{path.parent.name}"


def environ(path: Path, database_url: str) -> dict[str, str]:
    """What a function needs to start."""
    database = {f"{path.parent.parent.name.upper()}_DATABASE_URL": database_url}
    return {"APP_ENV": "test", "AUTH_MODE": "dev", "PYTHONPATH": str(ROOT), **database}


@pytest.mark.parametrize("main", [each for each in FUNCTIONS if "http = http_target" in each.read_text()], ids=name)
def test_the_framework_serves_the_http_target(main: Path, database_url: str) -> None:
    port = str(free_port())
    url = f"http://127.0.0.1:{port}/api/{name(main).replace('-', '/', 1)}"
    command = [*COMMAND, "--source", str(main), "--target", "http", "--asgi", "--port", port]
    with running(command, environ(main, database_url), ready=f"{url}/healthz"):
        assert httpx.get(f"{url}/openapi.json").json()["info"]["title"] == name(main)
        assert httpx.get(f"{url}/no/such/path/here").json()["code"] == "route.not_found"


@pytest.mark.parametrize("main", [each for each in FUNCTIONS if "event = event_target" in each.read_text()], ids=name)
def test_the_framework_delivers_to_the_event_target(main: Path, database_url: str) -> None:
    port = str(free_port())
    command = [*COMMAND, "--source", str(main), "--target", "event", "--signature-type", "cloudevent"]
    command += ["--asgi", "--port", port]
    minute = CloudEvent("baeum.platform.minute.passed", "/schedule", name(main))
    with running(command, environ(main, database_url), ready=f"http://127.0.0.1:{port}/", status=405):
        answer = httpx.post(f"http://127.0.0.1:{port}/", headers=minute.headers(), content=minute.body())
    assert answer.status_code == 200, answer.text
