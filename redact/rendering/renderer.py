"""A clip being covered and encoded, and encoded anew where what has to be covered has changed."""

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

_Area = tuple[int, int, int, int, str, str]

# What was covered for nothing stays so where that is for less than this: encoding a group of
# pictures again costs more than it is worth.
_NEEDLESS_SECONDS = 1.0
# What was covered stays where it takes in all that has to be covered but for this share of the
# margin: a later look moves a box by a pixel or two.
_SPARE_MARGIN = 0.5


class Rendering:
    """The covered pictures of a clip, and what was covered in each.

    A picture may be added before all of the clip is known, as soon as it seems clear what has to be
    covered in it. `mend` covers and encodes anew whatever turned out otherwise, so that the result
    covers all that the last plan does, to within half of the settings' margin, and nothing else for
    as long as a second.

    Args:
        clip: what is known of it before it is read through is enough.
        settings: for covering and encoding.
        target: the suffix decides on the codec; what is too much for memory lies in its folder
            until `close`.

    Raises:
        SettingsError: the settings' strength is too weak.
        TargetError: what is encoded can't be stored.

    """

    def __init__(self, clip: ClipInfo, settings: Settings, target: Path) -> None:
        self._settings = settings
        self._cover = Cover(settings)
        self._encoded = video.EncodedClip(clip, settings, target)
        self._areas: list[frozenset[_Area]] = []
        self._covered: list[int] = []

    def __enter__(self) -> Rendering:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Throw away what was encoded."""
        self._encoded.close()

    def __len__(self) -> int:
        return len(self._areas)

    def add(self, frame: Frame, regions: Sequence[Region]) -> None:
        """Cover the regions of the next picture and encode it. The frame can't be used after."""
        areas = _areas(regions)
        self._areas.append(self._areas[-1] if self._areas[-1:] == [areas] else areas)
        self._covered.append(0)
        self._encoded.add(self._covered_frame(frame, regions))

    def finish(self, clip: ClipInfo) -> None:
        """All pictures were added; the clip's times are known by now.

        Raises:
            PlanError: there are not as many as when the clip was looked at.

        """
        if len(self) != len(clip.pts):
            raise PlanError(
                f"{str(clip.path)!r} gave {len(self)} frames, but {len(clip.pts)} when it was "
                "analyzed; analyze it anew"
            )
        self._encoded.finish()

    def mend(self, plan: Plan, on_frame: Callable[[int, int], None]) -> frozenset[int]:
        """Make the result that of the plan, and tell which pictures were encoded anew.

        Args:
            plan: its clip has as many frames as were added, and lies where it says.
            on_frame: called with the number of pictures done and to be done.

        Raises:
            PlanError: the source gives fewer frames than the plan's clip has.

        """
        maker = RegionMaker(plan)
        wanted = (_areas(maker.at(number)) for number in range(len(plan.clip.pts)))
        spans = self._encoded.spans(self._otherwise(wanted, plan.clip))
        if not spans:
            return frozenset()
        total, done = sum(map(len, spans)), itertools.count(1)
        self._cover, maker = Cover(self._settings), RegionMaker(plan)
        frames = video.read_frames(plan.clip, threads=self._settings.threads)
        with contextlib.closing(frames):
            for span in spans:
                again = self._covered_again(_within(frames, span), maker)
                self._encoded.replace(span, _told(again, lambda: on_frame(next(done), total)))
        return frozenset(itertools.chain.from_iterable(spans))

    def _otherwise(self, wanted: Iterable[frozenset[_Area]], clip: ClipInfo) -> list[int]:
        """The pictures in which too little was covered, or too much for too long.

        wanted: of every picture, in order.
        """
        margin = self._settings.margin_ratio
        # The margin's share of an area's side.
        spare = _SPARE_MARGIN * margin / (1 + 2 * margin)
        states = (
            _held_against(covered, areas, spare)
            for covered, areas in zip(self._areas, wanted, strict=True)
        )
        changed: list[int] = []
        for state, group in itertools.groupby(enumerate(states), lambda pair: pair[1]):
            numbers = [number for number, _ in group]
            is_long = len(numbers) >= _NEEDLESS_SECONDS * clip.frame_rate
            if state == "too little" or (state == "too much" and is_long):
                changed += numbers
        return changed

    def write(self, target: Path, clip: ClipInfo) -> None:
        """Write the result as it is now to a file.

        clip: the one that was rendered, with its times, where it lies now.

        Raises:
            TargetError: the file can't be written, or the container can't hold the sound.

        """
        video.write_clip(target, self._encoded, clip, self._settings)

    def covered_ratio(self, clip: ClipInfo) -> float:
        """The share of all pixels that is covered opaquely."""
        return sum(self._covered) / (len(self._covered) * clip.width * clip.height)

    def _covered_again(self, frames: Iterable[Frame], maker: RegionMaker) -> Iterator[Frame]:
        """The frames, in order, each covered by its regions, which are noted."""
        for frame in frames:
            regions = maker.at(frame.index)
            self._areas[frame.index] = _areas(regions)
            yield self._covered_frame(frame, regions)

    def _covered_frame(self, frame: Frame, regions: Sequence[Region]) -> Frame:
        if regions:
            frame = video.editable(frame)
            self._covered[frame.index] = self._cover.planes(frame, regions)
        else:
            self._covered[frame.index] = 0
        return frame


def _areas(regions: Iterable[Region]) -> frozenset[_Area]:
    """What is covered, whoever it belongs to."""
    return frozenset((r.x0, r.y0, r.x1, r.y1, r.kind, r.shape) for r in regions)


def _held_against(covered: frozenset[_Area], wanted: frozenset[_Area], spare: float) -> str:
    """Whether what is covered is "too little", "too much" or "right"; see `_hold`."""
    if covered == wanted:
        return "right"
    if not _hold(covered, wanted, spare):
        return "too little"
    return "right" if _hold(wanted, covered, spare) else "too much"


def _hold(areas: Iterable[_Area], others: Iterable[_Area], spare: float) -> bool:
    """Whether each other area lies in one of these, but for `spare` of its sides at each edge."""
    return all(any(_holds(area, other, spare) for area in areas) for other in others)


def _holds(area: _Area, other: _Area, spare: float) -> bool:
    x, y = spare * (other[2] - other[0]), spare * (other[3] - other[1])
    return (
        area[0] <= other[0] + x
        and area[1] <= other[1] + y
        and area[2] >= other[2] - x
        and area[3] >= other[3] - y
    )


def _told(frames: Iterable[Frame], on_frame: Callable[[], None]) -> Iterator[Frame]:
    """The frames; each is told of once it was used."""
    for frame in frames:
        yield frame
        on_frame()


def _within(frames: Iterator[Frame], span: range) -> Iterator[Frame]:
    """The frames with these numbers; those before are passed over."""
    for frame in frames:
        if frame.index >= span.start:
            yield frame
        if frame.index == span[-1]:
            return
    raise PlanError(f"the source ended before frame {span[-1]}; analyze it anew")
