"""What the platform shows of itself: one page for a browser, the same facts as JSON for `baeum ps`."""

from html import escape
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from scripts.local.activator import Pool
from scripts.local.parts import Part

_STATES = {"zero": "꺼짐", "starting": "시작 중", "ready": "실행 중", "draining": "정리 중", "failed": "실패"}
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1c2430 }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #e3e7ee }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
.ready { color: #12733c } .starting, .draining { color: #8a5a00 } .failed { color: #b3261e } .zero { color: #6b7482 }
pre { background: #f6f7f9; padding: .6rem; overflow-x: auto; font-size: 13px }
"""


def describe(pool: Pool) -> dict[str, Any]:
    """A function's state. Times in milliseconds, memory in bytes (proportional share; null where it is not known)."""
    memory = [replica.memory() for replica in pool.replicas]
    return {
        "name": pool.function.name,
        "description": pool.function.description,
        "prefix": pool.function.prefix,
        "state": pool.state,
        "processes": [replica.process.pid for replica in pool.replicas],
        "max_scale": pool.function.max_scale,
        "in_flight": sum(replica.in_flight for replica in pool.replicas),
        "waiting": pool.waiting,
        "requests": pool.counters.requests,
        "starts": pool.counters.starts,
        "crashes": pool.counters.crashes,
        "cold_start_ms": pool.counters.cold_start_ms,
        "memory": None if None in memory else sum(each for each in memory if each),
        "failure": {"status": pool.failure.status, "log": pool.failure.log} if pool.failure else None,
    }


def describe_part(part: Part) -> dict[str, Any]:
    """The state of an always-on part."""
    address = part.health.rpartition("/")[0]
    return {"name": part.name, "running": part.running, "address": address, "log": str(part.log_file)}


def table(status: dict[str, Any]) -> Table:
    """The functions' state for a terminal."""
    columns = Table(box=SIMPLE, pad_edge=False)
    for name in ("함수", "상태", "프로세스", "시작", "메모리", "요청", "대기", "오류"):
        columns.add_column(name, no_wrap=True, justify="left" if name in ("함수", "상태") else "right")
    for each in status["functions"]:
        columns.add_row(
            each["name"],
            _STATES[each["state"]],
            f"{len(each['processes'])} / {each['max_scale']}",
            _milliseconds(each["cold_start_ms"]),
            _megabytes(each["memory"]),
            str(each["requests"]),
            str(each["waiting"]),
            str(each["crashes"]),
        )
    broker = status["broker"]
    columns.caption = f"이벤트: 배달함 {broker['delivered']}, 기다림 {broker['waiting']}, 배달 못 함 {broker['dead']}"
    return columns


def _milliseconds(time: int | None) -> str:
    return "-" if time is None else f"{time} ms"


def _megabytes(size: int | None) -> str:
    return "-" if not size else f"{size / 1e6:.0f} MB"


def page(status: dict[str, Any]) -> str:
    """The status page (HTML); it renews itself every two seconds."""
    functions = "".join(_function(each) for each in status["functions"])
    parts = "".join(
        f"<tr><td>{escape(part['name'])}</td><td class={'ready' if part['running'] else 'failed'}>"
        f"{'실행 중' if part['running'] else '멈춤'}</td><td><code>{escape(part['address'])}</code></td>"
        f"<td><code>{escape(part['log'])}</code></td></tr>"
        for part in status["parts"]
    )
    broker = status["broker"]
    dead = f" · <span class=failed>배달 못 함 {broker['dead']}</span> (baeum events list)" if broker["dead"] else ""
    return f"""<!doctype html><html lang=ko><meta charset=utf-8><meta http-equiv=refresh content=2>
<meta name=viewport content="width=device-width"><title>배움 - 로컬 플랫폼</title><style>{_STYLE}</style>
<h1>배움 로컬 플랫폼</h1>
<p>함수는 첫 요청에 켜지고, 쓰이지 않으면 꺼집니다.</p>
<table><tr><th>함수<th>하는 일<th>상태<th class=number>프로세스<th class=number>콜드 스타트<th class=number>메모리
<th class=number>요청<th class=number>대기<th>문서</tr>{functions}</table>
<h2>이벤트</h2><p>배달함 {broker["delivered"]} · 기다림 {broker["waiting"]}{dead}</p>
<h2>구성 요소</h2><table><tr><th>이름<th>상태<th>주소<th>로그</tr>{parts}</table></html>"""


def _function(function: dict[str, Any]) -> str:
    state = function["state"]
    cold_start = _milliseconds(function["cold_start_ms"])
    log = ""
    if function["failure"]:
        lines = [function["failure"]["status"], *function["failure"]["log"]]
        log = f"<tr><td colspan=9><pre>{escape(chr(10).join(lines))}</pre></tr>"
    return (
        f"<tr><td>{escape(function['name'])}<td>{escape(function['description'])}<td class={state}>{_STATES[state]}"
        f"<td class=number>{len(function['processes'])} / {function['max_scale']}<td class=number>{cold_start}"
        f"<td class=number>{_megabytes(function['memory'])}<td class=number>{function['requests']}"
        f"<td class=number>{function['waiting']}<td><a href='{function['prefix']}/docs'>docs</a></tr>{log}"
    )
