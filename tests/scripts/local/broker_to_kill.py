"""A broker without any function that could take what it accepts, for a test that kills it."""

import asyncio
import socket
import sys
from dataclasses import replace
from pathlib import Path

from scripts import catalogue
from scripts.local.activator import Activator, Limits, Pool
from scripts.local.broker import Broker, Policy
from scripts.local.deliveries import Deliveries
from scripts.local.launch import ColdLauncher
from scripts.local.serving import serving


async def main() -> None:
    descriptor, letters, log = sys.argv[1:]
    functions = catalogue.read_all(catalogue.ROOT / "tests" / "scripts" / "functions")
    broken = next(each for each in functions if each.name == "cases-broken")
    takers = [replace(broken, service="cases", group="events", takes=("test.thing.happened",))]
    pools = [Pool(each, {}, ColdLauncher(), Path(log), Limits()) for each in takers]
    broker = Broker(Deliveries(Path(letters)), Activator(pools), Policy())
    broker.start()
    async with serving(broker.app, socket.socket(fileno=int(descriptor))):
        await asyncio.Event().wait()


asyncio.run(main())
