"""The server answers the page alone, refuses everything else, and ends when nobody uses it."""

import http.client
import json
import socket
import threading
import time

import cv2
import numpy as np
import pytest
from make_clips import write_clip
from reviews import FRAMES, HEIGHT, WIDTH, make_plan, reviewed

import redact
from redact.review.guard import MAX_BODY_BYTES
from redact.review.server import ReviewServer
from redact.review.session import ReviewSession


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return make_plan(tmp_path_factory.mktemp("clip") / "door.mp4")


@pytest.fixture(scope="module")
def review(plan, tmp_path_factory):
    with reviewed(tmp_path_factory.mktemp("review"), plan) as (session, server):
        yield session, server


@pytest.fixture
def server(review):
    return review[1]


def ask(server, path, *, method="GET", body=None, headers=None, token=None):
    """The status, the headers and the body that the server answers with."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        address = f"/{server.token if token is None else token}/{path}"
        connection.request(method, address, body=body, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def post(server, path, value, **options):
    body = value if isinstance(value, (bytes, str)) else json.dumps(value)
    headers = {"Content-Type": "application/json", **options.pop("headers", {})}
    status, _, answer = ask(server, path, method="POST", body=body, headers=headers, **options)
    return status, json.loads(answer)


def test_the_page_loads_with_its_files_and_nothing_from_elsewhere(server):
    status, headers, page = ask(server, "")
    assert status == 200
    assert b"<script src" in page
    assert b"http://" not in page.replace(b"http://www.w3.org", b"")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    for name in ("review.js", "review.css", "icon.svg"):
        assert ask(server, f"page/{name}")[0] == 200


def test_no_answer_may_be_stored_or_shown_elsewhere(server):
    for path in ("", "clip.json", "frames/0.jpg", "tracks/1/0.jpg", "gone"):
        _, headers, _ = ask(server, path)
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"


def test_the_clip_and_its_tracks_are_told_in_shares_of_the_picture(server):
    clip = json.loads(ask(server, "clip.json")[2])
    assert clip["size"] == [WIDTH, HEIGHT]
    assert len(clip["seconds"]) == FRAMES
    tracks = json.loads(ask(server, "tracks.json")[2])
    assert set(tracks) == {"1", "2", "3"}
    x0, y0, x1, y1 = tracks["1"]["boxes"][:4]
    assert x0 / 10_000 * WIDTH == pytest.approx(60, abs=4)
    assert y1 / 10_000 * HEIGHT == pytest.approx(130, abs=4)
    assert 0 <= x0 < x1 <= 10_000
    assert 0 <= y0 < y1 <= 10_000
    cards = json.loads(ask(server, "state.json")[2])["cards"]
    assert [(card["name"], card["status"]) for card in cards] == [
        ("Person 1", "cover"),
        ("Person 2", "cover"),
        ("Plate 1", "cover"),
    ]


def test_frames_and_thumbnails_are_jpegs(server):
    for path in ("frames/0.jpg", f"frames/{FRAMES - 1}.jpg", "tracks/1/0.jpg"):
        status, headers, data = ask(server, path)
        assert (status, headers["content-type"]) == (200, "image/jpeg")
        assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None
    for path in (f"frames/{FRAMES}.jpg", "frames/-1.jpg", "tracks/9/0.jpg", "tracks/1/9.jpg"):
        assert ask(server, path)[0] == 404


def test_sound_is_given_to_the_page_alone(tmp_path):
    write_clip(tmp_path / "a.mp4", with_audio=True)
    plan = redact.analyze(tmp_path / "a.mp4", redact.Settings(audit=False), detectors=[])
    with reviewed(tmp_path, plan) as (_, server):
        assert json.loads(ask(server, "clip.json")[2])["sound_rate"] == 16_000
        status, headers, data = ask(server, "sound.pcm")
        samples = np.frombuffer(data, "<i2")
        assert (status, headers["cache-control"]) == (200, "no-store")
        assert len(samples) == pytest.approx(16_000 * 24 / 25, abs=32)
        assert np.abs(samples.astype(int)).mean() > 300
        assert ask(server, "sound.pcm", token="x")[0] == 403
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4"]


def test_a_clip_without_sound_has_none_to_play(server):
    assert json.loads(ask(server, "clip.json")[2])["sound_rate"] == 0
    assert ask(server, "sound.pcm")[0] == 404


@pytest.mark.parametrize("token", ["", "x", "A" * 32, "%00"])
def test_a_wrong_token_is_refused(server, token):
    for path in ("", "state.json", "frames/0.jpg"):
        status, _, body = ask(server, path, token=token)
        assert status == 403
        assert b"Person" not in body
    assert post(server, "do/undo", {}, token="x")[0] == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:{port}"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Host": "127.0.0.1.evil.example:{port}"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://localhost:{port}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_other_pages_and_other_names_of_this_machine_are_refused(server, headers):
    headers = {k: v.format(port=server.port) for k, v in headers.items()}
    assert ask(server, "state.json", headers=headers)[0] == 403
    assert post(server, "edit", {"do": "decide"}, headers=headers)[0] == 403


def test_the_page_itself_is_let_in_by_both_names_of_this_machine(server):
    for name in ("127.0.0.1", "localhost"):
        host = f"{name}:{server.port}"
        headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
        assert ask(server, "state.json", headers=headers)[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "page/../server.py",
        "page/..%2fserver.py",
        "page/%2e%2e/server.py",
        "page//etc/passwd",
        "page/..\\server.py",
        "page/%2fetc%2fpasswd",
        "page/",
        "../../etc/passwd",
        "frames/../../x.jpg",
        "door.plan.json",
        "page/review.py",
    ],
)
def test_paths_lead_nowhere_but_to_the_page(server, path):
    status, _, body = ask(server, path)
    assert status in (403, 404)
    assert b"import" not in body
    assert b"root:" not in body


def test_a_request_must_say_that_it_is_json(server):
    body = json.dumps({"do": "decide", "tracks": [1], "status": "keep"})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert (
            ask(server, "edit", method="POST", body=body, headers={"Content-Type": kind})[0] == 415
        )
    assert ask(server, "edit", method="POST", body=body)[0] == 415
    assert ask(server, "edit", method="PUT", body=body)[0] == 405


def test_a_huge_upload_is_refused_before_it_is_read(server):
    status, answer = post(server, "edit", b" " * (MAX_BODY_BYTES + 1))
    assert status == 413
    assert str(MAX_BODY_BYTES) in answer["error"]
    headers = {"Content-Type": "application/json", "Content-Length": str(10**15)}
    status, _, _ = ask(server, "edit", method="POST", headers=headers)
    assert status == 413


def test_a_huge_upload_of_unknown_length_is_refused_too(server):
    def chunks():
        for _ in range(64):
            yield b" " * 4096

    status, _ = post(server, "edit", b"", headers={"Content-Length": "0"})
    assert status == 400
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    headers = {"Content-Type": "application/json"}
    connection.request("POST", f"/{server.token}/edit", chunks(), headers, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 5000,
        b'{"do": 1}',
        b'{"do": "dance"}',
        b'{"do": "decide"}',
        b'{"do": "decide", "tracks": [], "status": "keep"}',
        b'{"do": "decide", "tracks": [99], "status": "keep"}',
        b'{"do": "decide", "tracks": [true], "status": "keep"}',
        b'{"do": "decide", "tracks": [1], "status": "perhaps"}',
        b'{"do": "follow", "box": [0, 0, 1], "frame": 0, "kind": "face"}',
        b'{"do": "follow", "box": [0, 0, NaN, 1], "frame": 0, "kind": "face"}',
        b'{"do": "follow", "box": [0, 0, 1, 1], "frame": 9999, "kind": "face"}',
        b'{"do": "zone", "rule": "cover", "points": [[0, 0], [1, 1]]}',
        b'{"do": "zone", "rule": "cover", "points": [[0, 0], [1, 1], [1, 0], [0, 1]]}',
        b'{"do": "zone", "rule": "cover", "points": 7}',
        b'{"do": "remove", "name": "nothing"}',
        b'{"do": "remove", "name": 1}',
    ],
)
def test_what_cannot_be_done_is_told_in_one_line_and_changes_nothing(review, body):
    session, server = review
    plan = session.plan
    status, answer = post(server, "edit", body)
    assert status == 400
    assert answer["error"]
    assert "\n" not in answer["error"]
    assert session.plan is plan


def test_an_unknown_command_is_refused(server):
    assert post(server, "do/shutdown", {})[0] == 404
    assert post(server, "do/rendering", {})[0] == 404


def test_decisions_can_be_undone_and_made_again(review):
    session, server = review
    status, state = post(server, "edit", {"do": "decide", "tracks": [1], "status": "keep"})
    assert (status, state["cards"][0]["status"], state["can_undo"]) == (200, "keep", True)
    assert not state["is_saved"]
    _, state = post(server, "do/undo", {})
    assert (state["cards"][0]["status"], state["can_redo"]) == ("cover", True)
    _, state = post(server, "do/redo", {})
    assert state["cards"][0]["status"] == "keep"
    post(server, "do/undo", {})
    assert session.plan.kept == frozenset()


def test_there_is_no_report_before_a_result(server):
    assert ask(server, "report.html")[0] == 404


def test_only_this_machine_can_reach_the_server(server):
    with socket.socket() as other:
        other.settimeout(5)
        other.connect(("127.0.0.1", server.port))
    assert server.address.startswith(f"http://127.0.0.1:{server.port}/")
    assert len(server.token) >= 32


def test_every_server_has_a_token_of_its_own(plan, tmp_path):
    with reviewed(tmp_path, plan) as (_, one), reviewed(tmp_path, plan) as (_, two):
        assert one.token != two.token
        assert ask(one, "state.json", token=two.token)[0] == 403


def test_the_server_ends_when_nobody_uses_it(plan, tmp_path):
    session = ReviewSession(plan, tmp_path / "p.json", tmp_path / "out.mp4")
    server = ReviewServer(session, idle_seconds=0.3)
    thread = threading.Thread(target=server.run)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    session.close()


def test_requests_without_the_token_do_not_keep_the_server_running(plan, tmp_path):
    with reviewed(tmp_path, plan) as (_, server):
        assert ask(server, "state.json")[0] == 200
        last = server.guard.last_request
        assert ask(server, "state.json", token="x")[0] == 403
        assert server.guard.last_request == last
        ask(server, "state.json")
        assert server.guard.last_request > last


def test_finishing_ends_the_server(plan, tmp_path):
    with reviewed(tmp_path, plan) as (_, server):
        assert post(server, "do/finish", {})[0] == 200
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                ask(server, "state.json")
            except OSError:
                break
        with pytest.raises(OSError):
            ask(server, "state.json")
