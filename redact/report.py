"""What was done to a clip: a record that becomes JSON, or a page with covered pictures."""

from __future__ import annotations

import base64
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

from redact import geometry as boxes
from redact import video
from redact.plan import Plan
from redact.types import Box, Detection, Track


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """What was done: the plan, the result's hash, what the audit found, and the time it took."""

    plan: Plan
    output: Path
    output_sha256: str
    frame_count: int
    covered_ratio: float
    """Share of all luma pixels of the clip that were covered."""
    leaks: tuple[Detection, ...]
    """Doubtful finds outside the covered regions of the output, left after the last round.

    They lie where the earlier rounds saw nothing: look at these frames. A certain find means that
    there is no output at all.
    """
    audited_frames: int
    stage_seconds: Mapping[str, float]

    @property
    def removed(self) -> tuple[str, ...]:
        """What the source carries beside its pictures and the result doesn't."""
        dropped = list(self.plan.clip.dropped)
        if self.plan.settings.audio == "keep":
            # The first sound stream is the one that is kept.
            sound = next((item for item in dropped if item.startswith("audio stream")), None)
            dropped = [item for item in dropped if item != sound]
        return tuple(dropped)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {
            "format": "redact-report-1",
            "source": {"name": self.plan.clip.path.name, "sha256": self.plan.clip.sha256},
            "output": {"name": self.output.name, "sha256": self.output_sha256},
            "frame_count": self.frame_count,
            "covered_ratio": round(self.covered_ratio, 6),
            "audited_frames": self.audited_frames,
            "leaks": [
                {
                    "frame_index": leak.frame_index,
                    "kind": leak.kind,
                    "box": [round(value, 1) for value in leak.box],
                    "score": round(leak.score, 3),
                }
                for leak in self.leaks
            ],
            "removed": list(self.removed),
            "warnings": list(self.plan.clip.warnings),
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
        """Write the report as JSON."""
        Path(path).write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")

    def save_html(
        self, path: str | os.PathLike[str], *, result: str | os.PathLike[str] | None = None
    ) -> None:
        """Write a page with the figures and covered pictures of every track.

        result: where the output lies now, if not at `output`.

        Raises:
            ClipError: the output isn't there to take pictures from.

        """
        page = _page(self, Path(result or self.output))
        # Not every name can be written in UTF-8.
        Path(path).write_text(page, encoding="utf-8", errors="backslashreplace")


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
    """The whole page as HTML without scripts or links; pictures are inside it."""
    plan, facts = report.plan, _facts(report)
    rows = "".join(f"<tr><th>{key}</th><td>{value}</td></tr>" for key, value in facts.items())
    pictures = _pictures(report, result)
    figures = "".join(_figure(plan, track, pictures.get(track.id)) for track in plan.tracks)
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        f"<title>Redaction report: {html.escape(report.output.name)}</title>"
        f"<style>{_STYLE}</style><h1>Redaction report: {html.escape(report.output.name)}</h1>"
        f"<table>{rows}</table><h2>Tracks</h2><div class='tracks'>{figures}</div>"
        "<p>The clip is de-identified, not anonymous: clothes, gait and places remain.</p></html>\n"
    )


def _facts(report: Report) -> dict[str, str]:
    plan = report.plan
    kinds = sorted({track.kind for track in plan.tracks})
    counts = [f"{sum(t.kind == kind for t in plan.tracks)} {kind}" for kind in kinds]
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in report.stage_seconds.items())
    settings = plan.settings
    audit = f"{report.audited_frames} frames, {_leaks_in_words(report)}"
    return {
        "Source": f"{html.escape(plan.clip.path.name)}<br><code>{plan.clip.sha256}</code>",
        "Result": f"{html.escape(report.output.name)}<br><code>{report.output_sha256}</code>",
        "Frames": str(report.frame_count),
        "Tracks": f"{', '.join(counts) or 'none'}; {len(plan.allowed)} left visible",
        "Covered": f"{report.covered_ratio:.2%} of all pixels, style {settings.style}",
        "Sound": "kept" if settings.audio == "keep" else "left out",
        "Looked at again": audit if settings.audit else "not run",
        "Removed": html.escape("; ".join(report.removed)) or "nothing to remove",
        **_warnings(plan),
        "Time": seconds,
    }


def _warnings(plan: Plan) -> dict[str, str]:
    """The row that says what is wrong with the source; none when nothing is."""
    words = html.escape("; ".join(plan.clip.warnings))
    return {"Damage": f"<strong>{words}</strong>"} if words else {}


def _leaks_in_words(report: Report) -> str:
    if not report.leaks:
        return "no leak found"
    frames = ", ".join(str(i) for i in sorted({leak.frame_index for leak in report.leaks}))
    return f"{len(report.leaks)} doubtful finds: look at frame {frames}"


def _figure(plan: Plan, track: Track, picture: str | None) -> str:
    total = max(1, len(plan.clip.pts))
    left, width = track.start_index / total, len(track.boxes) / total
    allowed = track.id in plan.allowed
    image = f"<img alt='' src='data:image/jpeg;base64,{picture}'>" if picture else ""
    filled = int(np.isnan(track.scores).sum())
    return (
        f"<figure{' class=allowed' if allowed else ''}>{image}<div class='bar'>"
        f"<i style='left:{left:.2%};width:{width:.2%}'></i></div><figcaption>"
        f"{html.escape(track.kind)} {track.id}: frames {track.start_index} to "
        f"{track.stop_index - 1}, {filled} filled in{', left visible' if allowed else ''}"
        "</figcaption></figure>"
    )


def _pictures(report: Report, result: Path) -> dict[int, str]:
    """Base64 JPEG for each covered track, cut from the middle of it in the output."""
    wanted: dict[int, list[Track]] = {}
    for track in report.plan.covered_tracks:
        wanted.setdefault(track.start_index + len(track.boxes) // 2, []).append(track)
    if not wanted:
        return {}
    found: dict[int, str] = {}
    clip = video.probe(result, max_pixels=report.plan.settings.max_pixels)
    for frame in video.read_frames(clip):
        if frame.index in wanted:
            image = video.to_bgr(frame, clip.rotation_degrees, clip.is_mirrored)
            for track in wanted[frame.index]:
                found[track.id] = _cut_out(image, track.box_at(frame.index))
        if frame.index >= max(wanted):
            break
    return found


def _cut_out(image: NDArray[np.uint8], box: Box | None) -> str:
    assert box is not None
    height, width = image.shape[:2]
    side = 2.5 * max(box.width, box.height)
    square = boxes.grow(box, 0.0, side)
    x0, y0, x1, y1 = boxes.align_even(square, width, height) or (0, 0, width, height)
    scale = 240 / max(x1 - x0, y1 - y0)
    small = cv2.resize(image[y0:y1, x0:x1], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    ok, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])
    assert ok
    return base64.b64encode(data.tobytes()).decode("ascii")
