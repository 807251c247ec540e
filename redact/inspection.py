"""What a clip carries beside its pictures: `redact inspect`. Nothing is written."""

from __future__ import annotations

import collections
import dataclasses
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from redact import video
from redact.settings import Settings
from redact.source_files import printable
from redact.video import metadata as hidden

_LONGEST_VALUE = 200
# What a metadata key tells of, by words in it; the first that fits.
_TOPICS = {
    "location": r"location|gps|geo|iso6709|xyz|latitude|longitude|altitude|place",
    "time": r"date|time|year|timecode",
    "device": r"make|model|device|manufacturer|serial|firmware|software|android|camera|lens|owner",
}
# Keys that every file of their kind has, ours too: they tell of the container only.
_STRUCTURE = re.compile(
    r"major_brand|minor_version|compatible_brands|handler_name|vendor_id|language|duration"
    r"|encoder|number_of_frames|number_of_bytes|bps|_statistics_.*",
    re.IGNORECASE,
)
_DEFAULT_VALUES = re.compile(r"((Video|Sound)Handler|\[0\]\[0\]\[0\]\[0\]|FFMP|Lav[fc][\d.]*.*|)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """One thing that a copy would give away: its topic, where it lies, and what it says."""

    topic: str
    where: str
    value: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contents:
    """All that a clip carries.

    `streams` are plain mappings, one per stream; `metadata` is the whole file's. `found` lists
    what would tell something about people, places, times or devices, from all over the file.
    """

    name: str
    size_bytes: int
    container: str
    duration_seconds: float | None
    streams: tuple[Mapping[str, Any], ...]
    metadata: Mapping[str, str]
    found: tuple[Found, ...]


def inspect_clip(path: str | os.PathLike[str], settings: Settings | None = None) -> Contents:
    """What a clip carries: streams, metadata with values, and what lies hidden in its bytes.

    Raises:
        ClipError: the file can't be read as a clip.

    """
    path, settings = Path(path), settings or Settings()
    with video.opened(path, max_pixels=settings.max_pixels) as container:
        streams = tuple(_stream(stream) for stream in container.streams)
        duration = container.duration
        contents = Contents(
            name=path.name,
            size_bytes=path.stat().st_size,
            container=container.format.name,
            duration_seconds=None if duration is None else duration / 1e6,
            streams=streams,
            metadata=dict(container.metadata),
            found=tuple(_in_container(container, streams)),
        )
    found = [*contents.found, *_in_packets(path, settings), *_in_bytes(path)]
    return dataclasses.replace(contents, found=tuple(found))


def as_json(contents: Contents) -> str:
    """The whole of it as JSON."""
    values = {"format": "redact-contents-1", **dataclasses.asdict(contents)}
    return json.dumps(values, indent=1)


def as_text(contents: Contents) -> str:
    """The same for people; long values are cut, and what a terminal would obey is spelled out."""
    return "\n".join(_lines(contents))


def _lines(contents: Contents) -> Iterator[str]:
    duration = contents.duration_seconds
    length = "unknown length" if duration is None else f"{duration:.2f} s"
    yield f"{_short(contents.name)}: {contents.container}, {contents.size_bytes} bytes, {length}"
    for key, value in contents.metadata.items():
        yield f"  {_short(key)}: {_short(value)}"
    for stream in contents.streams:
        facts = [str(v) for k, v in stream.items() if k not in ("index", "metadata") and v]
        yield f"stream {stream['index']}: {', '.join(map(_short, facts))}"
        for key, value in stream["metadata"].items():
            yield f"  {_short(key)}: {_short(value)}"
    if not contents.found:
        yield "carries nothing beside its pictures"
        return
    yield "carries beside its pictures:"
    for found in contents.found:
        yield f"  {found.topic} ({_short(found.where)}): {_short(found.value)}"


def _short(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def _stream(stream: Any) -> dict[str, Any]:
    context = stream.codec_context
    facts: dict[str, Any] = {
        "index": stream.index,
        "type": stream.type,
        "codec": context.name if context else "unknown",
    }
    if stream.type == "video" and context:
        rate = stream.average_rate or stream.guessed_rate
        facts |= {
            "size": f"{context.width}x{context.height}",
            "pixel_format": context.pix_fmt or "",
            "rate": f"{float(rate):g} frames/s" if rate else "",
        }
    if stream.type == "audio" and context:
        facts |= {"rate": f"{context.sample_rate} Hz", "layout": context.layout.name}
    if flags := stream.disposition:
        facts["disposition"] = " ".join(flag.name for flag in type(flags) if flag in flags)
    return {**facts, "metadata": dict(stream.metadata)}


def _in_container(container: Any, streams: tuple[Mapping[str, Any], ...]) -> Iterator[Found]:
    yield from _in_metadata(container.metadata, "file")
    main_seen = False
    for stream in streams:
        where = f"stream {stream['index']}"
        yield from _in_metadata(stream["metadata"], where)
        is_cover = "attached_pic" in stream.get("disposition", "")
        if stream["type"] == "video" and not is_cover and not main_seen:
            main_seen = True
            continue
        topic = {"audio": "sound", "video": "cover art" if is_cover else "second picture"}
        yield Found(
            topic=topic.get(stream["type"], f"{stream['type']} track"),
            where=where,
            value=str(stream["codec"]),
        )
    for chapter in container.chapters():
        start = float(chapter["start"] * (chapter["time_base"] or 0))
        title = chapter["metadata"].get("title", "")
        yield Found(topic="chapter", where=f"at {start:.2f} s", value=title)


def _in_metadata(metadata: Mapping[str, str], where: str) -> Iterator[Found]:
    for key, value in metadata.items():
        if _STRUCTURE.fullmatch(key.rpartition("-")[0] or key) and _is_default(key, value):
            continue
        topics = (topic for topic, words in _TOPICS.items() if re.search(words, key.lower()))
        yield Found(topic=next(topics, "metadata"), where=f"{where}, {key}", value=value)


def _is_default(key: str, value: str) -> bool:
    """Whether the value says nothing: a handler's or encoder's name can be a camera's."""
    says = key.lower() in ("handler_name", "vendor_id", "encoder")
    return not says or bool(_DEFAULT_VALUES.fullmatch(value))


def _in_packets(path: Path, settings: Settings) -> Iterator[Found]:
    """Messages inside the pictures' packets, each text once, with how often it comes."""
    counts: collections.Counter[tuple[int, hidden.Message]] = collections.Counter()
    failures: list[None] = []
    with video.opened(path, max_pixels=settings.max_pixels) as container:
        streams = [s for s in container.streams.video if s.codec_context]
        headers = {s.index: (s.codec_context.name, _extradata(s)) for s in streams}
        for index, (codec, extradata) in headers.items():
            counts.update((index, m) for m in hidden.header_messages(extradata, codec))
        packets = video.packets_of(container, *streams, on_failure=lambda: failures.append(None))
        for packet in packets if streams else ():
            index = packet.stream.index
            counts.update((index, m) for m in hidden.messages(bytes(packet), *headers[index]))
    if failures:
        yield Found(topic="damage", where="file", value=f"{len(failures)} places can't be read")
    for (index, message), count in counts.items():
        where = f"stream {index}, {count} times"
        yield Found(topic=message.kind, where=where, value=message.text)


def _extradata(stream: Any) -> bytes:
    return bytes(stream.codec_context.extradata or b"")


def _in_bytes(path: Path) -> Iterator[Found]:
    for offset, text in hidden.xmp_packets(path):
        yield Found(topic="XMP", where=f"byte {offset}", value=text)
    for kind, size in hidden.private_boxes(path):
        yield Found(topic="private box", where=kind, value=f"{size} bytes")
    if count := hidden.trailing_bytes(path):
        yield Found(topic="trailing bytes", where="after the last box", value=f"{count} bytes")
