"""What was done to a clip: a record that becomes JSON, or a page that shows the covered tracks."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import html
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from redact import geometry, video
from redact.output import write_text
from redact.plan import Plan
from redact.spans import spans_of
from redact.types import Box, Detection, Track


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

    @property
    def removed(self) -> tuple[str, ...]:
        """What the source contains besides its pictures, and the result doesn't."""
        dropped = list(self.plan.clip.dropped)
        if self.plan.settings.audio == "keep":
            # Only the first audio stream is kept.
            kept = next((item for item in dropped if item.startswith("audio stream")), None)
            dropped = [item for item in dropped if item != kept]
        return tuple(dropped)

    @property
    def leak_descriptions(self) -> tuple[str, ...]:
        """The leaks in words, with times; leaks that lie in one place over time share a line."""
        return tuple(
            span.described(self.plan.clip) for span in spans_of(self.leaks, self.plan.clip)
        )

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        clip = self.plan.clip
        return {
            "format": "redact-report-1",
            "source": {"name": clip.path.name, "sha256": clip.sha256},
            "output": {"name": self.output.name, "sha256": self.output_sha256},
            "frame_count": self.frame_count,
            "covered_ratio": round(self.covered_ratio, 6),
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
            "tracks": [
                {
                    "id": track.id,
                    "kind": track.kind,
                    "start_index": track.start_index,
                    "stop_index": track.stop_index,
                    "frames_detected": int(np.isfinite(track.scores).sum()),
                    "frames_filled": int(np.isnan(track.scores).sum()),
                    "covered": track.id not in self.plan.allowed,
                }
                for track in self.plan.tracks
            ],
            "settings": dataclasses.asdict(self.plan.settings),
            "stage_seconds": {name: round(value, 3) for name, value in self.stage_seconds.items()},
        }

    def save_json(self, path: str | os.PathLike[str]) -> None:
        """Write the report as JSON.

        Raises:
            TargetError: the file can't be written; an older file there is unchanged.

        """
        write_text(path, json.dumps(self.to_dict(), indent=1) + "\n")

    def save_html(
        self, path: str | os.PathLike[str], *, result: str | os.PathLike[str] | None = None
    ) -> None:
        """Write a page with the figures and a picture of every covered track.

        result: where the output lies now, if not at `output`.

        Raises:
            ClipError: the output isn't there to take pictures from.
            TargetError: the page can't be written; an older file there is unchanged.

        """
        write_text(path, _page(self, Path(result or self.output)))


_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; color: #222 }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse } td, th { padding: .2rem .8rem .2rem 0; text-align: left }
th { font-weight: 600 } code { font-size: .85rem; overflow-wrap: anywhere }
.tracks { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 1rem }
figure { margin: 0 } img { width: 100%; border-radius: 4px; background: #eee }
figcaption { font-size: .85rem; color: #555 }
.bar { height: 6px; background: #e4e4e4; position: relative; margin: .3rem 0 }
.bar i { position: absolute; top: 0; bottom: 0; background: #2a6fb0 }
.allowed i { background: #d08a1d }
"""


def _page(report: Report, result: Path) -> str:
    """The whole page as HTML, with the pictures inside and without scripts or links."""
    plan = report.plan
    title = html.escape(f"Redaction report: {report.output.name}")
    rows = "".join(_row(name, *lines) for name, lines in _facts(report).items())
    pictures = _pictures(report, result)
    figures = "".join(_figure(plan, track, pictures.get(track.id)) for track in plan.tracks)
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>"
        f"<table>{rows}</table><h2>Tracks</h2><div class='tracks'>{figures}</div>"
        "<p>The clip is de-identified, not anonymous: clothes, gait and places remain.</p></html>\n"
    )


def _row(name: str, *lines: str) -> str:
    """A row of the table. Texts come from clips and plans, so all of them are escaped."""
    return f"<tr><th>{html.escape(name)}</th><td>{'<br>'.join(map(html.escape, lines))}</td></tr>"


def _facts(report: Report) -> dict[str, tuple[str, ...]]:
    """The rows of the table: a name, and the lines of text beside it."""
    plan, settings = report.plan, report.plan.settings
    kinds = sorted({track.kind for track in plan.tracks})
    counts = [f"{sum(t.kind == kind for t in plan.tracks)} {kind}" for kind in kinds]
    seconds = [f"{name} {value:.1f} s" for name, value in report.stage_seconds.items()]
    facts = {
        "Source": (plan.clip.path.name, plan.clip.sha256),
        "Result": (report.output.name, report.output_sha256),
        "Frames": (str(report.frame_count),),
        "Tracks": (f"{', '.join(counts) or 'none'}; {len(plan.allowed)} left visible",),
        "Covered": (f"{report.covered_ratio:.2%} of all pixels, style {settings.style}",),
        "Sound": ("kept" if settings.audio == "keep" else "left out",),
        "Audit": _audit_in_words(report),
        "Removed": ("; ".join(report.removed) or "nothing to remove",),
        "Damage": ("; ".join(plan.clip.warnings),),
        "Time": (", ".join(seconds),),
    }
    return {name: lines for name, lines in facts.items() if any(lines)}


def _audit_in_words(report: Report) -> tuple[str, ...]:
    """What the audit found, and how much of the clip that statement is about."""
    if not report.audited_frames:
        return ("nothing was audited",)
    size = f" at {report.min_face_pixels} px and more" if report.min_face_pixels else ""
    extent = f"{report.audited_frames} of {report.frame_count} frames looked at"
    if not report.leaks:
        return (f"nothing found{size} in {extent}",)
    return (f"doubtful detections in {extent}; look at these:", *report.leak_descriptions)


def _figure(plan: Plan, track: Track, picture: str | None) -> str:
    """The picture of a track, a bar that shows when it is there, and a caption."""
    total = max(1, len(plan.clip.pts))
    left, width = track.start_index / total, len(track.boxes) / total
    is_allowed = track.id in plan.allowed
    image = f"<img alt='' src='data:image/jpeg;base64,{picture}'>" if picture else ""
    times = [plan.clip.time_label(index) for index in (track.start_index, track.stop_index - 1)]
    filled_count = int(np.isnan(track.scores).sum())
    caption = (
        f"{track.kind} {track.id}: {' to '.join(dict.fromkeys(times))}, {len(track.boxes)} frames, "
        f"{filled_count} of them filled in{', left visible' if is_allowed else ''}"
    )
    return (
        f"<figure{' class=allowed' if is_allowed else ''}>{image}<div class='bar'>"
        f"<i style='left:{left:.2%};width:{width:.2%}'></i></div>"
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _pictures(report: Report, result: Path) -> dict[int, str]:
    """A base64 JPEG for the id of each covered track, cut from its middle frame in the output."""
    tracks_at: dict[int, list[Track]] = {}
    for track in report.plan.covered_tracks:
        tracks_at.setdefault(track.start_index + len(track.boxes) // 2, []).append(track)
    if not tracks_at:
        return {}
    pictures: dict[int, str] = {}
    clip = video.probe(result, max_pixels=report.plan.settings.max_pixels)
    with contextlib.closing(video.read_frames(clip)) as frames:
        for frame in frames:
            if frame.index in tracks_at:
                image = video.to_bgr(frame, clip.rotation_degrees, clip.is_mirrored)
                for track in tracks_at[frame.index]:
                    pictures[track.id] = _cut_out(image, track.box_at(frame.index))
            if frame.index >= max(tracks_at):
                break
    return pictures


def _cut_out(image: NDArray[np.uint8], box: Box | None) -> str:
    """A base64 JPEG of the square around a box, in an (H, W, 3) uint8 BGR image."""
    assert box is not None
    height, width = image.shape[:2]
    square = geometry.grow(box, 0.0, 2.5 * max(box.width, box.height))
    x0, y0, x1, y1 = geometry.align_even(square, width, height) or (0, 0, width, height)
    scale = 240 / max(x1 - x0, y1 - y0)
    size = (max(1, round(scale * (x1 - x0))), max(1, round(scale * (y1 - y0))))
    small = cv2.resize(image[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
    ok, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])
    assert ok
    return base64.b64encode(data.tobytes()).decode("ascii")
