"""What the documents say can be done, done; what they link to, there."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.platform import LocalPlatform, running_platform
from tests.processes import ROOT, until

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)

# Commands that a test of their own runs, and where.
RUN_ELSEWHERE = {
    "./scripts/run": "tests/scripts/local/test_platform.py",
    "./scripts/test": "this run is it",
    ".venv/bin/baeum up": "tests/e2e/platform.py",
    ".venv/bin/baeum up --cold": "tests/e2e/test_cold.py",
}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    """A platform for this module."""
    with running_platform(tmp_path_factory.mktemp("platform")) as running:
        yield running


def blocks(path: Path) -> list[str]:
    """The shell blocks of a document."""
    return BLOCK.findall(path.read_text())


def commands(path: Path) -> list[str]:
    """The one-line commands of a document, without their comments."""
    lines = [line for block in blocks(path) if "=" not in block for line in block.splitlines()]
    return [line.partition("#")[0].strip() for line in lines if line.strip()]


ALL_COMMANDS = sorted({command for path in DOCUMENTS for command in commands(path)})


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in LINK.findall(path.read_text()):
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("command", [each for each in ALL_COMMANDS if each not in RUN_ELSEWHERE])
def test_a_command_does_what_it_says(command: str, platform: LocalPlatform) -> None:
    environ = {**os.environ, "BAEUM_HOME": str(platform.home), "COLUMNS": "200", **platform.admin_environ()}
    done = subprocess.run(["bash", "-ec", command], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tour_asks_and_is_answered(platform: LocalPlatform) -> None:
    (tour,) = (block for block in blocks(ROOT / "README.md") if "curl" in block)
    here = tour.replace("localhost:8080", str(platform.http.base_url.netloc.decode()))
    done = subprocess.run(["bash", "-ec", here], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "event: turn" in done.stdout
    assert "event: done" in done.stdout


def test_every_command_that_runs_elsewhere_is_still_in_a_document() -> None:
    assert set(RUN_ELSEWHERE) <= set(ALL_COMMANDS)


def test_the_status_page_shows_every_function(platform: LocalPlatform) -> None:
    until(lambda: platform.http.get("/").status_code == 200)
    page = platform.http.get("/").text
    assert all(function["name"] in page for function in platform.status()["functions"])
