"""Folders of made-up clips, and runs over them with a stand-in for the pipeline."""

import pytest
import stand_ins

import redact
from redact.batch import many
from redact.batch.manifest import NAME


@pytest.fixture
def stand_in(monkeypatch):
    """Let workers run `stand_ins.act` in place of the pipeline."""
    monkeypatch.setattr(many, "REDACT_TASK", stand_ins.ACT)


@pytest.fixture
def clips(tmp_path):
    """A function that writes files {name: text} into the folder "in", and returns that folder."""

    def write(files):
        folder = tmp_path / "in"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return folder

    return write


@pytest.fixture
def run(tmp_path, stand_in):
    """A function that runs `redact_many` over the folder "in" into "out"."""

    def redact_many(sources=None, target=None, *, engine="serial", **options):
        sources = [tmp_path / "in"] if sources is None else sources
        return redact.redact_many(sources, target or tmp_path / "out", engine=engine, **options)

    return redact_many


@pytest.fixture
def results(tmp_path):
    """A function that gives the files of the folder "out", {name: text}, without the manifest."""

    def read():
        files = (tmp_path / "out").rglob("*")
        return {
            path.relative_to(tmp_path / "out").as_posix(): path.read_text()
            for path in files
            if path.is_file() and path.name != NAME
        }

    return read
