"""The benchmarks themselves: attacks recognise what is visible and nothing under a constant."""

import json
import sys

import numpy as np
import pytest

from benchmarks import __main__, face_recall, kernels, privacy, privacy_subjects, reporting
from redact import Settings


@pytest.fixture(scope="module")
def faces():
    return [privacy_subjects.drawn_face(i) for i in range(6)]


@pytest.fixture(autouse=True)
def short_clips(monkeypatch):
    monkeypatch.setattr(privacy_subjects, "FRAMES", 2)


def test_uncovered_faces_are_recognised(faces):
    shares = privacy.attack(faces, privacy.covers()["nothing"], "face", 0)
    assert shares[1] == shares[3] == 1.0


def test_nobody_is_recognised_under_a_constant(faces):
    shares = privacy.attack(faces, privacy.covers()["flat constant"], "face", 0)
    assert max(shares) <= 1 / len(faces)


def test_more_people_are_recognised_under_a_weak_cover_than_under_the_default(faces):
    weak = privacy.by_style(Settings(strength=0.125, unsafe=True))
    default = privacy.by_style(Settings())
    shares = [privacy.attack(faces[:4], cover, "face", 0)[3] for cover in (weak, default)]
    assert shares[0] > shares[1]


def test_clear_plates_are_read_and_covered_plates_are_not():
    plates = [privacy_subjects.draw_plate(privacy_subjects.plate_text(i)) for i in range(5)]
    ways = {name: privacy.covers()[name] for name in ("nothing", "blur (default)")}
    shares = privacy.attack_all(plates, ways, "plate", 0)
    assert min(float(ways.max()) for ways in shares["nothing"][4:]) > 0.9
    assert max(float(ways.max()) for ways in shares["blur (default)"][4:]) < 0.2


def test_a_table_replaces_the_text_between_its_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- kernels -->\nold\n<!-- kernels end -->\nb\n")
    reporting.write_between_marks(page, "kernels", "new")
    assert page.read_text() == "a\n<!-- kernels -->\n\nnew\n\n<!-- kernels end -->\nb\n"
    with pytest.raises(ValueError, match="privacy"):
        reporting.write_between_marks(page, "privacy", "new")


def test_kernels_are_checked_before_they_are_timed():
    from redact.cover import kernels as compiled

    kernels.check(compiled)

    class Wrong:
        reduce = compiled.reduce

        @staticmethod
        def paint(plane, *_):
            plane[:] = 0

    with pytest.raises(AssertionError):
        kernels.check(Wrong)


def test_face_recall_counts_covered_faces_and_false_area(tmp_path, capsys):
    import cv2

    from redact import Box

    (tmp_path / "set").mkdir()
    cv2.imwrite(str(tmp_path / "set" / "a.png"), np.zeros((100, 200, 3), np.uint8))
    labels = [{"x": 10, "y": 10, "w": 40, "h": 20}, {"x": 100, "y": 10, "w": 40, "h": 40}]
    (tmp_path / "boxes.json").write_text(json.dumps({"set/a.png": labels}))

    def half(image):
        # All of the first face, less than 80 % of the second, and a place without a face.
        return [Box(8, 8, 52, 32), Box(100, 10, 140, 41), Box(150, 80, 190, 90)]

    score = face_recall.measure(tmp_path, {"half": half})["half"]
    assert score.heights == {16: [True], 32: [False]}
    assert score.sets == {"set": [True, False]}
    assert score.false_areas == {"set": [pytest.approx(40 * 10 / (100 * 200))]}
    assert "set 50.0 / 2.00" in capsys.readouterr().out


def test_without_a_name_all_benchmarks_are_listed_with_a_line_each(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["benchmarks"])
    __main__.main()
    lines = capsys.readouterr().out.splitlines()[2:-2]
    assert [line.split()[0] for line in lines] == sorted(__main__.NAMES)
    assert all(len(line.split()) > 4 for line in lines)


def test_an_unknown_benchmark_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["benchmarks", "speed"])
    with pytest.raises(SystemExit, match="there is no benchmark 'speed'"):
        __main__.main()
