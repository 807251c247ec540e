"""Which scans the settings choose."""

import subprocess
import sys

import pytest

from redact import Settings
from redact.analysis.scan_presets import (
    build_audit_scans,
    build_scans,
    build_snapshot_scans,
    build_still_scans,
)
from redact.analysis.scans import close_scans, min_face_pixels
from redact.views import Presentation

LEVELS = ("fast", "balanced", "thorough")


def built(build, **settings):
    scans = build(Settings(**settings))
    close_scans(scans)
    return scans


def names(scans):
    return [type(scan.detector).__name__ for scan in scans]


@pytest.mark.parametrize(
    ("faces", "plates", "kinds"),
    [
        (True, True, {"face", "plate"}),
        (True, False, {"face"}),
        (False, True, {"plate"}),
    ],
)
def test_only_the_wanted_kinds_are_scanned_for(faces, plates, kinds):
    scans = built(build_scans, faces=faces, plates=plates, detector="fast")
    assert {kind for scan in scans for kind in scan.detector.kinds} == kinds


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("build", [build_scans, build_still_scans, build_audit_scans])
def test_every_level_scans_whole_frames_for_both_kinds(level, build):
    scans = [
        scan
        for scan in built(build, detector=level)
        if scan.where == "frame" and not scan.only_votes_on_turn
    ]
    kinds = {kind for scan in scans for kind in getattr(scan.detector, "kinds", ("face",))}
    assert kinds == {"face", "plate"}


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        ({}, ["StillFaceDetector", "RescoredDetector"]),
        ({"plates": False}, ["StillFaceDetector"]),
        ({"faces": False}, ["RescoredDetector"]),
        ({"detector": "fast"}, []),
    ],
)
def test_snapshots_are_scanned_like_clips_and_like_single_images(settings, more):
    scans = names(built(build_snapshot_scans, **settings))
    assert scans == names(built(build_scans, **settings)) + more


@pytest.mark.parametrize(
    ("heads", "detectors"),
    [
        ("near-tracks", ["StillFaceDetector"]),
        ("all-moving", ["StillFaceDetector", "RescoredDetector"]),
    ],
)
def test_still_images_are_scanned_for_heads_only_if_all_are_asked_for(heads, detectors):
    for level in ("balanced", "thorough"):
        scans = built(build_still_scans, detector=level, plates=False, heads=heads)
        assert names([scan for scan in scans if not scan.turn_degrees]) == detectors


def test_a_scan_that_another_one_replaces_refers_to_a_scan_of_the_same_list():
    scans = built(build_scans, detector="balanced", plates=False)
    (moving,) = {scan.unless_due for scan in scans} - {None}
    assert moving in scans
    assert moving.where == "moving"


@pytest.mark.parametrize("faces", [True, False])
@pytest.mark.parametrize("level", LEVELS)
def test_plates_are_looked_for_in_turned_frames_only_to_find_the_turn(level, faces):
    def turned_plates(build, **settings):
        scans = built(build, detector=level, faces=faces, **settings)
        return [s for s in scans if s.turn_degrees and s.detector.kinds == ("plate",)]

    votes = turned_plates(build_scans)
    assert [scan.turn_degrees for scan in votes] == ([] if level == "fast" else [90, 270])
    assert all(scan.votes_on_turn for scan in votes)
    assert not turned_plates(build_scans, turn_degrees=0)
    assert not turned_plates(build_still_scans)
    assert not turned_plates(build_audit_scans)


def test_importing_the_presets_loads_no_network():
    code = "import redact.analysis.scan_presets, sys; print('onnxruntime' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("level", ["fast", "balanced", "thorough"])
def test_every_level_says_how_small_a_face_it_looks_for(level):
    scans = build_scans(Settings(plates=False, detector=level), threads=1)
    pixels = min_face_pixels(scans, (1920, 1080), Presentation())
    close_scans(scans)
    assert {"fast": 100, "balanced": 8, "thorough": 12}[level] <= pixels <= 200
    assert (pixels < 33) == (level != "fast")
    plates_only = build_scans(Settings(faces=False), threads=1)
    assert min_face_pixels(plates_only, (1920, 1080), Presentation()) == 0
