"""Covers and encodes the frames of a clip, and replaces spans of it when the plan has changed."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from redact import video
from redact.cover.painter import Cover
from redact.cover.regions import RegionMaker
from redact.errors import PlanError
from redact.plan import Plan
from redact.settings import Settings
from redact.types import ClipInfo, Frame, Region

_Area = tuple[int, int, int, int, str, str, tuple[tuple[float, float], ...]]


class Renderer:
    """The covered, encoded frames of a clip, not yet in a container.

    Frames are added in order, each with its regions. After the audit has added tracks to the plan,
    `update` covers and encodes only the spans in which something else has to be covered. Use it as
    a context manager, or call `close`.

    Args:
        clip: its size, colours, rate and time base are used.
        settings: for covering and encoding.
        target: its suffix decides on the codec. What does not fit in memory is kept in an unnamed
            file in its folder until `close`.

    Raises:
        SettingsError: the settings' strength is too weak.
        TargetError: encoded frames can't be stored.

    """

    def __init__(self, clip: ClipInfo, settings: Settings, target: Path) -> None:
        self._settings = settings
        self._cover = Cover(settings)
        self._encoded = video.EncodedClip(clip, settings, target)
        self._areas: list[frozenset[_Area]] = []
        self._covered_pixels: list[int] = []

    def __enter__(self) -> Renderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Discard what was encoded."""
        self._encoded.close()

    def __len__(self) -> int:
        return len(self._areas)

    def add(self, frame: Frame, regions: Sequence[Region]) -> None:
        """Cover the regions of the next frame and encode it. The frame can't be used afterwards."""
        areas = _areas(regions)
        # Consecutive frames often share their areas: keep one object for them.
        self._areas.append(self._areas[-1] if self._areas[-1:] == [areas] else areas)
        self._covered_pixels.append(0)
        self._encoded.add(self._covered(frame, regions))

    def finish(self, clip: ClipInfo) -> None:
        """End the encoding; every frame was added.

        Raises:
            PlanError: the clip had another number of frames when it was analyzed.

        """
        if len(self) != len(clip.pts):
            raise PlanError(
                f"{str(clip.path)!r} gave {len(self)} frames, but {len(clip.pts)} when it was "
                "analyzed; analyze it again"
            )
        self._encoded.finish()

    def update(self, plan: Plan, on_frame: Callable[[int, int], None]) -> frozenset[int]:
        """Make the encoded frames those of another plan for the same clip.

        Only spans that begin at or after a key frame, and in which the covered areas differ, are
        decoded, covered and encoded again.

        Args:
            plan: its clip has as many frames as were added, and lies where the plan says.
            on_frame: called with the number of frames done and to be done.

        Returns: the indices of the frames that were encoded again.

        Raises:
            PlanError: the source gives fewer frames than the plan's clip has.

        """
        regions = RegionMaker(plan)
        changed = [
            index for index, areas in enumerate(self._areas) if areas != _areas(regions.at(index))
        ]
        spans = self._encoded.spans(changed)
        if not spans:
            return frozenset()
        total, done = sum(map(len, spans)), itertools.count(1)
        self._cover, regions = Cover(self._settings), RegionMaker(plan)
        with contextlib.closing(
            video.read_frames(
                plan.clip, threads=plan.settings.threads, max_pixels=plan.settings.max_pixels
            )
        ) as all_:
            for span in spans:
                again = self._covered_again(_frames_in(all_, span), regions)
                self._encoded.replace(span, _counted(again, lambda: on_frame(next(done), total)))
        return frozenset(itertools.chain.from_iterable(spans))

    def write(self, target: Path, clip: ClipInfo) -> None:
        """Write the result as it is now to a file.

        clip: the one that was rendered, with its times, where it lies now.

        Raises:
            TargetError: the file can't be written, or the container can't hold the clip.

        """
        video.write_clip(target, self._encoded, clip, self._settings)

    def covered_ratio(self, clip: ClipInfo) -> float:
        """The share of all pixels that is covered opaquely, 0..1."""
        pixels = len(self._covered_pixels) * clip.width * clip.height
        return sum(self._covered_pixels) / pixels

    def _covered_again(self, frames: Iterable[Frame], regions: RegionMaker) -> Iterator[Frame]:
        for frame in frames:
            here = regions.at(frame.index)
            self._areas[frame.index] = _areas(here)
            yield self._covered(frame, here)

    def _covered(self, frame: Frame, regions: Sequence[Region]) -> Frame:
        self._covered_pixels[frame.index] = 0
        if regions:
            frame = video.make_editable(frame)
            self._covered_pixels[frame.index] = self._cover.planes(frame, regions)
        return frame


def _areas(regions: Iterable[Region]) -> frozenset[_Area]:
    """What is covered, whichever track it belongs to."""
    return frozenset((r.x0, r.y0, r.x1, r.y1, r.kind, r.shape, r.polygon) for r in regions)


def _counted(frames: Iterable[Frame], on_frame: Callable[[], None]) -> Iterator[Frame]:
    """The frames; `on_frame` is called after each was used."""
    for frame in frames:
        yield frame
        on_frame()


def _frames_in(frames: Iterator[Frame], span: range) -> Iterator[Frame]:
    """The frames with these indices; earlier ones are skipped."""
    for frame in frames:
        if frame.index >= span.start:
            yield frame
        if frame.index == span[-1]:
            return
    raise PlanError(f"the source ended before frame {span[-1]}; analyze it again")
