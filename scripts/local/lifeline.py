"""No orphans: a process of the platform dies when the platform does, even by `kill -9`."""

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = (
    1  # prctl(2); Linux only. Elsewhere a killed platform leaves parts behind, which `baeum up` refuses to join
)
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(number: signal.Signals = signal.SIGKILL) -> None:
    """Asks the kernel to signal this process when the thread that made it ends. Safe between fork and exec."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, number)
