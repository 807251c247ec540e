"""`redact ledger` adds, lists and verifies entries."""

import json

import pytest

from redact.cli import main


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REDACT_LEDGER", raising=False)
    return tmp_path


def test_entries_are_added_listed_and_verified(home, capsys):
    (home / "door.mp4").write_bytes(b"clip")
    assert main(["ledger", "add", "request declined", "--who", "Sam", "--clip", "door.mp4"]) == 0
    assert main(["ledger", "add", "note", "--note", "\x1b[31mred"]) == 0
    capsys.readouterr()
    assert main(["ledger", "list"]) == 0
    text = capsys.readouterr().out
    assert "request declined" in text and "who: Sam" in text and "source_bytes: 4" in text
    assert "\x1b" not in text and "door.mp4" not in text
    assert main(["ledger", "list", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert [entry["number"] for entry in entries] == [1, 2]
    assert main(["ledger", "verify"]) == 0
    text = capsys.readouterr().out
    assert "2 entries, no change found" in text and entries[1]["hash"] in text
    assert main(["ledger", "verify", "--expect", entries[0]["hash"][:16]]) == 0


def test_a_changed_ledger_gives_exit_code_1(home, capsys):
    main(["ledger", "add", "shared", "--who", "Sam"])
    ledger = home / "redact-ledger.jsonl"
    ledger.write_text(ledger.read_text().replace("Sam", "Tom"))
    assert main(["ledger", "verify"]) == 1
    assert "entry 1 (line 1) was changed" in capsys.readouterr().err


def test_another_file_can_be_named(home, monkeypatch, capsys):
    assert main(["ledger", "add", "a", "--ledger", "own.jsonl"]) == 0
    monkeypatch.setenv("REDACT_LEDGER", "env.jsonl")
    assert main(["ledger", "add", "b"]) == 0
    assert {p.name for p in home.glob("*.jsonl")} == {"own.jsonl", "env.jsonl"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list"], "can't read the ledger 'redact-ledger.jsonl'"),
        (["verify"], "can't read the ledger"),
        (["add", "x", "--clip", "none.mp4"], "none.mp4"),
        (["add", "x", "--ledger", "none/a.jsonl"], "can't write the ledger 'none/a.jsonl'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(home, capsys, arguments, message):
    assert main(["ledger", *arguments]) == 2
    text = capsys.readouterr().err
    assert message in text and text.count("\n") == 1
    assert not list(home.glob("*.jsonl"))
