"""What several tests of the command use."""

import contextlib

import pytest
from make_clips import SquareDetector

from redact.analysis.scans import ScanSpec
from redact.job import Job


@pytest.fixture
def square_scans(monkeypatch):
    """The command detects the bright square, and nothing else, in every frame."""

    @contextlib.contextmanager
    def scans(_job, _build=None, **_options):
        yield [ScanSpec(SquareDetector())]

    monkeypatch.setattr(Job, "scans", scans)
