"""ONNX networks, run by onnxruntime on the processor."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redact.detectors import weights
from redact.machine import can_start_threads, thread_count


class Network:
    """An ONNX network with one input.

    It takes inputs of any size, and a new size costs nothing extra. Several threads may call and
    close it at the same time. Networks with the same weights and number of threads share a session.

    Args:
        name: file name of the weights.
        threads: how many each call uses; 0 takes the machine's cores.

    Raises:
        WeightsError: the model's file is missing.

    """

    def __init__(self, name: str, *, threads: int = 0) -> None:
        self._session = _sessions.get(str(weights.find(name)), threads)
        self._input = self._session.get_inputs()[0].name

    def __call__(self, values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """The network's outputs, in its own order, for a (N, C, H, W) float32 array."""
        with _arena.in_use():
            outputs: list[NDArray[np.float32]] = self._session.run(None, {self._input: values})
        return outputs

    def close(self) -> None:
        """Return the memory that calls have left behind; the network can still be called.

        While any network is being called, this does nothing: the memory is in use.
        """
        _arena.shrink(self._session)


class _Arena:
    """The memory that all sessions share, and how many calls are using it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls = 0

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep the arena from being shrunk."""
        with self._lock:
            self._calls += 1
        try:
            yield
        finally:
            with self._lock:
                self._calls -= 1

    def shrink(self, session: Any) -> None:
        """Give unused memory back to the system, unless a call is under way.

        onnxruntime shrinks an arena only at the end of a run, so a tiny one is made.
        """
        import onnxruntime

        options = onnxruntime.RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        values = session.get_inputs()[0]
        tiny = np.zeros((1, values.shape[1], 32, 32), dtype=np.float32)
        with self._lock:  # New calls wait for some milliseconds.
            if not self._calls:
                session.run(None, {values.name: tiny}, options)


class _Sessions:
    """One session for each file and number of threads, since a session is safe to share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[tuple[str, int], Any] = {}
        self._has_arena = False

    def get(self, path: str, threads: int) -> Any:
        """The session, loaded by the first thread that asks for it."""
        with self._lock:
            if not self._has_arena:
                _register_arena()
                self._has_arena = True
            if (path, threads) not in self._sessions:
                self._sessions[path, threads] = _load(path, threads)
            return self._sessions[path, threads]


_arena, _sessions = _Arena(), _Sessions()


def _load(path: str, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.use_env_allocators", "1")
    if threads != 1 and not can_start_threads(thread_count(threads)):
        threads = 1
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A memory layout is kept for every size of input and would never be given back.
    options.enable_mem_pattern = False
    # Idle threads that spin take the cores from decoding and encoding.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _register_arena() -> None:
    """Make one arena for all sessions that grows by what is asked for.

    By default each session has its own, and doubles it whenever it is full. Must be called once in
    a process: the sessions there are keep the arena that was registered when they were loaded.
    """
    import onnxruntime

    place = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    as_requested = onnxruntime.OrtArenaCfg({"arena_extend_strategy": 1})
    onnxruntime.create_and_register_allocator(place, as_requested)
