"""Counts what is wrong with a clip while it is decoded, and says it in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

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
    def affects_decoding(self) -> bool:
        """Whether the decoded frames may depend on the number of threads."""
        return bool(
            self.undecodable_packets
            + self.read_failures
            + self.corrupt_packets
            + self.corrupt_frames
        )

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


def counted(number: int, noun: str) -> str:
    """The number and the noun, in the plural unless the number is 1."""
    return f"{number} {noun}{'s' * (number != 1)}"
