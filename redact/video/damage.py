"""Counts what is wrong with a clip while it is decoded, and says it in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from redact.types import counted
from redact.video.tuning import TUNING


@dataclasses.dataclass(kw_only=True)
class Damage:
    """What was wrong with a clip, counted while it was decoded."""

    undecodable_packets: int = 0
    read_failures: int = 0
    corrupt_packets: int = 0
    """Packets that the container itself calls incomplete."""
    corrupt_frames: int = 0
    packets_without_frame: int = 0
    """Packets that were decoded without an error, but from which no frame came."""
    promised_seconds: float = 0.0
    """The duration that the header states."""
    read_seconds: float = 0.0
    """Where the last packet of any stream ends."""

    @property
    def sign_count(self) -> int:
        """How many signs there were that frames are broken."""
        return (
            self.undecodable_packets
            + self.read_failures
            + self.corrupt_packets
            + self.corrupt_frames
        )

    @property
    def affects_decoding(self) -> bool:
        """Whether the decoded frames may depend on the number of threads."""
        return bool(self.sign_count)

    @property
    def is_cut_off(self) -> bool:
        """Whether the file ends well before the duration that its header states."""
        missing = self.promised_seconds - self.read_seconds
        return (
            missing > TUNING.max_missing_seconds + TUNING.max_missing_ratio * self.promised_seconds
        )

    def count_read_failure(self) -> None:
        """Count one place where the file could not be read."""
        self.read_failures += 1

    def in_words(self) -> Iterator[str]:
        """One sentence for each thing that is wrong."""
        if self.undecodable_packets:
            yield f"{counted(self.undecodable_packets, 'packet')} could not be decoded; left out"
        if self.packets_without_frame > 0:
            yield f"{counted(self.packets_without_frame, 'packet')} gave no frame"
        if self.corrupt_packets:
            words = counted(self.corrupt_packets, "packet")
            yield f"{words} incomplete according to the container"
        if self.read_failures:
            yield f"{counted(self.read_failures, 'place')} of the file could not be read"
        if self.corrupt_frames:
            yield f"{counted(self.corrupt_frames, 'frame')} decoded with errors"
        if self.is_cut_off:
            yield (
                f"the file ends at {self.read_seconds:.1f} s of the {self.promised_seconds:.1f} s "
                "that its header promises"
            )


class DamageTrace:
    """Which frames damage reaches: broken blocks stay until a key frame draws all of them anew.

    A decoder holds frames back, so a key frame that comes after a sign of damage may be older than
    the damage: it counts if it is shown later than what was damaged, and the second one always.
    """

    def __init__(self, damage: Damage) -> None:
        self._damage = damage
        self._seen_count = 0
        self._damaged_pts: int | None = None
        self._key_frames_left = 0

    def look(self, pts: int | None) -> None:
        """Note the damage of the packet that was just decoded, which has this time."""
        if self._damage.sign_count > self._seen_count:
            self._seen_count = self._damage.sign_count
            self._damaged_pts = pts
            self._key_frames_left = 2

    def reaches(self, pts: int | None, *, is_key: bool) -> bool:
        """Whether the next frame, which has this time, may be broken."""
        if is_key and self._key_frames_left:
            damaged = self._damaged_pts
            is_later = pts is not None and damaged is not None and pts > damaged
            self._key_frames_left = 0 if is_later else self._key_frames_left - 1
        return self._key_frames_left > 0
