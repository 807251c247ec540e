"""A review: the plan as it stands, what was decided and can be undone, and how it is rendered."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np

from redact import video
from redact.burned_in_text import find_burned_in_text
from redact.errors import RedactError
from redact.pipeline import render
from redact.plan import Plan
from redact.plan.grouping import joined_with
from redact.report import Report
from redact.report.spans import spans_of
from redact.review.edits import edited, reason_of, statuses_of
from redact.review.pictures import FrameStore, Thumbnails, best_frames, shown_size
from redact.types import Track, format_span
from redact.zones import Zone

# Sound is played in mono at this rate, which is enough for voices, and not if it is very long: all
# of it is held in memory.
_SOUND_RATE, _MAX_SOUND_SECONDS = 16_000, 1800.0
# Boxes are sent as whole numbers of this part of the picture's width and height.
_BOX_UNITS = 10_000


class ReviewSession:
    """What the page shows and changes. Threads may share it.

    Args:
        plan: of a clip that lies where it says.
        plan_path: where the plan is saved to.
        target: where the result goes.

    """

    def __init__(self, plan: Plan, plan_path: Path, target: Path) -> None:
        self._saved = plan
        # One value, so that no thread sees the plan of one version with the number of another.
        self._current = (plan, 0)
        self._plan_path, self._target = plan_path, target
        self._undo: list[Plan] = []
        self._redo: list[Plan] = []
        self._lock = threading.Lock()
        self._frames, self._thumbnails = FrameStore(plan), Thumbnails(plan)
        self._thumbnails.add(plan.tracks)
        self._searcher = ThreadPoolExecutor(1, thread_name_prefix="burned-in text")
        self._proposals = self._searcher.submit(find_burned_in_text, plan.clip.path, plan.settings)
        self.rendering = Rendering()

    @property
    def plan(self) -> Plan:
        """The plan with all that was decided so far."""
        return self._current[0]

    @property
    def has_unsaved_decisions(self) -> bool:
        """Whether something was decided since the plan was made, loaded or saved."""
        return self.plan is not self._saved

    def close(self) -> None:
        """Stop a rendering that runs, and drop all pictures."""
        self.rendering.cancel()
        self._searcher.shutdown(wait=False, cancel_futures=True)
        self._thumbnails.close()
        self._frames.close()

    def edit(self, edit: object) -> None:
        """Change the plan; see `edits.edited`, which also tells what is raised."""
        with self._lock:
            plan = edited(self.plan, edit)
            if plan is self.plan:
                return
            known = {track.id for track in self.plan.tracks}
            self._thumbnails.add(track for track in plan.tracks if track.id not in known)
            self._undo.append(self.plan)
            self._redo.clear()
            self._set(plan)

    def undo(self) -> None:
        """Take back the last edit, if there is one."""
        with self._lock:
            if self._undo:
                self._redo.append(self.plan)
                self._set(self._undo.pop())

    def redo(self) -> None:
        """Make the edit again that was taken back last, if there is one."""
        with self._lock:
            if self._redo:
                self._undo.append(self.plan)
                self._set(self._redo.pop())

    def save(self) -> Path:
        """Write the plan, and return where.

        Raises:
            TargetError: the file can't be written; an older file there is unchanged.

        """
        with self._lock:
            self.plan.save(self._plan_path)
            self._saved = self.plan
        return self._plan_path

    def start_rendering(self) -> None:
        """Render the plan as it stands now; see `Rendering`."""
        self.rendering.start(self.plan, self._target)

    def frame(self, index: int, *, covered: bool) -> bytes:
        """A frame as JPEG, clear or as it will be in the result; see `FrameStore.jpeg`."""
        plan, version = self._current
        return self._frames.jpeg(index, plan if covered else None, version)

    def thumbnail(self, track_id: int, number: int) -> bytes:
        """A picture of a track as JPEG; see `Thumbnails.jpeg`."""
        return self._thumbnails.jpeg(track_id, number)

    def sound(self) -> bytes:
        """The clip's sound from its first frame on: mono samples of 16 bits, the low byte first.

        Raises:
            KeyError: it has none that can be played.
            ClipError: it can't be read.

        """
        if not self._has_playable_sound:
            raise KeyError("no sound")
        limit = self.plan.settings.max_pixels
        samples = video.sound_of(self.plan.clip, _SOUND_RATE, max_pixels=limit)
        return samples.astype("<i2").tobytes()

    @property
    def _has_playable_sound(self) -> bool:
        clip = self.plan.clip
        return clip.has_audio and clip.seconds[-1] <= _MAX_SOUND_SECONDS

    def clip(self) -> dict[str, Any]:
        """What stays the same during the review, as JSON values."""
        clip = self.plan.clip
        return {
            "name": clip.path.name,
            "plan_name": self._plan_path.name,
            "target_name": self._target.name,
            "size": shown_size(self.plan),
            "seconds": [round(float(at), 4) for at in clip.seconds],
            "has_sound": clip.has_audio,
            "sound_rate": _SOUND_RATE if self._has_playable_sound else 0,
        }

    def tracks(self) -> dict[str, Any]:
        """Where every track is in each of its frames, as JSON values.

        By id: the first frame, and x0 y0 x1 y1 of one frame after another in `_BOX_UNITS` parts of
        the picture.
        """
        width, height = self.plan.clip.upright_size
        scale = _BOX_UNITS / np.array([width, height, width, height])
        return {
            str(track.id): {
                "start": track.start_index,
                "boxes": np.rint(track.boxes * scale).astype(int).ravel().tolist(),
            }
            for track in self.plan.known_tracks
        }

    def state(self) -> dict[str, Any]:
        """What the page shows beside the clip, as JSON values."""
        plan, version = self._current
        return {
            "version": version,
            "cards": _cards(plan),
            "zones": _zones(plan.zones),
            "sound": {
                "audio": plan.settings.audio,
                "times": [list(span) for span in plan.settings.audio_spans],
                "spans": ", ".join(format_span(*span) for span in plan.settings.audio_spans),
            },
            "proposals": _zones(self._proposed(plan)),
            "is_searching": not self._proposals.done(),
            "can_undo": bool(self._undo),
            "can_redo": bool(self._redo),
            "is_saved": not self.has_unsaved_decisions,
            "render": self.rendering.state(),
        }

    def _proposed(self, plan: Plan) -> list[Zone]:
        """The burned-in text that was found so far and that no zone of the plan has the name of."""
        is_there = self._proposals.done() and not self._proposals.cancelled()
        if not is_there or self._proposals.exception() is not None:
            return []
        names = {zone.name for zone in plan.zones}
        return [zone for zone in self._proposals.result() if zone.name not in names]

    def _set(self, plan: Plan) -> None:
        self._current = (plan, self._current[1] + 1)


class Rendering:
    """One rendering at a time, in a thread of its own, and what came of the last one."""

    def __init__(self) -> None:
        self._state: Literal["idle", "running", "done", "failed", "cancelled"] = "idle"
        self._stage, self._done, self._total = "", 0, 0
        self._message = ""
        self._doubts: list[dict[str, Any]] = []
        self._thread: threading.Thread | None = None
        self._is_cancelled = threading.Event()
        self._lock = threading.Lock()
        self.report = ""
        """The report's page; empty until there is one."""

    @property
    def is_running(self) -> bool:
        """Whether a rendering has begun and not ended."""
        return self._state == "running"

    def start(self, plan: Plan, target: Path) -> None:
        """Begin to render, unless a rendering runs."""
        with self._lock:
            if self.is_running:
                return
            self._state, self._stage, self._done, self._total = "running", "render", 0, 0
            self._message, self._doubts, self.report = "", [], ""
            self._is_cancelled.clear()
            self._thread = threading.Thread(target=self._run, args=(plan, target), daemon=True)
            self._thread.start()

    def cancel(self) -> None:
        """Stop the rendering, and wait until it has ended; nothing is written then."""
        self._is_cancelled.set()
        if self._thread is not None:
            self._thread.join()

    def state(self) -> dict[str, Any]:
        """How far it is, as JSON values."""
        return {
            "state": self._state,
            "stage": self._stage,
            "done": self._done,
            "total": self._total,
            "message": self._message,
            "doubts": self._doubts,
            "has_report": bool(self.report),
        }

    def _run(self, plan: Plan, target: Path) -> None:
        try:
            report = render(plan, target, progress=self._tell)
            self.report = _page_of(report)
            self._doubts = _doubts(report)
            self._message = "Look at these places:" if self._doubts else ""
            self._state = "done"
        except _CancelledError:
            self._state, self._message = "cancelled", "Nothing was written."
        except RedactError as err:
            self._state, self._message = "failed", str(err)
        except Exception as err:
            self._state, self._message = "failed", f"unexpected {type(err).__name__}: {err}"

    def _tell(self, stage: str, done: int, total: int | None) -> None:
        if self._is_cancelled.is_set():
            raise _CancelledError
        self._stage, self._done, self._total = stage, done, total or 0


class _CancelledError(Exception):
    """Somebody wants the rendering to end."""


def _doubts(report: Report) -> list[dict[str, Any]]:
    """Where something may still show: in words, and the frame to look at."""
    clip = report.plan.clip
    return [
        {"text": span.described(clip), "frame": span.best.frame_index}
        for span in spans_of(report.leaks, clip)
    ]


def _page_of(report: Report) -> str:
    """The report's page. It is written where only this user can read it, and removed again."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        report.save_html(page)
        return page.read_text(encoding="utf-8")


def _cards(plan: Plan) -> list[dict[str, Any]]:
    """One card for each person and plate, in order of their first frames."""
    groups: dict[object, list[Track]] = {}
    for track in plan.known_tracks:
        key = ("person", track.person) if track.person is not None else ("track", track.id)
        groups.setdefault(key, []).append(track)
    by_hand, counts = plan.covered_by_hand, dict[str, int]()
    status_of = statuses_of(plan)
    cards = []
    for tracks in groups.values():
        kind, ids = tracks[0].kind, [track.id for track in tracks]
        noun = {"face": "Person", "plate": "Plate"}.get(kind, kind.capitalize())
        counts[noun] = counts.get(noun, 0) + 1
        statuses = {status_of[i] for i in ids}
        cards.append(
            {
                "name": f"{noun} {counts[noun]}",
                "kind": kind,
                "tracks": [_track_of_card(plan, track, tracks) for track in tracks],
                "status": statuses.pop() if len(statuses) == 1 else "mixed",
                "by_hand": by_hand.issuperset(ids),
                **reason_of(plan, ids),
            }
        )
    return cards


def _track_of_card(plan: Plan, track: Track, tracks: Sequence[Track]) -> dict[str, Any]:
    """A track as JSON values; `tracks` are all of its card."""
    together = joined_with(track, tracks)
    return {
        "id": track.id,
        "start": track.start_index,
        "stop": track.stop_index,
        "joined": track.joined,
        "joined_by_hand": bool(together),
        # What leaves the card where the join is taken back.
        "split": [other.id for other in together or [track] if track.joined],
        "times": [plan.clip.time_label(i) for i in (track.start_index, track.stop_index - 1)],
        "pictures": [
            {"frame": index, "time": plan.clip.time_label(index)} for index in best_frames(track)
        ],
    }


def _zones(zones: Iterable[Zone]) -> list[dict[str, Any]]:
    return [
        {
            "name": zone.name,
            "rule": zone.rule,
            "points": [list(point) for point in zone.polygon],
            "start": zone.start_seconds,
            "stop": zone.stop_seconds,
        }
        for zone in zones
    ]
