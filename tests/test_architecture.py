"""The rules of the house (docs/architecture.md): who may import whom, no circles, and a cold start that stays cheap."""

import ast
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("functions", "llm_host", "migrations", "scripts", "shared")
LLM_HOST_MAY_IMPORT = {"config", "errors", "events", "ids", "log", "middleware", "problems", "sse"}
NEVER_IN_A_FUNCTION = {"sqlmodel", "sqlalchemy", "pymilvus", "alembic"}
HEAVY = {"boto3", "botocore", "httpx"}

SOURCES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
FUNCTIONS = sorted(path.parent for path in (ROOT / "functions").glob("*/*/main.py"))


def module(path: Path) -> str:
    """The dotted name of a source file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imports(path: Path, *, at_start: bool) -> set[str]:
    """The modules a file imports: those that run when it is imported, or all of them."""
    tree = ast.parse(path.read_text())
    nodes = _run_at_start(tree) if at_start else ast.walk(tree)
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _run_at_start(tree: ast.Module) -> list[ast.AST]:
    nodes: list[ast.AST] = []
    for statement in tree.body:
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test):
            continue
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            nodes += ast.walk(statement)
    return nodes


def rule_broken(path: Path, imported: str) -> str | None:
    """Why a file may not import a module, or None."""
    here, there = module(path).split("."), imported.split(".")
    if there[0] not in ROOMS:
        return None
    if here[0] == "shared" and there[0] != "shared":
        return "shared imports no other room"
    if here[0] == "functions" and there[0] not in ("shared", "functions"):
        return "a function imports shared and itself"
    if here[0] == there[0] == "functions" and here[1] != there[1]:
        return "a function never imports another service"
    if here[0] == there[0] == "functions" and len(here) > 3 and len(there) > 2:
        if (ROOT / "functions" / there[1] / there[2]).is_dir() and here[2] != there[2]:
            return "a function never imports another group"
        if there[2] == "tables":
            return "a function reads its tables by name, not through their description"
    if here[0] == "llm_host" and there[0] in ("functions", "scripts", "migrations"):
        return "the host imports no function and no script"
    if here[0] == "llm_host" and there[0] == "shared" and len(there) > 1 and there[1] not in LLM_HOST_MAY_IMPORT:
        return "the host uses only the light part of shared"
    return None


@pytest.mark.parametrize("path", SOURCES, ids=module)
def test_a_room_imports_only_what_the_house_rules_allow(path: Path) -> None:
    broken = {name: why for name in imports(path, at_start=False) if (why := rule_broken(path, name))}
    assert not broken


def test_the_rules_would_find_a_function_that_reads_another_service() -> None:
    path = ROOT / "functions" / "chat" / "messages" / "main.py"
    assert rule_broken(path, "functions.infra.documents.queries") == "a function never imports another service"
    assert rule_broken(path, "functions.chat.sessions.queries") == "a function never imports another group"
    assert rule_broken(path, "functions.chat.tables") is not None
    assert rule_broken(path, "functions.chat.states") is None
    assert rule_broken(path, "llm_host.retrieval") == "a function imports shared and itself"


def test_there_are_no_import_circles() -> None:
    names = {module(path) for path in SOURCES}
    graph = {module(path): imports(path, at_start=True) & names - {module(path)} for path in SOURCES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("folder", FUNCTIONS, ids=lambda folder: "-".join(folder.parts[-2:]))
def test_a_function_starts_within_its_budget_of_modules_and_without_a_heavy_one(folder: Path) -> None:
    source = f"functions/{folder.parent.name}/{folder.name}/main.py"
    program = (
        "import sys; from shared import runner; runner.prepare_imports(); import uvicorn; "
        f"runner.load({source!r}); print(*sys.modules)"
    )
    environ = {
        "APP_ENV": "test",
        "AUTH_MODE": "dev",
        f"{folder.parent.name.upper()}_DATABASE_URL": "postgresql://nowhere/none",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environ, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    modules = done.stdout.split()
    loaded = {name.split(".")[0] for name in modules}
    assert not loaded & (NEVER_IN_A_FUNCTION | HEAVY)
    budget = tomllib.loads((folder / "function.toml").read_text())["cold_start"]["modules"]
    assert len(modules) <= budget


@pytest.mark.parametrize("folder", FUNCTIONS, ids=lambda folder: "-".join(folder.parts[-2:]))
def test_every_function_has_the_same_rooms(folder: Path) -> None:
    rooms = {path.name for path in folder.iterdir()}
    needed = {"function.toml", "main.py", "queries.py", "service.py"}
    assert needed <= rooms
