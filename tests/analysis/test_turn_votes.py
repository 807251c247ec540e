"""Which way up a camera hangs is told by votes of bodies, faces and plates."""

from __future__ import annotations

import pytest

from redact.analysis.turn_votes import TurnVotes
from redact.types import Box, Detection

_UPRIGHT_PLATE, _STANDING_PLATE = Box(100, 100, 160, 120), Box(100, 100, 120, 160)


def _decision(*frames: list[tuple[str, Box, float, int]]) -> int | None:
    votes = TurnVotes()
    for frame in frames:
        votes.add(
            Detection(kind=k, box=box, score=score, turn_degrees=turn)
            for k, box, score, turn in frame
        )
    return votes.decision()


def _face(score: float, turn: int, left: float = 0) -> tuple[str, Box, float, int]:
    return "face", Box(left, 0, left + 40, 40), score, turn


def test_nothing_is_decided_by_one_vote_or_by_weak_ones() -> None:
    assert _decision() is None
    assert _decision([_face(0.9, 90)]) is None
    assert _decision(*[[_face(0.55, 90)]] * 9) is None


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_face_votes_for_the_turn_in_which_it_was_detected_best(turn: int) -> None:
    frame = [_face(0.9 if other == turn else 0.7, other) for other in (0, 90, 180, 270)]
    assert _decision(frame, frame) == turn


def test_bodies_confirm_that_frames_are_upright_and_turn_none() -> None:
    upright, lying = (("head", Box(left, 0, left + 80, 80), 0.8, left) for left in (0, 90))
    assert _decision([upright], [upright]) == 0
    assert _decision(*[[lying]] * 9) is None
    assert _decision(*[[upright, lying]] * 9) is None
    assert _decision(*[[lying, _face(0.8, 90)]] * 2) == 90
    assert _decision(*[[upright, _face(0.8, 90)]] * 2) == 90
    assert _decision([upright], [upright, _face(0.8, 90)]) is None


def test_faces_that_disagree_leave_it_in_doubt() -> None:
    assert _decision(*[[_face(0.8, 0), _face(0.8, 90, left=100)]] * 3) is None
    assert _decision(*[[_face(0.8, 0), _face(0.8, 180, left=100)]] * 3) is None


def test_a_plate_does_not_turn_a_clip_upside_down() -> None:
    blurred = [("plate", _UPRIGHT_PLATE, 0.75, 0), ("plate", _UPRIGHT_PLATE, 0.85, 180)]
    assert _decision(*[blurred] * 5) in (None, 0)
    upright = [("plate", _UPRIGHT_PLATE, 0.8, 0)]
    assert _decision(upright, upright) == 0


def test_faces_tell_which_side_is_up_where_plates_only_tell_that_frames_lie_flat() -> None:
    plate = ("plate", _UPRIGHT_PLATE, 0.9, 0)
    assert _decision(*[[plate, _face(0.8, 180)]] * 2) == 180


def test_plates_show_on_which_side_frames_lie() -> None:
    standing = [("plate", _STANDING_PLATE, 0.7, 90), ("plate", _STANDING_PLATE, 0.9, 270)]
    assert _decision(standing, standing) == 270


def test_a_plate_as_high_as_wide_has_no_vote() -> None:
    assert _decision(*[[("plate", Box(0, 0, 50, 50), 0.9, 90)]] * 3) is None
