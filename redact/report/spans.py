"""Detections that lie in one place over time, joined so that a person can read them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from redact.geometry import clamp_to, iou_matrix
from redact.types import ClipInfo, Detection

_MAX_GAP_SECONDS = 1.0
# Boxes of one frame that overlap more than this are of one thing.
_SAME_IOU = 0.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Span:
    """Detections of one kind, each of which overlaps the one before it."""

    detections: tuple[Detection, ...]
    """In order of frames, at most one in each frame."""

    @property
    def kind(self) -> str:
        """The kind of all the detections."""
        return self.detections[0].kind

    @property
    def best(self) -> Detection:
        """The first of the detections with the highest score."""
        return max(self.detections, key=lambda detection: detection.score)

    def described(self, clip: ClipInfo) -> str:
        """Describe the span in words, with the times at which a player shows it in the clip.

        For example "face, 0:12.4 to 0:14.0, 32 frames, at 410,96 (38 x 52 px), best score 0.93".
        """
        count, box = len(self.detections), self.best.box
        times = [clip.time_label(d.frame_index) for d in (self.detections[0], self.detections[-1])]
        return ", ".join(
            [
                self.kind,
                " to ".join(dict.fromkeys(times)),
                "1 frame" if count == 1 else f"{count} frames",
                f"at {box.x0:.0f},{box.y0:.0f} ({box.width:.0f} x {box.height:.0f} px)",
                f"{'score' if count == 1 else 'best score'} {self.best.score:.2f}",
            ]
        )


def spans_of(detections: Iterable[Detection], clip: ClipInfo) -> list[Span]:
    """Join detections to spans, in order of their first frames.

    Several scans see one thing in boxes of their own; in each frame the best of them counts. A
    detection continues a span of its kind whose last box it overlaps and which ended no more than
    a second before. Among several such spans, it continues the one that it overlaps most.
    """
    seconds = clip.seconds
    spans: list[list[Detection]] = []
    for detection in sorted(detections, key=lambda d: (d.frame_index, d.kind, -d.score, d.box)):
        if any(_is_same(detection, span[-1]) for span in spans):
            continue
        overlaps = [
            (clamp_to(detection.box, span[-1].box).area, span)
            for span in spans
            if span[-1].kind == detection.kind
            and span[-1].frame_index < detection.frame_index
            and seconds[detection.frame_index] - seconds[span[-1].frame_index] <= _MAX_GAP_SECONDS
        ]
        area, span = max(overlaps, key=lambda pair: pair[0], default=(0.0, []))
        if area > 0:
            span.append(detection)
        else:
            spans.append([detection])
    return [Span(detections=tuple(span)) for span in spans]


def _is_same(one: Detection, other: Detection) -> bool:
    if (one.frame_index, one.kind) != (other.frame_index, other.kind):
        return False
    return bool(iou_matrix(np.asarray([one.box]), np.asarray([other.box]))[0, 0] > _SAME_IOU)
