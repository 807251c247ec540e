"""`redact watch`: its arguments, and the examples that show them."""

import re
import shlex
from pathlib import Path

import pytest

from redact.cli import main
from redact.cli.watch_command import parser

EXAMPLES = Path(__file__).parents[2] / "examples" / "watching"


@pytest.mark.parametrize("name", ["README.md", "compose.yaml", "redact-watch.service"])
def test_the_commands_of_the_examples_are_right(name):
    commands = re.findall(
        r"^(?:ExecStart=\S*|\s*command: )?redact watch (/.*)",
        (EXAMPLES / name).read_text(encoding="utf-8").replace("/opt/redact/bin/", ""),
        flags=re.MULTILINE,
    )
    assert commands
    for command in commands:
        parser().parse_args(shlex.split(command))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gone", "out"], "there is no folder 'gone' to watch"),
        ([".", "out", "--settle", "-1"], "settle_seconds"),
        ([".", "out", "--settings", "gone.toml"], "gone.toml"),
        ([".", "file/out"], "manifest"),
    ],
)
def test_what_cannot_be_watched_is_refused_in_one_line(
    tmp_path, monkeypatch, capsys, arguments, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert main(["watch", *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
