"""What the machine lets a job use: threads, fast integers, and memory that is given back.

glibc keeps freed memory unless told otherwise.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
import threading
from pathlib import Path

# CPU_AVX_512VNNI of OpenCV's interface.h, which has no name in Python.
_AVX512_VNNI = 25
# Parameters of mallopt in glibc's malloc.h.
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8


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


def give_back_memory() -> None:
    """Return the memory that the C library keeps of what was freed, where it can be asked to.

    Detectors and decoders leave holes of many sizes, so glibc keeps much. Nothing in the process
    changes by this but the amount of free memory that it holds.
    """
    _call_c_library("malloc_trim", 0)


def keep_no_memory() -> None:
    """Make the C library return large freed arrays at once, for the rest of the process (glibc).

    This changes the whole process, so only a program that owns its process may call it: the command
    line does, the library does not. By default glibc comes to keep everything that is smaller than
    the largest array ever freed, up to 32 MB, in each of many threads. Returning arrays smaller
    than 16 MB takes more time than it saves memory.
    """
    _call_c_library("mallopt", _M_MMAP_THRESHOLD, 16_000_000)
    _call_c_library("mallopt", _M_ARENA_MAX, 2)


def _call_c_library(name: str, *values: int) -> None:
    """Call a function of the C library that takes integers; without effect where it has none."""
    if sys.platform == "linux":
        function = getattr(ctypes.CDLL(None), name, None)
        if function is not None:
            function(*values)


@functools.cache
def has_integer_dot_products() -> bool:
    """Whether the processor multiplies and adds 8-bit integers in one instruction (VNNI).

    Without it networks that compute with integers are no faster than those with floats, and the
    processor may saturate on the way. Where the answer isn't known it is no.
    """
    import cv2

    if cv2.checkHardwareSupport(_AVX512_VNNI):
        return True
    # OpenCV doesn't tell of the variant of processors without 512-bit registers.
    cpu_info = Path("/proc/cpuinfo")
    return cpu_info.is_file() and "avx_vnni" in cpu_info.read_text(encoding="utf-8").split()
