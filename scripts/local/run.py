"""`baeum up`: the platform in the foreground, until Ctrl-C or, with `once`, until its work is done."""

import asyncio
import os
import signal

from rich.console import Console

from scripts import demo as demonstration
from scripts.catalogue import CatalogueError
from scripts.local.parts import StartError
from scripts.local.platform import Options, Running, platform
from scripts.local.status import table


def up(options: Options, console: Console, *, demo: bool, once: bool) -> int:
    """Runs the platform; the exit status. Ctrl-C and SIGTERM stop everything in order, a second Ctrl-C at once."""
    try:
        return asyncio.run(_up(options, console, demo=demo, once=once))
    except (StartError, CatalogueError) as error:
        console.print(f"✗ {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        return 1


async def _up(options: Options, console: Console, *, demo: bool, once: bool) -> int:
    work = asyncio.create_task(_work(options, console, demo=demo, once=once))

    def stop() -> None:
        if work.cancelling():
            os._exit(130)  # the kernel ends the parts with us
        console.print(
            "끄는 중입니다. 진행 중인 일이 끝나기를 기다립니다. (한 번 더 누르면 바로 끕니다.)", soft_wrap=True
        )
        work.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        return await work
    except asyncio.CancelledError:
        console.print("모두 껐습니다.")
        return 130 if once else 0


async def _work(options: Options, console: Console, *, demo: bool, once: bool) -> int:
    def report(line: str) -> None:
        console.print(f"[green]✓[/green] {line}", highlight=False, soft_wrap=True)

    async with platform(options, report) as running:
        done = await demonstration.run(running.gateway, console) if demo else True
        console.print(table(await running.status()))
        _say_where(running, console)
        if not once:
            console.print("끄려면 Ctrl-C를 누르세요.")
            await asyncio.Event().wait()
        return 0 if done else 1


def _say_where(running: Running, console: Console) -> None:
    lines = [f"{running.gateway}/  상태 페이지"]
    lines += [
        f"{running.gateway}{function.prefix}/docs  {function.description}"
        for function in running.functions
        if function.profile != "event"
    ]
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)
