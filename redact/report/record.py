"""The record of what was done to a clip, and its form as JSON."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from redact.ledger import Entry
from redact.output import write_text
from redact.plan import Plan
from redact.report import summary, words
from redact.report.spans import spans_of
from redact.types import Detection, Track


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """What was done: the plan, the hash of the result, what the audit found, and the times."""

    plan: Plan
    output: Path
    output_sha256: str
    frame_count: int
    covered_ratio: float
    """The share of all luma pixels of the clip that are covered."""
    leaks: tuple[Detection, ...]
    """Doubtful detections outside the covered regions of the output, left after the last round.

    No earlier round detected anything there, so a person should look at these frames. When a
    certain detection is left, no output is written at all.
    """
    audited_frames: int
    """How many frames of the output the audit scanned whole; 0 when there was no audit."""
    min_face_pixels: int = 0
    """The smallest height of a face, in luma pixels, that the audit's scans can detect; 0 when it
    is not known."""
    stage_seconds: Mapping[str, float]
    purpose: str = "post"
    """What the result is shared for; see `redact.sharing.purposes`."""
    ledger_entry: Entry | None = None
    """Where the ledger records that the result was given out."""

    @property
    def removed(self) -> tuple[str, ...]:
        """What the source contains besides its pictures, and the result doesn't."""
        return summary.removed_of(self.plan)

    @property
    def searched_face_pixels(self) -> int:
        """Faces lower than this, in pixels of the frame, were not looked for; see `Plan`."""
        return self.plan.min_face_pixels

    @property
    def searched_face_ratios(self) -> tuple[float, float]:
        """`searched_face_pixels` relative to the picture's width and to its height, 0..1."""
        width, height = self.plan.clip.upright_size
        return self.searched_face_pixels / width, self.searched_face_pixels / height

    @property
    def part(self) -> tuple[str, str] | None:
        """The times of the source between which the result lies; None if it is not trimmed."""
        return summary.part_of(self.plan)

    @property
    def leak_descriptions(self) -> tuple[str, ...]:
        """The leaks in words, with times; leaks that lie in one place over time share a line."""
        return tuple(
            span.described(self.plan.clip) for span in spans_of(self.leaks, self.plan.clip)
        )

    @property
    def verdict(self) -> str:
        """What came out, in one sentence for whoever decides whether to share the result."""
        return words.verdict_of(self).sentence

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        clip = self.plan.clip
        states = summary.states_of(self.plan)
        return {
            "format": "redact-report-1",
            "verdict": self.verdict,
            "purpose": self.purpose,
            "ledger_entry": self.ledger_entry
            and {"number": self.ledger_entry.number, "hash": self.ledger_entry.hash},
            "source": {"name": clip.path.name, "sha256": clip.sha256},
            "output": {"name": self.output.name, "sha256": self.output_sha256},
            "frame_count": self.frame_count,
            "part": None if self.part is None else list(self.part),
            "seconds": round(summary.clip_seconds(clip), 3),
            "covered_ratio": round(self.covered_ratio, 6),
            "covered_seconds": round(summary.covered_seconds(self.plan), 3),
            "covered": summary.covered_counts(self.plan),
            "searched_face_pixels": self.searched_face_pixels,
            "searched_face_width_ratio": round(self.searched_face_ratios[0], 4),
            "searched_face_height_ratio": round(self.searched_face_ratios[1], 4),
            "audited_frames": self.audited_frames,
            "min_face_pixels": self.min_face_pixels,
            "leaks": [
                {
                    "frame_index": leak.frame_index,
                    "time": clip.time_label(leak.frame_index),
                    "kind": leak.kind,
                    "box": [round(value, 1) for value in leak.box],
                    "score": round(leak.score, 3),
                }
                for leak in self.leaks
            ],
            "removed": list(self.removed),
            "warnings": list(clip.warnings),
            "tracks": [self._track_to_dict(track, states[track.id]) for track in self.plan.tracks],
            "zones": [zone.to_dict() for zone in self.plan.zones],
            "settings": dataclasses.asdict(self.plan.settings),
            "stage_seconds": {name: round(value, 3) for name, value in self.stage_seconds.items()},
        }

    def _track_to_dict(self, track: Track, state: summary.State) -> dict[str, Any]:
        clip = self.plan.clip
        decision = summary.last_decision(self.plan, track.id)
        values = {
            "id": track.id,
            "kind": track.kind,
            "start_index": track.start_index,
            "stop_index": track.stop_index,
            "start": clip.time_label(track.start_index),
            "last": clip.time_label(track.stop_index - 1),
            "frames_detected": int(np.isfinite(track.scores).sum()),
            "frames_filled": int(np.isnan(track.scores).sum()),
            "covered": state == "covered",
            "state": state,
        }
        return values | ({"reason": decision.reason, "by": decision.by} if decision else {})

    def save_json(self, path: str | os.PathLike[str]) -> None:
        """Write the report as JSON.

        Raises:
            TargetError: the file can't be written; an older file there is unchanged.

        """
        write_text(path, json.dumps(self.to_dict(), indent=1) + "\n")

    def save_html(
        self, path: str | os.PathLike[str], *, result: str | os.PathLike[str] | None = None
    ) -> None:
        """Write a page for people: one file that needs no network and runs no script.

        Its pictures come from the result. Whoever stays visible there is covered in them, too.

        result: where the output lies now, if not at `output`.

        Raises:
            ClipError: the output isn't there to take pictures from.
            TargetError: the page can't be written; an older file there is unchanged.

        """
        from redact.report.page import page_of

        write_text(path, page_of(self, Path(result or self.output)))
