"""A ledger keeps what was typed, shows every change in it, and survives what ends a process."""

import datetime
import errno
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from redact import Ledger, LedgerError
from redact import ledger as module

ROOT = Path(__file__).parents[1]


@pytest.fixture
def ledger(tmp_path):
    """A ledger of four entries."""
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for number in range(1, 5):
        ledger.append(f"event {number}", details={"who": f"Zoë {number}"})
    return ledger


def run(code, *arguments, **options):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, **options)


def test_an_entry_holds_what_was_given_and_the_hash_of_the_one_before(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    first = ledger.append("request", details={"who": "Zoë\nA."}, facts={"source_bytes": 7})
    second = ledger.append("shared")
    assert ledger.entries() == [first, second]
    assert (first.number, first.details, first.facts) == (
        1,
        {"who": "Zoë\nA."},
        {"source_bytes": 7},
    )
    assert second.previous == first.hash and first.previous == "0" * 64
    check = ledger.verify()
    assert (check.entry_count, check.last_hash, check.problems) == (2, second.hash, ())


def test_an_entry_holds_nothing_about_the_machine(ledger):
    text = ledger.path.read_text()
    assert os.fspath(ledger.path.parent) not in text and ledger.path.name not in text
    assert set(json.loads(text.splitlines()[0])) == {
        *("ledger", "number", "time", "event", "details", "facts", "previous", "hash"),
    }


def edit(lines):
    return [lines[0], lines[1].replace(b"event 2", b"event 5"), *lines[2:]]


def rehash(lines):
    """What somebody does who knows how a line is hashed, but leaves the later lines alone."""
    values = json.loads(lines[1])
    values["details"]["who"] = "Tom"
    names = ("number", "time", "event", "details", "facts", "previous", "hash")
    entry = module._hashed(module.Entry(**{name: values[name] for name in names}))
    return [lines[0], module._line_of(entry), *lines[2:]]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (edit, r"entry 2 \(line 2\) was changed"),
        (rehash, r"entry 3 \(line 3\) doesn't follow entry 2"),
        (lambda lines: lines[1:], r"entry 2 \(line 1\) doesn't follow the start of the ledger"),
        (lambda lines: [*lines[:1], *lines[2:]], r"entry 3 \(line 2\) doesn't follow entry 1"),
        (lambda lines: [*lines[:2], lines[3], lines[2]], r"entry 4 \(line 3\) doesn't follow"),
        (lambda lines: [*lines, lines[3]], r"entry 4 \(line 5\) doesn't follow entry 4"),
        (lambda lines: [*lines[:2], b"", *lines[2:]], "line 3 is not an entry"),
        (lambda lines: [*lines[:2], b'{"a":' * 9999, *lines[2:]], "line 3 is not an entry"),
        (lambda lines: [lines[0] + b"\r", *lines[1:]], "entry 1 .* is written in another way"),
    ],
)
def test_a_change_is_found(ledger, change, problem):
    lines = ledger.path.read_bytes().split(b"\n")[:-1]
    ledger.path.write_bytes(b"\n".join(change(lines)) + b"\n")
    assert any(re.search(problem, text) for text in ledger.verify().problems)


def test_every_byte_counts(ledger):
    data = ledger.path.read_bytes()
    for at in range(0, len(data), 7):
        changed = bytes([data[at] ^ 1])
        ledger.path.write_bytes(data[:at] + changed + data[at + 1 :])
        assert ledger.verify().problems, f"byte {at} of {data!r} was changed to {changed!r}"


def test_a_missing_end_is_found_by_a_hash_that_was_noted_elsewhere(ledger):
    last = ledger.entries()[-1].hash
    assert not ledger.verify(last).problems and not ledger.verify(last[:12].upper()).problems
    lines = ledger.path.read_bytes().split(b"\n")
    ledger.path.write_bytes(b"\n".join(lines[:3]) + b"\n")
    assert not ledger.verify().problems, "a chain alone can't show it"
    assert "no entry has the hash" in ledger.verify(last).problems[0]


def test_an_end_that_was_cut_off_within_a_line_is_found(ledger):
    ledger.path.write_bytes(ledger.path.read_bytes()[:-1])
    assert "the last line is unfinished" in ledger.verify().problems[0]


@pytest.mark.parametrize("expected", ["", "5f0c", "x" * 64, "0" * 65])
def test_what_is_no_hash_is_refused(ledger, expected):
    with pytest.raises(LedgerError, match="is not a hash"):
        ledger.verify(expected)


def test_an_unfinished_line_is_taken_out_and_told_of(ledger):
    """A process that is killed while it writes leaves such a line."""
    whole = ledger.path.read_bytes()
    ledger.path.write_bytes(whole + whole[:50])
    entry = ledger.append("next")
    assert entry.number == 5 and entry.facts["unfinished_bytes"] == 50
    assert not ledger.verify().problems
    assert ledger.path.read_bytes().startswith(whole)


def test_entries_of_processes_that_append_at_once_all_count(tmp_path):
    path = tmp_path / "ledger.jsonl"
    code = (
        "import sys\nfrom redact import Ledger\n"
        "for n in range(15): Ledger(sys.argv[1]).append(f'{sys.argv[2]} {n}')"
    )
    workers = [run(code, path, name) for name in "abc"]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    check = Ledger(path).verify()
    assert (check.entry_count, check.problems) == (45, ())
    events = [entry.event for entry in Ledger(path).entries()]
    assert sorted(events) == sorted(f"{name} {n}" for name in "abc" for n in range(15))


def test_a_process_that_is_killed_while_it_writes_blocks_nobody(ledger, monkeypatch):
    code = (
        "import os, sys, time\nfrom redact import Ledger, ledger\n"
        "line = ledger._line_of\n"
        "def half(entry):\n"
        "    sys.stdout.write('x'); sys.stdout.flush(); time.sleep(60)\n"
        "ledger._line_of = half\n"
        "Ledger(sys.argv[1]).append('killed')"
    )
    worker = run(code, ledger.path, stdout=subprocess.PIPE)
    assert worker.stdout.read(1) == b"x", "it holds the lock now"
    monkeypatch.setattr("redact.ledger._LOCK_SECONDS", 0.05)
    with pytest.raises(LedgerError, match="another process has kept it locked"):
        ledger.append("too early")
    worker.kill()
    worker.wait()
    worker.stdout.close()
    monkeypatch.undo()
    assert ledger.append("after").number == 5
    assert not ledger.verify().problems


def test_a_full_disk_leaves_the_ledger_as_it_was(ledger, monkeypatch):
    before = ledger.path.read_bytes()

    def fail(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(LedgerError, match=os.strerror(errno.ENOSPC)):
        ledger.append("too much")
    assert ledger.path.read_bytes() == before


def test_nothing_is_added_to_what_is_no_ledger(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n")
    with pytest.raises(LedgerError, match=r"last line of .*notes.txt' is not an entry"):
        Ledger(path).append("x")
    assert path.read_text() == "my notes\n"
    with pytest.raises(LedgerError, match=r"can't write the ledger"):
        Ledger(tmp_path).append("x")
    with pytest.raises(LedgerError, match=r"can't write the ledger .*none"):
        Ledger(tmp_path / "none" / "ledger.jsonl").append("x")
    with pytest.raises(LedgerError, match=r"can't read the ledger"):
        Ledger(tmp_path / "none.jsonl").entries()


def test_a_text_that_is_too_long_is_refused(tmp_path):
    with pytest.raises(LedgerError, match="who must be a text of at most 4000 characters"):
        Ledger(tmp_path / "a").append("x", details={"who": "x" * 4001})
    with pytest.raises(LedgerError, match="who must be a text"):
        Ledger(tmp_path / "a").append("x", details={"who": 3})


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are others there")
def test_only_the_owner_reads_a_new_ledger(ledger):
    assert ledger.path.stat().st_mode & 0o077 == 0


def test_times_are_utc_and_ascend(ledger):
    times = [entry.time for entry in ledger.entries()]
    assert times == sorted(times)
    assert abs(time.time() - datetime.datetime.fromisoformat(times[-1]).timestamp()) < 120
