"""Real counterparts of what the local platform embeds: built or fetched once into a cache, skipped with a reason elsewhere."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.processes import free_port, running

CACHE = Path(os.environ.get("BAEUM_TEST_CACHE", Path.home() / ".cache" / "baeum"))
ACCESS_KEY, SECRET_KEY = "baeum-test", "a-key-for-tests-only"


@dataclass(frozen=True)
class S3:
    """A running S3: where it is."""

    url: str
    bucket: str


def build_go_tool(module: Path, package: str) -> Path:
    """The program that a tests' Go module pins, built on the first call of a version; go.sum verifies what is fetched."""
    if shutil.which("go") is None:
        pytest.skip("needs Go to build it")
    listed = ["go", "list", "-f", "{{.Module.Version}}", package]
    version = subprocess.run(listed, cwd=module, capture_output=True, text=True, check=True).stdout.strip()
    program = CACHE / f"{module.name}-{version}"
    if not program.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(["go", "build", "-trimpath", "-o", program, package], cwd=module, check=True)
    return program


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """An S3 that checks signatures, lengths, types and expiry: versitygw over a folder."""
    module = Path(__file__).parent / "versitygw"
    program = build_go_tool(module, "github.com/versity/versitygw/cmd/versitygw")
    folder = tmp_path_factory.mktemp("objects")
    (folder / "versions").mkdir()
    (folder / "data").mkdir()
    port = free_port()
    command = [str(program), "--port", f"127.0.0.1:{port}", "--health", "/health"]
    command += ["posix", "--versioning-dir", str(folder / "versions"), str(folder / "data")]
    environ = {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY}
    url = f"http://127.0.0.1:{port}"
    with running(command, environ, ready=f"{url}/health"):
        yield S3(url, "baeum")
