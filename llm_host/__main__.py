"""`python -m llm_host`: serves the host on HOST and PORT."""

import logging
import os
import sys

import uvicorn

from llm_host.main import create_api
from llm_host.settings import Settings
from shared import log
from shared.config import ConfigError

GRACEFUL_SECONDS = 20


def main() -> None:
    """Serves until SIGTERM; then finishes open answers, and queues unfinished jobs again."""
    log.configure("llm-host", os.environ.get("LOG_LEVEL", "INFO"))
    # Milvus Lite answers "not implemented" to what the client asks of every server; grpc calls that an error.
    logging.getLogger("grpc").setLevel(logging.CRITICAL)
    try:
        api = create_api(Settings.from_env())
    except ConfigError as error:
        sys.exit(str(error))
    uvicorn.run(
        api,
        host=os.environ.get("HOST", "127.0.0.1"),
        port=int(os.environ.get("PORT", "8090")),
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )


if __name__ == "__main__":
    main()
