"""Networks that several threads load, call and close at the same time."""

import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import onnxruntime

from redact.detectors.onnx import Network
from redact.detectors.plates import PlateDetector


def test_threads_that_start_together_share_one_arena_and_one_session():
    """In a process of its own, so that nothing has been loaded before."""
    counts = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                """
                import threading, time
                import onnxruntime
                from redact.detectors.onnx import Network

                calls = []

                def slowly(name):
                    original = getattr(onnxruntime, name)
                    def call(*args, **options):
                        calls.append(name)
                        time.sleep(0.1)
                        return original(*args, **options)
                    setattr(onnxruntime, name, call)

                slowly("create_and_register_allocator")
                slowly("InferenceSession")
                threads = [
                    threading.Thread(target=Network, args=("plates.onnx",)) for _ in range(4)
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                print(*sorted(calls))
                """
            ),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert counts.split() == ["InferenceSession", "create_and_register_allocator"]


class FakeSession:
    """Blocks each call until it is released, and records what is run meanwhile."""

    def __init__(self, *_, **__):
        self.running = 0
        self.is_called, self.is_released = threading.Event(), threading.Event()
        self.shrunk_while_running: list[bool] = []

    def get_inputs(self):
        return [SimpleNamespace(name="image", shape=[1, 1, None, None])]

    def run(self, outputs, inputs, options=None):
        if options is not None:
            self.shrunk_while_running.append(self.running > 0)
            return []
        self.running += 1
        self.is_called.set()
        assert self.is_released.wait(10)
        self.running -= 1
        return [inputs["image"]]


def test_a_network_is_not_shrunk_while_another_thread_calls_it(monkeypatch):
    monkeypatch.setattr(onnxruntime, "InferenceSession", FakeSession)
    # A number of threads that nothing else uses, so that the session is loaded anew.
    network, same = Network("plates.onnx", threads=7), Network("plates.onnx", threads=7)
    session = network._session
    assert same._session is session
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(network, np.zeros((1, 1, 32, 32), np.float32))
        assert session.is_called.wait(10)
        same.close()
        session.is_released.set()
        call.result()
    assert session.shrunk_while_running == []
    same.close()
    assert session.shrunk_while_running == [False]


def test_a_detector_that_others_close_detects_the_same(doorbell):
    import cv2

    image = cv2.VideoCapture(str(doorbell)).read()[1]
    detector = PlateDetector()
    expected = detector.detect(image)
    assert expected
    with ThreadPoolExecutor(3) as pool:
        results = [pool.submit(detector.detect, image) for _ in range(6)]
        closed = [pool.submit(PlateDetector().close) for _ in range(6)]
        assert all(result.result() == expected for result in results)
        for done in closed:
            done.result()
    assert detector.detect(image) == expected, "a closed network can still be called"
