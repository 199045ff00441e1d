"""`python -m shared.runner functions/chat/messages/main.py`: serves a function, in the image, under `baeum up` and in tests.

The same contract as the functions-framework command (PORT, FUNCTION_TARGET, FUNCTION_SIGNATURE_TYPE), which drops the lifespan,
closes idle connections after 2 s, holds SIGTERM back for 30 s while a stream is open, and costs 40 % more CPU at start.
"""

import gc
import os
import socket
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

KEEP_ALIVE_SECONDS = 120  # above the proxy's, which must be the one to close an idle connection
GRACEFUL_SECONDS = int(os.environ.get("SHUTDOWN_GRACE_SECONDS", "20"))


def prepare_imports() -> None:
    """Makes importing a FastAPI app cheaper; to be called before anything imports pydantic.

    No garbage collection while importing, and models that are built when they are first used.
    """
    gc.disable()
    import pydantic
    from pydantic.warnings import UnsupportedFieldAttributeWarning

    pydantic.BaseModel.model_config["defer_build"] = True
    # FastAPI's own aliases, seen by a model that is built late, look misplaced to Pydantic; they work.
    warnings.simplefilter("ignore", UnsupportedFieldAttributeWarning)


def load(source: str) -> "FastAPI":
    """The app of a function's `main.py`, given by its path from the root, as in `functions/chat/messages/main.py`."""
    module = ".".join(Path(source).with_suffix("").parts)
    api: FastAPI = import_module(module).api
    return api


def listen() -> socket.socket:
    """The socket to serve: the inherited one of LISTEN_FD, or a new one on PORT (8080)."""
    if inherited := os.environ.get("LISTEN_FD"):
        return socket.socket(fileno=int(inherited))
    # Without the protocol named, asyncio does not set TCP_NODELAY and every answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "8080"))))  # noqa: S104 - a pod
    listener.listen(2048)
    return listener


def serve(source: str, listener: socket.socket) -> None:
    """Serves a function on a listening socket until SIGTERM; then answers what is open, and leaves."""
    from uvicorn import Config, Server

    from shared import log

    parts = Path(source).parts
    log.configure("-".join(parts[-3:-1]), os.environ.get("LOG_LEVEL", "INFO"))
    api = load(source)
    gc.freeze()
    gc.enable()
    config = Config(
        api,
        http="httptools",
        loop="asyncio",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
    Server(config).run(sockets=[listener])


if __name__ == "__main__":
    prepare_imports()
    serve(sys.argv[1], listen())
