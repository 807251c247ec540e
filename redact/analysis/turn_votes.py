"""Which way up a camera hangs, by the turn of frames in which people and plates stand upright."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from redact.analysis.tuning import TUNING
from redact.geometry import share_of_smaller
from redact.types import Detection

_FLAT, _SIDEWAYS = (0, 180), (90, 270)


class TurnVotes:
    """Adds up the scores of bodies, faces and plates by the turn in which each stands upright.

    Faces are detected in every turn, but with higher scores when they are upright, so that the best
    one counts. Plates are detected upside down almost as well as upright, and on their side hardly
    ever: of 148 in photographs 79 and 53 % had a score of at least 0.6, and 1 %. So they tell
    whether frames lie on their side, and on which side where no face does. A body tells it by where
    the hips and the shoulders are. But people bend down, and pets are taken for them: where faces
    and plates leave it in doubt, bodies may confirm that frames are upright, and no more.
    """

    def __init__(self) -> None:
        self._scores = {
            kind: dict.fromkeys(_FLAT + _SIDEWAYS, 0.0) for kind in ("head", "face", "plate")
        }

    def add(self, detected: Iterable[Detection]) -> None:
        """Count the detections of one frame in all of its turns."""
        sure = [
            detection
            for detection in detected
            if detection.score >= TUNING.turn_min_score
            if detection.kind != "plate" or _lies_flat(detection)
        ]
        for detection in best_turns(sure):
            self._scores[detection.kind][detection.turn_degrees] += detection.score

    def plus(self, other: TurnVotes) -> TurnVotes:
        """The votes of both."""
        both = TurnVotes()
        for kind, scores in both._scores.items():
            for turn in scores:
                scores[turn] = self._scores[kind][turn] + other._scores[kind][turn]
        return both

    def decision(self) -> int | None:
        """The clockwise turn after which people stand upright; None where it is in doubt."""
        bodies, faces, plates = self._scores.values()
        turn = _clear_turn(faces, plates)
        if turn is None:
            people = {turn: faces[turn] + bodies[turn] for turn in faces}
            turn = 0 if _clear_turn(people, plates) == 0 else None
        return turn


def _clear_turn(people: Mapping[int, float], plates: Mapping[int, float]) -> int | None:
    """The turn that these votes, by turn, are clearly for; None where it is in doubt."""
    flat, sideways = (
        sum(people[turn] + plates[turn] for turn in pair) for pair in (_FLAT, _SIDEWAYS)
    )
    if max(flat, sideways) < TUNING.turn_min_votes or not _is_clear(flat, sideways):
        return None
    is_flat = flat > sideways
    first, second = pair = _FLAT if is_flat else _SIDEWAYS
    votes = people if is_flat or any(people[turn] for turn in pair) else plates
    if not _is_clear(votes[first], votes[second]):
        return None
    return second if votes[second] > votes[first] else first


def best_turns(detected: Iterable[Detection]) -> list[Detection]:
    """Of detections in all turns of a frame, the best one of each person or plate."""
    best: list[Detection] = []
    for detection in sorted(detected, key=lambda detection: -detection.score):
        if not any(is_same(detection, other) for other in best):
            best.append(detection)
    return best


def is_same(a: Detection, b: Detection) -> bool:
    """Whether two detections in one frame show the same thing: the smaller lies in the other."""
    return a.kind == b.kind and share_of_smaller(a.box, b.box) > TUNING.known_min_share


def _is_clear(a: float, b: float) -> bool:
    return max(a, b) >= TUNING.turn_min_vote_ratio * min(a, b)


def _lies_flat(plate: Detection) -> bool:
    """Whether a plate is clearly wider than high in the turned frame."""
    width, height = plate.box.width, plate.box.height
    if plate.turn_degrees % 180:
        width, height = height, width
    return width >= TUNING.turn_min_plate_aspect * height
