"""What the C library keeps of freed memory, and how it is told to give it back."""

from __future__ import annotations

import ctypes
import sys

# Names of settings in glibc's malloc.h.
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8


def give_back_memory() -> None:
    """Let the C library return what it keeps of freed memory, where it has to be asked (glibc).

    Detectors and decoders leave holes of many sizes, so that much is kept.
    """
    _ask_c_library("malloc_trim", 0)


def keep_no_memory() -> None:
    """Let the C library return large freed arrays at once, for the rest of the process (glibc).

    By itself it comes to keep all that is smaller than the largest array ever freed, up to 32 MB,
    once for each of many threads. Below 16 MB, returning costs more time than it saves memory.
    """
    _ask_c_library("mallopt", _M_MMAP_THRESHOLD, 16_000_000)
    _ask_c_library("mallopt", _M_ARENA_MAX, 2)


def _ask_c_library(name: str, *values: int) -> None:
    """Call a function of the C library that takes whole numbers, where there is such a one."""
    if sys.platform == "linux":
        function = getattr(ctypes.CDLL(None), name, None)
        if function is not None:
            function(*values)
