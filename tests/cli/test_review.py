"""`redact review`: it analyzes or opens a plan, serves the page, and loses no decision."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.parse
import webbrowser

import pytest
from make_clips import write_clip
from reviews import make_plan

from redact import Plan
from redact.cli import main, review_command


def post(address, path, body):
    where = urllib.parse.urlsplit(address)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=30)
    headers = {"Content-Type": "application/json"}
    connection.request("POST", where.path + path, json.dumps(body), headers)
    assert connection.getresponse().status == 200
    connection.close()


class Owner:
    """Opens the address that the command prints, decides something, and ends the review."""

    def __init__(self, monkeypatch, *edits):
        self.edits, self.addresses, self.threads = edits, [], []
        monkeypatch.setattr(webbrowser, "open", self.open)

    def open(self, address):
        self.addresses.append(address)
        self.threads.append(threading.Thread(target=self.review, args=(address,)))
        self.threads[-1].start()

    def review(self, address):
        for edit in [*self.edits, ("do/finish", {})]:
            post(address, *edit)

    def join(self):
        for thread in self.threads:
            thread.join()


KEEP = ("edit", {"do": "decide", "tracks": [1], "status": "keep", "reason": "agreed"})


def test_a_saved_plan_is_opened_and_what_was_decided_is_saved_at_the_end(
    tmp_path, monkeypatch, capsys
):
    path = tmp_path / "plan.json"
    make_plan(tmp_path / "door.mp4").save(path)
    owner = Owner(monkeypatch, KEEP)
    assert main(["review", str(path)]) == 0
    owner.join()
    assert Plan.load(path).kept == {1}
    printed = capsys.readouterr().out
    assert owner.addresses[0] in printed
    assert "the decisions are in" in printed


def test_the_clip_of_a_plan_may_have_been_moved(tmp_path, monkeypatch, capsys):
    path = tmp_path / "plan.json"
    make_plan(tmp_path / "door.mp4").save(path)
    (tmp_path / "door.mp4").rename(tmp_path / "moved.mp4")
    assert main(["review", str(path), "--no-browser"]) == 2
    owner = Owner(monkeypatch, KEEP)
    assert main(["review", str(path), "--source", str(tmp_path / "moved.mp4")]) == 0
    owner.join()
    assert Plan.load(path).clip.path == tmp_path / "moved.mp4"


def test_nothing_is_written_where_nothing_was_decided(tmp_path, monkeypatch, capsys):
    write_clip(tmp_path / "a.mp4", frames=4)
    (tmp_path / "s.toml").write_text('detector = "fast"\nplates = false\n')
    owner = Owner(monkeypatch)
    assert main(["review", str(tmp_path / "a.mp4"), "--settings", str(tmp_path / "s.toml")]) == 0
    owner.join()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "s.toml"]
    assert "decisions are" not in capsys.readouterr().out


def test_no_browser_is_opened_if_not_wanted(tmp_path, monkeypatch, capsys):
    path = tmp_path / "plan.json"
    make_plan(tmp_path / "door.mp4").save(path)
    owner = Owner(monkeypatch)
    show = review_command.show

    def shown(text):
        show(text)
        owner.open(re.search(r"http://\S+", text)[0])

    monkeypatch.setattr(review_command, "show", shown)
    monkeypatch.setattr(webbrowser, "open", lambda _: pytest.fail("a browser was opened"))
    assert main(["review", str(path), "--no-browser"]) == 0
    owner.join()


@pytest.mark.skipif(os.name != "posix", reason="signals of other systems can't be sent so")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_review_and_what_was_decided_is_saved(tmp_path, number, code):
    path = tmp_path / "plan.json"
    make_plan(tmp_path / "door.mp4").save(path)
    command = [sys.executable, "-m", "redact", "review", str(path), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        address = re.search(r"http://\S+", process.stdout.readline())[0]
        post(address, *KEEP)
        process.send_signal(number)
        assert "decisions are in" in process.stdout.read()
    assert process.returncode == code
    assert Plan.load(path).kept == {1}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gone.mp4"], "no such file"),
        (["gone.json"], "can't read a plan"),
        (["door.mp4", "-o", "b.gif"], "suffix"),
        (["door.mp4", "-o", "door.mp4"], "source"),
        (["door.mp4"], "redact review 'door.plan.json'"),
        (["other.plan.json"], "not the clip that was analyzed"),
        (["door.plan.json", "--port", "99999"], "port 99999"),
        (["door.plan.json", "--port", "x"], "invalid int"),
        (["door.mp4", "--source", "door.mp4"], "--source is for a plan"),
        ([], "required"),
    ],
)
def test_what_cannot_be_reviewed_is_refused_in_one_line(
    tmp_path, monkeypatch, capsys, arguments, said
):
    monkeypatch.chdir(tmp_path)
    make_plan(tmp_path / "door.mp4").save("door.plan.json")
    text = (tmp_path / "door.plan.json").read_text()
    sha256 = Plan.load("door.plan.json").clip.sha256
    (tmp_path / "other.plan.json").write_text(text.replace(sha256, "0" * 64))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    try:
        code = main(["review", *arguments, "--no-browser"])
    except SystemExit as err:
        code = err.code
    error = capsys.readouterr().err
    assert code == 2
    assert said in error
    assert error.count("\n") == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_missing_libraries_are_named_with_how_to_install_them(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["review", "a.mp4"]) == 2
    assert "python3 -m pip install starlette uvicorn" in capsys.readouterr().err


def test_a_taken_port_is_said(tmp_path, monkeypatch, capsys):
    import socket

    path = tmp_path / "plan.json"
    make_plan(tmp_path / "door.mp4").save(path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["review", str(path), "--port", str(port), "--no-browser"]) == 2
    assert f"port {port}" in capsys.readouterr().err


def test_a_plan_brings_its_own_settings(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["review", "plan.json", "--zone", "cover:0,0,.3,.1"])
    assert ended.value.code == 2
    assert "its own settings" in capsys.readouterr().err
