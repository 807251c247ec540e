"""A clip with two people, a false plate and a window, its plan, and a server that reviews it."""

import contextlib
import threading

import av
import numpy as np

import redact
from redact import Box, Detection, Settings
from redact.review.server import ReviewServer
from redact.review.session import ReviewSession

WIDTH, HEIGHT, FRAMES, RATE = 320, 240, 20, 10
LEFT, RIGHT, PLATE = Box(60, 80, 100, 130), Box(220, 80, 260, 130), Box(130, 190, 190, 206)
WINDOW = Box(0, 0, 96, 48)


def picture():
    """(H, W, 3) BGR: a grey wall with a coarse pattern in each of the four places."""
    image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    rng = np.random.default_rng(3)
    for x0, y0, x1, y1 in (LEFT, RIGHT, PLATE, WINDOW):
        cells = rng.integers(0, 2, (-(-(y1 - y0) // 8), -(-(x1 - x0) // 8))) * 170 + 40
        pattern = np.kron(cells, np.ones((8, 8)))[: y1 - y0, : x1 - x0]
        image[y0:y1, x0:x1] = pattern[..., None]
    return image


class Finder:
    """Detects both people, and takes something for a plate."""

    kinds = ("face", "plate")

    def detect(self, image):
        kinds = {LEFT: "face", RIGHT: "face", PLATE: "plate"}
        return [Detection(kind=kind, box=box, score=0.9) for box, kind in kinds.items()]


def make_plan(path):
    """Write the clip there, and return its plan: tracks 1 and 2 are people, 3 is the plate."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = 8
        for _ in range(FRAMES):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture(), format="bgr24")))
        out.mux(stream.encode())
    return redact.analyze(path, Settings(audit=False), detectors=[Finder()])


@contextlib.contextmanager
def reviewed(folder, plan, **options):
    """The session and the server of a review, which runs in another thread."""
    session = ReviewSession(plan, folder / "door.plan.json", folder / "out.mp4")
    server = ReviewServer(session, **options)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield session, server
    finally:
        server.stop()
        thread.join()
        session.close()


def contrast(image, box):
    """How much of the pattern shows in a place: the standard deviation of its brightness."""
    x0, y0, x1, y1 = (int(v) for v in box)
    return float(image[y0 + 4 : y1 - 4, x0 + 4 : x1 - 4].mean(axis=2).std())
