"""Listening sockets on the loopback interface."""

import errno
import socket


def listen(port: int = 0) -> socket.socket:
    """A listening socket on a port of 127.0.0.1, or on any free one. Raises OSError when the port is taken."""
    # With the protocol named, or asyncio leaves Nagle's algorithm on and every answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(256)
    except OSError:
        listener.close()
        raise
    return listener


def listen_near(port: int, tries: int = 50) -> socket.socket:
    """A listening socket on a port or the next free one after it. Raises OSError when there is none."""
    for candidate in range(port, port + tries):
        try:
            return listen(candidate)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, f"no free port from {port} to {port + tries - 1}")


def port_of(listener: socket.socket) -> int:
    """The port of a listening socket."""
    port: int = listener.getsockname()[1]
    return port
