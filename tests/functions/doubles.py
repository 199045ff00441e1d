"""Stand-ins for what stands behind a function, over real HTTP: a broker that keeps what it is given."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from shared.events import CloudEvent, parse


class BrokerDouble:
    """Takes CloudEvents; `refuse` makes it answer 503 until told otherwise."""

    def __init__(self) -> None:
        self.events: list[CloudEvent] = []
        self.refuse = False
        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/broker"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def of_type(self, type: str) -> list[CloudEvent]:  # noqa: A002
        """What has arrived of one type, in order."""
        return [event for event in self.events if event.type == type]

    def wait_for(self, type: str, number: int = 1, seconds: float = 10.0) -> list[CloudEvent]:  # noqa: A002
        """Waits until so many events of a type have arrived; call it in a thread. Raises AssertionError after `seconds`."""
        with self._arrived:
            arrived = self._arrived.wait_for(lambda: len(self.of_type(type)) >= number, seconds)
        assert arrived, f"{number} x {type} did not arrive; there are {[event.type for event in self.events]}"
        return self.of_type(type)

    def _handler(self) -> Callable[..., BaseHTTPRequestHandler]:
        double = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if double.refuse:
                    self.send_response(503)
                else:
                    event = parse({key.lower(): value for key, value in self.headers.items()}, body)
                    with double._arrived:
                        double.events.append(event)
                        double._arrived.notify_all()
                    self.send_response(202)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Says nothing."""

        return Handler
