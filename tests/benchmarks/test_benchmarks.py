"""The benchmarks' own machinery: what they call recognised must be so, and what hidden, hidden."""

import json

import numpy as np
import pytest

from benchmarks import face_recall, kernels, privacy, privacy_subjects, reporting
from redact import Settings


@pytest.fixture(scope="module")
def faces():
    return [privacy_subjects.made_up_face(i) for i in range(6)]


@pytest.fixture(autouse=True)
def short_clips(monkeypatch):
    monkeypatch.setattr(privacy_subjects, "FRAMES", 2)


def test_uncovered_faces_are_recognised(faces):
    shares = privacy.attack(faces, privacy.covers()["nothing"], "face", 0)
    assert shares[1] == shares[3] == 1.0


def test_a_constant_tells_nothing(faces):
    shares = privacy.attack(faces, privacy.covers()["flat constant"], "face", 0)
    assert max(shares) <= 1 / len(faces)


def test_a_weak_cover_tells_more_than_the_default(faces):
    weak = privacy.by_style(Settings(strength=0.125, unsafe=True))
    default = privacy.by_style(Settings())
    told = [privacy.attack(faces[:4], cover, "face", 0)[3] for cover in (weak, default)]
    assert told[0] > told[1]


def test_clear_plates_are_read_and_covered_ones_not():
    plates = [privacy_subjects.draw_plate(privacy_subjects.plate_text(i)) for i in range(5)]
    ways = {name: privacy.covers()[name] for name in ("nothing", "blur (default)")}
    shares = privacy.attack_all(plates, ways, "plate", 0)
    assert min(float(ways.max()) for ways in shares["nothing"][4:]) > 0.9
    assert max(float(ways.max()) for ways in shares["blur (default)"][4:]) < 0.2


def test_tables_go_between_their_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- kernels -->\nold\n<!-- kernels end -->\nb\n")
    reporting.write_between_marks(page, "kernels", "new")
    assert page.read_text() == "a\n<!-- kernels -->\n\nnew\n\n<!-- kernels end -->\nb\n"
    with pytest.raises(ValueError, match="privacy"):
        reporting.write_between_marks(page, "privacy", "new")


def test_kernels_are_checked_before_they_are_timed():
    from redact.cover import _kernels

    kernels.check(_kernels)

    class Wrong:
        reduce, shrink = _kernels.reduce, _kernels.shrink

        @staticmethod
        def paint(plane, *_):
            plane[:] = 0

    with pytest.raises(AssertionError):
        kernels.check(Wrong)


def test_face_recall_counts_what_is_covered_and_what_is_false(tmp_path, capsys):
    import cv2

    from redact import Box

    (tmp_path / "set").mkdir()
    cv2.imwrite(str(tmp_path / "set" / "a.png"), np.zeros((100, 200, 3), np.uint8))
    labels = [{"x": 10, "y": 10, "w": 40, "h": 20}, {"x": 100, "y": 10, "w": 40, "h": 40}]
    (tmp_path / "boxes.json").write_text(json.dumps({"set/a.png": labels}))

    def half(image):
        # The first face whole, less than 80 % of the second, and a place without a face.
        return [Box(8, 8, 52, 32), Box(100, 10, 140, 41), Box(150, 80, 190, 90)]

    tally = face_recall.measure(tmp_path, {"half": half})["half"]
    assert tally.heights == {16: [True], 32: [False]}
    assert tally.sets == {"set": [True, False]}
    assert tally.false == {"set": [pytest.approx(40 * 10 / (100 * 200))]}
    assert "set 50.0 / 2.00" in capsys.readouterr().out
