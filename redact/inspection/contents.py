"""What a clip reveals besides its frames: the command `redact inspect`. Nothing is written."""

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
from redact.errors import ClipError
from redact.image_files import (
    count_bytes_after_image,
    image_metadata,
    image_size,
    is_image_file,
)
from redact.inspection.topics import is_structure, topic_of
from redact.settings import Settings
from redact.source_files import image_format, printable, reason
from redact.video import hidden_data

_MAX_VALUE_LENGTH = 200
_SEAL = "seal (C2PA)"
# Values of the container's keys that FFmpeg and others write by default; others can name a camera.
_DEFAULT_VALUES = re.compile(r"((Video|Sound)Handler|\[0\]\[0\]\[0\]\[0\]|FFMP|Lav[fc][\d.]*.*|)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a copy of the clip would reveal: its topic, where it lies, and its value."""

    topic: str
    where: str
    value: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contents:
    """Everything that a clip carries.

    `streams` holds a plain mapping for each stream, and `metadata` that of the whole file. `found`
    lists what tells something about people, places, times or devices, from anywhere in the file.
    """

    name: str
    size_bytes: int
    container: str
    duration_seconds: float | None
    streams: tuple[Mapping[str, Any], ...]
    metadata: Mapping[str, str]
    found: tuple[Finding, ...]

    @property
    def is_sealed(self) -> bool:
        """Whether it carries a C2PA manifest, which no changed copy can carry.

        Whether the manifest's signature is valid is not checked.
        """
        return any(finding.topic == _SEAL for finding in self.found)


def inspect_clip(path: str | os.PathLike[str], settings: Settings | None = None) -> Contents:
    """List what a clip carries: streams, metadata with values, and data hidden in its bytes.

    Raises:
        ClipError: the file can't be read as a clip.

    """
    path, settings = Path(path), settings or Settings()
    if is_image_file(path):
        return _inspect_image(path)
    with video.open_container(path, max_pixels=settings.max_pixels) as container:
        streams = tuple(_describe_stream(stream) for stream in container.streams)
        duration = container.duration
        contents = Contents(
            name=path.name,
            size_bytes=path.stat().st_size,
            container=container.format.name,
            duration_seconds=None if duration is None else duration / 1e6,
            streams=streams,
            metadata=dict(container.metadata),
            found=tuple(_find_in_container(container, streams)),
        )
    found = [*contents.found, *_find_in_packets(path, settings), *_find_in_bytes(path)]
    return dataclasses.replace(contents, found=tuple(found))


def _inspect_image(path: Path) -> Contents:
    """What an image file carries."""
    width, height = image_size(path)
    metadata = image_metadata(path)
    found = list(_find_in_bytes(path))
    for key, value in metadata.items():
        found.append(Finding(topic=topic_of(key), where=f"image, {key}", value=value))
    if count := count_bytes_after_image(path):
        found.append(
            Finding(topic="trailing bytes", where="after the image", value=f"{count} bytes")
        )
    kind = image_format(path) or "unknown"
    stream = {"index": 0, "type": "image", "codec": kind, "size": f"{width}x{height}"}
    return Contents(
        name=path.name,
        size_bytes=path.stat().st_size,
        container=kind,
        duration_seconds=None,
        streams=({**stream, "metadata": {}},),
        metadata=metadata,
        found=tuple(found),
    )


def as_json(contents: Contents) -> str:
    """The contents as JSON, with all values in full."""
    values = {"format": "redact-contents-1", **dataclasses.asdict(contents)}
    values["is_sealed"] = contents.is_sealed
    return json.dumps(values, indent=1)


def as_text(contents: Contents) -> str:
    """The contents for people: long values are cut, and control characters are escaped."""
    return "\n".join(_text_lines(contents))


def _text_lines(contents: Contents) -> Iterator[str]:
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
    if contents.is_sealed:
        yield "sealed (C2PA): a redacted copy can't carry the seal, so keep this file"
    if not contents.found:
        yield "carries nothing besides its pictures"
        return
    yield "carries besides its pictures:"
    for finding in contents.found:
        yield f"  {finding.topic} ({_short(finding.where)}): {_short(finding.value)}"


def _short(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[:_MAX_VALUE_LENGTH]}..."


def _describe_stream(stream: Any) -> dict[str, Any]:
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


def _find_in_container(container: Any, streams: tuple[Mapping[str, Any], ...]) -> Iterator[Finding]:
    yield from _find_in_metadata(container.metadata, "file")
    has_main_video = False
    for stream in streams:
        where = f"stream {stream['index']}"
        yield from _find_in_metadata(stream["metadata"], where)
        is_cover = "attached_pic" in stream.get("disposition", "")
        if stream["type"] == "video" and not is_cover and not has_main_video:
            has_main_video = True
            continue
        topics = {"audio": "audio", "video": "cover art" if is_cover else "second video"}
        yield Finding(
            topic=topics.get(stream["type"], f"{stream['type']} track"),
            where=where,
            value=str(stream["codec"]),
        )
    for chapter in container.chapters():
        start = float(chapter["start"] * (chapter["time_base"] or 0))
        title = chapter["metadata"].get("title", "")
        yield Finding(topic="chapter", where=f"at {start:.2f} s", value=title)


def _find_in_metadata(values: Mapping[str, str], where: str) -> Iterator[Finding]:
    for key, value in values.items():
        if is_structure(key) and _is_default(key, value):
            continue
        yield Finding(topic=topic_of(key), where=f"{where}, {key}", value=value)


def _is_default(key: str, value: str) -> bool:
    """Whether the value of such a key reveals nothing."""
    can_name_a_camera = key.lower() in ("handler_name", "vendor_id", "encoder")
    return not can_name_a_camera or bool(_DEFAULT_VALUES.fullmatch(value))


def _find_in_packets(path: Path, settings: Settings) -> Iterator[Finding]:
    """Messages inside the packets of video, each text once, with the number of times it occurs."""
    counts: collections.Counter[tuple[int, hidden_data.Message]] = collections.Counter()
    failures: list[None] = []
    with video.open_container(path, max_pixels=settings.max_pixels) as container:
        streams = [s for s in container.streams.video if s.codec_context]
        headers = {s.index: (s.codec_context.name, _extradata(s)) for s in streams}
        for index, (codec, extradata) in headers.items():
            counts.update((index, m) for m in hidden_data.read_header_messages(extradata, codec))
        packets = video.read_packets(container, *streams, on_failure=lambda: failures.append(None))
        for packet in packets if streams else ():
            index = packet.stream.index
            messages = hidden_data.read_messages(bytes(packet), *headers[index])
            counts.update((index, message) for message in messages)
    if failures:
        yield Finding(topic="damage", where="file", value=f"{len(failures)} places can't be read")
    for (index, message), count in counts.items():
        where = f"stream {index}, {count} times"
        yield Finding(topic=message.kind, where=where, value=message.text)


def _extradata(stream: Any) -> bytes:
    return bytes(stream.codec_context.extradata or b"")


def _find_in_bytes(path: Path) -> Iterator[Finding]:
    try:
        for offset, text in hidden_data.find_xmp_packets(path):
            yield Finding(topic="XMP", where=f"byte {offset}", value=text)
        for seal in hidden_data.find_seals(path):
            yield Finding(topic=_SEAL, where=f"byte {seal.offset}", value=f"{seal.size} bytes")
        for kind, size in hidden_data.find_private_atoms(path):
            yield Finding(topic="private box", where=kind, value=f"{size} bytes")
        if count := hidden_data.count_trailing_bytes(path):
            yield Finding(
                topic="trailing bytes", where="after the last box", value=f"{count} bytes"
            )
    except (OSError, ValueError) as err:
        # A file that was emptied meanwhile can't be mapped into memory, which is a ValueError.
        raise ClipError(f"can't read {str(path)!r}: {reason(err)}") from err
