"""The `baeum` command: what it takes and what it prints; what it does stands in the modules it calls."""

import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Annotated, NoReturn

import httpx
import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from scripts import catalogue
from scripts.local.deliveries import Deliveries
from scripts.local.home import DEFAULT_HOME, Home

app = typer.Typer(no_args_is_help=True, add_completion=False, help="배움(Baeum): 로컬 플랫폼과 운영 명령")
events = typer.Typer(no_args_is_help=True, help="배달하지 못한 이벤트를 보고 다시 보냅니다.")
app.add_typer(events, name="events")
console = Console()

HomeOption = Annotated[Path, typer.Option("--home", help="데이터와 로그가 있는 폴더")]


def main() -> None:
    """The entry point."""
    app()


@app.command()
def up(
    home: HomeOption = DEFAULT_HOME,
    port: Annotated[int, typer.Option(help="게이트웨이 포트. 쓰이고 있으면 다음 빈 포트")] = 8080,
    idle: Annotated[float, typer.Option(help="요청이 없을 때 함수를 끄기까지의 초")] = 30.0,
    cold: Annotated[bool, typer.Option("--cold", help="이미지와 똑같이, 미리 읽어 둔 것 없이 함수를 시작")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="켜진 뒤 예제 문서를 올리고 질문까지 해 보기")] = False,
    once: Annotated[bool, typer.Option("--once", help="다 되면 끝내기. 실패가 있으면 종료 코드 1")] = False,
) -> None:
    """모든 것을 이 컴퓨터에서 켭니다."""
    from scripts.local import run
    from scripts.local.platform import Options

    sys.exit(run.up(Options(home, port, cold, idle), console, demo=demo, once=once))


@app.command()
def ps(home: HomeOption = DEFAULT_HOME) -> None:
    """함수의 상태, 콜드 스타트, 메모리."""
    from scripts.local.status import table

    console.print(table(httpx.get(f"{_gateway(home)}/_platform/status.json").raise_for_status().json()))


@app.command()
def functions() -> None:
    """함수 목록."""
    table = Table("이름", "주소", "유형", "받는 이벤트", "하는 일", box=SIMPLE, pad_edge=False)
    for function in catalogue.read_all():
        takes = "\n".join([*function.takes, *(f"{each.type} ({each.cron})" for each in function.schedules)])
        table.add_row(function.name, function.prefix, function.profile, takes, function.description)
    console.print(table)


@app.command()
def migrate(
    service: Annotated[list[str] | None, typer.Option(help="이 서비스만 (여러 번 쓸 수 있음)")] = None,
    check: Annotated[bool, typer.Option("--check", help="바꾸지 않고, 테이블 정의와 다른지만 확인")] = False,
) -> None:
    """데이터베이스 스키마를 최신으로 만듭니다."""
    from scripts import migrate as migrations

    services = service or migrations.SERVICES
    if check:
        migrations.check(services)
    else:
        migrations.run(services)


@app.command()
def revise(service: str, message: Annotated[str, typer.Argument(help="무엇이 바뀌는지, 영어 한 문장")]) -> None:
    """테이블 정의(tables.py)에서 바뀐 것을 새 마이그레이션으로 씁니다."""
    from scripts import migrate as migrations

    migrations.revise(service, message)


@app.command()
def invoke(
    path: Annotated[str, typer.Argument(help="/api/... 로 시작하는 주소")],
    data: Annotated[str | None, typer.Option("--data", "-d", help="JSON 본문. 있으면 POST")] = None,
    header: Annotated[list[str] | None, typer.Option("--header", "-H", help="'이름: 값'")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """게이트웨이를 통해 함수를 부릅니다."""
    headers = dict(each.split(": ", 1) for each in header or [])
    started = time.perf_counter()
    method = "GET" if data is None else "POST"
    headers.setdefault("Content-Type", "application/json")
    with httpx.stream(method, _gateway(home) + path, content=data, headers=headers, timeout=None) as answer:  # noqa: S113
        for part in answer.iter_text():
            print(part, end="", flush=True)
    milliseconds = (time.perf_counter() - started) * 1000
    Console(stderr=True).print(f"\n{answer.status_code} ({milliseconds:.0f} ms)")
    sys.exit(0 if answer.is_success else 1)


@app.command()
def bench(name: str) -> None:
    """벤치마크를 실행합니다. 이름은 scripts/bench의 파일 이름입니다."""
    import_module(f"scripts.bench.{name.replace('-', '_')}").main()


@events.command("list")
def list_events(home: HomeOption = DEFAULT_HOME) -> None:
    """배달하지 못한 이벤트 목록."""
    table = Table("번호", "함수", "종류", "대상", "응답", "시도", box=SIMPLE, pad_edge=False)
    letters = _deliveries(home).dead()
    for letter in letters:
        columns = (letter.number, letter.function, letter.type, letter.subject, letter.status or "-", letter.attempts)
        table.add_row(*map(str, columns))
    console.print(table if letters else "배달하지 못한 이벤트가 없습니다.")


@events.command()
def show(number: int, home: HomeOption = DEFAULT_HOME) -> None:
    """이벤트 하나의 내용과 마지막 응답."""
    for letter in _deliveries(home).dead(number) or _not_there(number):
        console.print_json(data=dict(letter.headers))
        console.print_json(letter.body.decode())
        last = f"{letter.function}: {letter.status or '응답 없음'}, {letter.attempts}번 시도 {letter.response}"
        console.print(last, markup=False, highlight=False)


@events.command()
def replay(
    number: Annotated[int | None, typer.Argument(help="번호. 없으면 모두")] = None, home: HomeOption = DEFAULT_HOME
) -> None:
    """배달하지 못한 이벤트를 같은 id로 다시 보냅니다. 플랫폼이 켜져 있으면 1초 안에 배달합니다."""
    deliveries = _deliveries(home)
    letters = deliveries.dead(number) or (_not_there(number) if number else [])
    deliveries.replay(letters, time.time())
    console.print(f"{len(letters)}건을 다시 보냅니다.")


def _gateway(home: Path) -> str:
    gateway = Home(home).running_at()
    if gateway is None:
        console.print("실행 중인 플랫폼이 없습니다. `baeum up`으로 켜 주세요.")
        sys.exit(1)
    return gateway


def _deliveries(home: Path) -> Deliveries:
    file = home / "broker.sqlite3"
    if not file.exists():
        console.print(f"{home}에는 아직 이벤트가 없습니다.")
        sys.exit(1)
    return Deliveries(file)


def _not_there(number: int) -> NoReturn:
    console.print(f"{number}번은 배달하지 못한 이벤트에 없습니다.")
    sys.exit(1)


if __name__ == "__main__":
    main()
