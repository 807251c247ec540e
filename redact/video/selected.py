"""A few pictures of a clip that we wrote ourselves, without decoding all of the others."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Generator
from typing import Any

from redact.types import ClipInfo, Frame
from redact.video.container import opened, packets_of, video_stream
from redact.video.pixels import as_frame


def read_chosen(clip: ClipInfo, numbers: Collection[int], *, threads: int = 0) -> Generator[Frame]:
    """The frames with these numbers, in presentation order.

    Pictures that no other depends on are left out of decoding unless they are asked for. For whole
    clips with a time for each picture only, such as `write_clip` makes: `read_frames` takes others.

    threads: to decode with; 0 takes what the machine has.

    Raises:
        ClipError: the file can't be opened any more.

    """
    wanted = frozenset(numbers)
    if not wanted:
        return
    with opened(clip.path) as container:
        stream = video_stream(container, clip.path)
        times = sorted(packet.pts for packet in packets_of(container, stream))
    number_at = {pts: number for number, pts in enumerate(times)}
    left = len(wanted)
    with opened(clip.path) as container:
        stream = video_stream(container, clip.path)
        stream.thread_type = "AUTO"
        context: Any = stream.codec_context
        context.thread_count = threads
        for packet in itertools.chain(packets_of(container, stream), (None,)):
            if packet is not None:
                is_wanted = number_at[packet.pts] in wanted
                context.skip_frame = "DEFAULT" if is_wanted else "NONREF"
            for native in context.decode(packet):
                number = number_at[native.pts]
                if number in wanted:
                    yield as_frame(native, number, native.pts, clip)
                    left -= 1
            if not left:
                return
