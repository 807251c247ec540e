"""How many threads a job may use: the cores that this process has, and what the system allows."""

from __future__ import annotations

import os
import threading


def can_start_threads(count: int) -> bool:
    """Whether so many more threads can run at the same time; they end before this returns.

    A limit of the user or of a container shows only when a thread can't be started, and some
    libraries end the process then, or call a good clip damaged.
    """
    may_end = threading.Event()
    started: list[threading.Thread] = []
    try:
        for _ in range(count):
            thread = threading.Thread(target=may_end.wait, daemon=True)
            thread.start()
            started.append(thread)
    except RuntimeError:
        return False
    finally:
        may_end.set()
        for thread in started:
            thread.join()
    return True


def thread_count(wanted: int) -> int:
    """Return `wanted`, or for 0 the number of cores that this process may use."""
    if wanted:
        return wanted
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # Linux only
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
