"""Signals that ask a command to end: held while they would do harm, sent again where they were lost."""

from __future__ import annotations

import _thread
import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

_held: list[bool] = []  # of the main thread: whether it is inside of `interrupts_held`


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Let Ctrl-C and a request to terminate wait until the block is over.

    HDF5 calls back into Python to write; an exception that starts there is lost or breaks the open file. One that
    starts inside a lock of Python's own leaves it taken, and whoever waits for it waits for ever. Blocks within such
    a block cost nothing.
    """
    if threading.current_thread() is not threading.main_thread() or _held:
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    held = {number: handler for number, handler in handlers.items() if callable(handler)}
    waiting: list[tuple[int, FrameType | None]] = []
    try:
        for kind in held:
            signal.signal(kind, lambda number, frame: waiting.append((number, frame)))
        _held.append(True)
        yield
    finally:
        _held.clear()
        for kind in reversed(held):  # Ctrl-C last: one that comes in this moment finds the other restored
            signal.signal(kind, held[kind])
        for number, frame in waiting[:1]:
            held[signal.Signals(number)](number, frame)


@contextlib.contextmanager
def lost_signals_sent_again(received: list[int]) -> Iterator[None]:
    """Send a signal once more where Python threw away what its handler raised: while it took an object away.

    Parameters
    ----------
    received : list of int
        The signals that have come; handlers that raise SystemExit or KeyboardInterrupt add theirs.
    """
    unraisable = sys.unraisablehook
    ending = threading.Lock()
    over: list[bool] = []

    def send_again(number: int, returning: list[bool]) -> None:
        while not returning:  # within the function that hears of the loss it would be lost again
            time.sleep(0.001)
        time.sleep(0.01)
        with ending:
            if not over:
                _send_to_main(number)

    def again(lost: sys.UnraisableHookArgs) -> None:
        if received and issubclass(lost.exc_type, (SystemExit, KeyboardInterrupt)):
            returning: list[bool] = []
            _thread.start_new_thread(send_again, (received[-1], returning))
            returning.append(True)
        else:
            unraisable(lost)

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = unraisable
        with ending:
            over.append(True)  # what has ended meanwhile is not interrupted any more


def _send_to_main(number: int) -> None:
    """Send a signal to the main thread, also while it sleeps or waits, where the system can."""
    main = threading.main_thread().ident
    if main is not None and hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main, number)
    else:
        _thread.interrupt_main(signal.Signals(number))
