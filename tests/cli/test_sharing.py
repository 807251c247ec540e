"""`redact --for`: what each purpose asks for, records and writes."""

import json
import re
import shlex
from pathlib import Path

import pytest
from make_clips import brightest, read_back, write_clip

from redact import Ledger, TargetError
from redact.cli import main
from redact.report import Report

WALK = Path(__file__).parents[2] / "examples" / "answering_a_request.md"


pytestmark = pytest.mark.usefixtures("square_scans")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a clip in it, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REDACT_LEDGER", raising=False)
    write_clip(tmp_path / "a.mp4")
    return tmp_path


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def entries(folder, name="redact-ledger.jsonl"):
    ledger = Ledger(folder / name)
    assert not ledger.verify().problems
    return ledger.entries()


REQUEST = ["a.mp4", "--for", "request", "--who", "Sgt. Lee", "--why", "a parcel", "-q"]


def test_an_accepted_request_is_recorded_and_its_report_names_the_entry(folder):
    options = ["--role", "agency", "--case", "7", "--window", "noon", "-o", "b.mp4"]
    assert main([*REQUEST, *options, "--json", "b.json", "--report", "b.html"]) == 0
    assert names(folder) == ["a.mp4", "b.html", "b.json", "b.mp4", "redact-ledger.jsonl"]
    (entry,) = entries(folder)
    assert entry.event == "request accepted"
    assert entry.details == {
        "who": "Sgt. Lee",
        "role": "agency",
        "case": "7",
        "window": "noon",
        "why": "a parcel",
    }
    data = json.loads((folder / "b.json").read_text())
    assert data["ledger_entry"] == {"number": 1, "hash": entry.hash}
    assert entry.facts["result_sha256"] == data["output"]["sha256"]
    assert data["purpose"] == "request" and entry.hash in (folder / "b.html").read_text()
    assert "Sgt. Lee" not in (folder / "b.html").read_text()


@pytest.mark.parametrize("answer", ["declined", "ignored"])
def test_a_request_without_a_result_is_recorded_all_the_same(folder, answer, capsys):
    assert main([*REQUEST, "--answer", answer]) == 0
    assert names(folder) == ["a.mp4", "redact-ledger.jsonl"]
    (entry,) = entries(folder)
    assert entry.event == f"request {answer}" and set(entry.facts) == {
        "source_sha256",
        "source_bytes",
    }
    out = capsys.readouterr().out
    assert out.startswith("recorded in redact-ledger.jsonl:\n") and f"request {answer}" in out


def test_subject_access_shows_one_person_and_comes_with_a_note(folder):
    command = ["a.mp4", "--for", "subject-access", "--who", "A. Jones", "-o", "jones.mp4", "-q"]
    assert main([*command, "--keep", "1", "--received", "2026-11-30"]) == 0
    assert names(folder) == ["a.mp4", "jones.mp4", "jones.note.txt", "redact-ledger.jsonl"]
    assert all(brightest(image) > 200 for image in read_back("jones.mp4")[1])
    note = (folder / "jones.note.txt").read_text()
    assert "To: A. Jones" in note and "Answer due: 2026-12-30" in note and "jones.mp4" in note
    assert entries(folder)[0].details["due"] == "2026-12-30"


def test_subject_access_without_a_person_writes_nothing(folder, capsys):
    command = ["a.mp4", "--for", "subject-access", "--who", "A. Jones", "-o", "jones.mp4", "-q"]
    assert main(command) == 2
    assert "one person stays visible, and here it is nobody" in capsys.readouterr().err
    assert names(folder) == ["a.mp4"]


def test_a_legal_demand_leaves_the_original_and_copies_it(folder):
    before = (folder / "a.mp4").read_bytes()
    command = ["a.mp4", "--for", "legal-demand", "--who", "Court", "--case", "7", "-q"]
    assert main([*command, "--sealed-copy", "evidence.mp4"]) == 0
    assert (folder / "a.mp4").read_bytes() == (folder / "evidence.mp4").read_bytes() == before
    digest = (folder / "evidence.mp4.sha256").read_text().split()[0]
    (entry,) = entries(folder)
    assert (entry.facts["source_sha256"], entry.facts["source_bytes"]) == (digest, len(before))
    assert entry.facts["sealed_copy_sha256"] == digest
    assert all(brightest(image) < 200 for image in read_back("a.redacted.mp4")[1])


def test_moments_are_parts_and_posts_are_recorded_if_asked(folder):
    assert main(["a.mp4", "--for", "moments", "--from", "0", "--to", ".2", "-q"]) == 0
    assert len(read_back("a.redacted.mp4")[1]) == 5
    assert names(folder) == ["a.mp4", "a.redacted.mp4"]
    assert main(["a.mp4", "-q", "--ledger", "own.jsonl"]) == 0
    assert [entry.event for entry in entries(folder, "own.jsonl")] == ["post shared"]


def test_a_plan_is_rendered_for_a_purpose_too(folder):
    assert main(["analyze", "a.mp4", "-o", "plan.json", "-q"]) == 0
    render = ["render", "plan.json", "-o", "b.mp4", "-q", *REQUEST[1:-1]]
    assert main([*render, "--answer", "declined"]) == 2, "-o names a result that won't be"
    assert main(render) == 0
    assert [entry.event for entry in entries(folder)] == ["request accepted"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--for", "gift"], "invalid choice: 'gift'"),
        (["--for", "request", "--who", "Sam"], "a request needs --why"),
        (["--for", "moments"], "say where it begins and ends"),
        (["--who", "Sam"], "unrecognized arguments: --who Sam"),
        ([*REQUEST[1:], "--answer", "ignored", "--report", "r.html"], "so leave out --report"),
        ([*REQUEST[1:], "--ledger", "a.mp4"], "not an entry of a ledger"),
        ([*REQUEST[1:], "--ledger", "b.mp4", "-o", "b.mp4"], "is asked for twice"),
        ([*REQUEST[1:], "--answer", "declined", "--ledger", "no/l"], "there is no folder 'no'"),
        (
            ["--for", "legal-demand", "--who", "C", "--case", "7", "--sealed-copy", "a.mp4"],
            "is the source itself",
        ),
        (["--for", "subject-access", "--who", "A", "--due", "soon"], "'soon' is not a date"),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_nothing_is_written(folder, capsys, options, message):
    before = (folder / "a.mp4").read_bytes()
    try:
        code = main(["a.mp4", "-q", *options])
    except SystemExit as stop:
        code = stop.code
    error = capsys.readouterr().err
    assert code == 2 and message in error and error.count("\n") == 1
    assert names(folder) == ["a.mp4"] and (folder / "a.mp4").read_bytes() == before


def test_a_result_that_was_recorded_but_not_written_is_recorded_too(folder, monkeypatch):
    def fail(*_arguments, **_options):
        raise TargetError("the disk is full")

    monkeypatch.setattr(Report, "save_html", fail)
    assert main([*REQUEST, "--report", "b.html"]) == 2
    assert names(folder) == ["a.mp4", "redact-ledger.jsonl"]
    assert [entry.event for entry in entries(folder)] == ["request accepted", "result not written"]


@pytest.mark.parametrize("purpose", ["request", "subject-access", "legal-demand", "moments"])
def test_the_help_of_a_purpose_fits_a_screen_and_has_an_example(capsys, purpose):
    with pytest.raises(SystemExit):
        main(["--for", purpose, "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 40 and max(map(len, lines)) <= 80
    assert any(line.startswith("  redact porch.mp4 --for") for line in lines)


def test_the_walk_from_a_request_to_an_answer_works(folder):
    """Every command of the page is run, on a clip with the page's name."""
    (folder / "a.mp4").rename(folder / "porch.mp4")
    blocks = re.findall(r"(<!-- not run.*?-->\n)?```sh\n(.*?)```", WALK.read_text("utf-8"), re.S)
    commands = [
        line
        for skipped, block in blocks
        for line in block.replace("\\\n", " ").splitlines()
        if not skipped and line.startswith("redact ")
    ]
    assert len(commands) == 6
    for command in commands:
        assert main(shlex.split(command)[1:]) == 0, command
    assert {"answer.mp4", "answer.html", "plan.json"} < set(names(folder))
    assert len(read_back("answer.mp4")[1]) == 15
    assert [e.event for e in entries(folder)] == ["request declined", "request accepted"]


def test_the_python_of_the_walk_works(folder):
    (folder / "a.mp4").rename(folder / "porch.mp4")
    (code,) = re.findall(r"```python\n(.*?)```", WALK.read_text("utf-8"), re.S)
    exec(compile(code, str(WALK), "exec"), {})
    assert "answer.html" in names(folder)
