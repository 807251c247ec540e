"""The chosen numbers of decoding and encoding; facts about formats stay where they are used."""

from __future__ import annotations

import dataclasses
from fractions import Fraction


@dataclasses.dataclass(frozen=True, kw_only=True)
class VideoTuning:
    """How patient decoding is, how coarse time may be, and how encoders are set up."""

    max_read_failures: int = 20
    """Reading stops after this many errors without a packet in between. Chosen by eye: a damaged
    container is read past its damage, but an unreadable one does not loop for ever."""

    max_missing_seconds: float = 0.5
    max_missing_ratio: float = 0.02
    """A clip is called cut off when more than these seconds, plus this share of the duration that
    its header promises, are missing. Chosen by eye: headers round, and audio may end earlier."""

    side_data_interval_frames: int = 100
    """Only every so many frames are searched for side data such as captions, because listing side
    data takes time and a clip that has it usually has it throughout. Chosen by eye."""

    min_clock_reset_seconds: Fraction = Fraction(1, 4)
    """A step back by more than this means that the clock restarted; a smaller one is an error of
    the recorder. Chosen by eye."""

    max_tick_seconds: Fraction = Fraction(1, 1000)
    fine_ticks_per_second: int = 10_000
    """A time base with longer ticks than `max_tick_seconds` is divided into at least
    `fine_ticks_per_second`, so that moving a frame by one tick is not visible. Chosen by eye."""

    min_audio_step_seconds: Fraction = Fraction(1, 1000)
    """Audio packets lie at least this far apart. It follows from Matroska, which stores times in
    milliseconds: closer ones would get the same time."""

    max_audio_lag_seconds: Fraction = Fraction(1, 20)
    """Audio that is encoded again may come so much late, where packets hold more sound than there
    is time between them. Chosen by ear: a longer lag is heard beside lips."""

    audio_bits_per_channel: int = 64_000
    """Bits a second for each channel of audio that is encoded again. Chosen by ear: speech sounds
    the same."""

    max_start_seconds: int = 10
    """A clip that starts later than this is moved to start at zero. Chosen by eye: a short delay
    may be intended, a long one is the clock of a recorder that ran for days."""

    vp9_crf_ratio: float = 1.4
    """VP9's quality number for each unit of x264's: libvpx at 28 is about as sharp as x264 at 20.
    Chosen by eye."""

    videotoolbox_percent_per_crf: float = 1.75
    """How much of the best quality VideoToolbox gives up for each unit of x264's constant rate
    factor: 65 % at 20, the value that its users name for pictures like x264's. Not measured."""

    max_buffer_bytes: int = 2**23
    """Encoded frames are kept in memory up to this size, and in an unnamed file beyond it. Chosen
    by eye: most short clips fit."""


TUNING = VideoTuning()
