"""Only video, and audio if it is kept, reaches the result; the report lists what was left out."""

from fractions import Fraction

import av
import numpy as np
import pytest
from odd_clips import (
    as_native,
    copy_clip,
    find_atom,
    needs,
    numbers_of,
    times_and_numbers,
    write_numbered,
)

import redact
from redact import Settings, video
from redact.video.audio import strip_vorbis_comments

SECRET = "Elm Street 12 +47.37+008.54"


def write_rich(path, *, data_codec=None):
    """Write a clip with everything that its container can carry; each part holds the secret."""
    is_mkv, is_ts = path.suffix == ".mkv", path.suffix == ".ts"
    options = {} if is_mkv or is_ts else {"movflags": "use_metadata_tags"}
    with av.open(str(path), "w", options=options) as out:
        out.metadata["title"] = out.metadata["location"] = out.metadata["comment"] = SECRET
        out.metadata["creation_time"] = "2024-05-06T07:08:09Z"
        out.metadata["com.apple.quicktime.model"] = SECRET
        streams = []
        for _ in range(2):
            stream = out.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
            stream.time_base = stream.codec_context.time_base = Fraction(1, 25)
            stream.metadata["handler_name"] = stream.metadata["title"] = SECRET
            streams.append(stream)
        if is_mkv:
            for name, kind in (("cover.jpg", "image/jpeg"), ("note.txt", "text/plain")):
                out.add_attachment(name, kind, SECRET.encode())
        if not is_ts:
            out.set_chapters(
                [
                    {
                        "id": 1,
                        "start": 0,
                        "end": 90,
                        "time_base": Fraction(1, 1000),
                        "metadata": {"title": SECRET},
                    }
                ]
            )
        data = out.add_mux_stream(data_codec, time_base=Fraction(1, 1000)) if data_codec else None
        out.start_encoding()
        for index in range(6):
            for number, stream in enumerate(streams):
                native = as_native(index + 100 * number, "yuv420p")
                native.pts, native.time_base = index, Fraction(1, 25)
                out.mux(stream.encode(native))
            if data is not None:
                packet = av.Packet(SECRET.encode())
                packet.pts = packet.dts = index * 40
                packet.time_base, packet.stream = Fraction(1, 1000), data
                out.mux(packet)
        for stream in streams:
            out.mux(stream.encode())


CARRIERS = {
    "a.mkv": (None, {"video stream", "cover image", "attachment", "chapters", "metadata: title"}),
    "a.mov": (None, {"video stream", "chapters", "metadata: location"}),
    "a.mp4": ("bin_data", {"video stream", "data stream", "chapters", "metadata: comment"}),
    "a.ts": ("klv", {"video stream", "data stream", "in the frames: user data"}),
}


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize("name", CARRIERS)
def test_whatever_a_clip_carries_is_left_out_and_listed(tmp_path, name, suffix):
    source, target = tmp_path / name, tmp_path / f"b{suffix}"
    data_codec, carried = CARRIERS[name]
    write_rich(source, data_codec=data_codec)
    assert SECRET.encode() in source.read_bytes()
    clip = copy_clip(source, target)
    for item in carried:
        assert any(dropped.startswith(item) for dropped in clip.dropped), clip.dropped
    assert numbers_of(target) == list(range(6))
    with av.open(str(target)) as out:
        assert [stream.type for stream in out.streams] == ["video"]
        assert not out.chapters()
        harmless = {"major_brand", "minor_version", "compatible_brands"}
        # Matroska demands the name of a muxer; ours is written without a version.
        assert set(out.metadata) - {"encoder"} <= harmless
        assert out.metadata.get("encoder", "Lavf") == "Lavf"
        assert set(out.streams[0].metadata) <= {"handler_name", "language", "vendor_id", "DURATION"}
    written = target.read_bytes()
    for part in (SECRET.encode(), b"x264", b"Lavf6", b"Lavc", b"libvpx", b"quicktime.model"):
        assert part not in written


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_times_of_day_in_the_header_are_zero(tmp_path, suffix):
    source, target = tmp_path / "a.mp4", tmp_path / f"b{suffix}"
    write_rich(source)
    copy_clip(source, target)
    data = target.read_bytes()
    for path in (
        (b"moov", b"mvhd"),
        (b"moov", b"trak", b"tkhd"),
        (b"moov", b"trak", b"mdia", b"mdhd"),
    ):
        start, _ = find_atom(data, *path)
        times = 8 if data[start + 8] == 0 else 16
        assert not any(data[start + 12 : start + 12 + times])


def test_private_boxes_and_trailing_bytes_are_left_out_and_listed(tmp_path):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_numbered(source)
    content = bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + b"<x:xmpmeta>" + SECRET.encode()
    box = (len(content) + 8).to_bytes(4, "big") + b"uuid" + content
    source.write_bytes(source.read_bytes() + box + b"\xff" * 7 + SECRET.encode())
    clip = copy_clip(source, target)
    assert f"box 'uuid' ({len(box)} bytes)" in clip.dropped
    assert f"{7 + len(SECRET)} bytes after the last box" in clip.dropped
    assert SECRET.encode() not in target.read_bytes()
    assert times_and_numbers(target)[1] == list(range(12))


def test_no_box_of_a_plain_clip_is_listed(tmp_path):
    source = tmp_path / "a.mp4"
    write_numbered(source, codec="mpeg4", container_options={"fflags": "+bitexact"})
    ordinary = {"major_brand", "minor_version", "compatible_brands", "handler_name", "language"}
    for item in video.probe(source).dropped:
        assert item.startswith("metadata")
        assert item.split(": ")[1] in ordinary | {"vendor_id", "encoder"}


@pytest.mark.parametrize("audio", ["drop", "keep"])
def test_the_report_lists_audio_only_if_it_was_left_out(tmp_path, audio):
    source, target = tmp_path / "a.mkv", tmp_path / "b.mkv"
    write_numbered(source, audio=("libopus", 0.4), time_base=Fraction(1, 1000))
    settings = Settings(audit=False, audio=audio)
    report = redact.redact_clip(source, target, settings, detectors=[])
    listed = any(item.startswith("audio") for item in report.removed)
    with av.open(str(target)) as out:
        assert bool(out.streams.audio) is not listed
    assert listed == (audio == "drop")


def test_comments_in_vorbis_headers_are_removed(tmp_path):
    """They are part of the stream's own headers, so copying the stream would keep them."""
    needs("vorbis")
    source, target = tmp_path / "a.mkv", tmp_path / "b.webm"

    with av.open(str(source), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        audio = out.add_stream("vorbis", rate=48_000, layout="stereo", options={"strict": "-2"})
        out.start_encoding()
        for index in range(6):
            native = as_native(index, "yuv420p")
            native.pts, native.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(native))
        out.mux(stream.encode())
        for index in range(40):
            chunk = av.AudioFrame.from_ndarray(np.zeros((2, 64), np.float32), "fltp", "stereo")
            chunk.sample_rate, chunk.pts = 48_000, 64 * index
            out.mux(audio.encode(chunk))
        out.mux(audio.encode())
    headers = audio_headers(source)
    for length in (3, 300):
        comment = b"\3vorbis" + SECRET.encode().ljust(length)
        with_comment = (
            b"\2" + headers[1:2] + lacing(comment) + headers[3:33] + comment + headers[49:]
        )
        assert strip_vorbis_comments(with_comment) == headers
    copy_clip(source, target, audio="keep")
    assert audio_headers(target) == headers
    with av.open(str(target)) as out:
        assert sum(frame.samples for frame in out.decode(out.streams.audio[0]))


def lacing(part):
    """The size of a packet in Xiph lacing: as many bytes of 255 as fit, and the rest."""
    return b"\xff" * (len(part) // 255) + bytes([len(part) % 255])


def audio_headers(path):
    with av.open(str(path)) as container:
        return container.streams.audio[0].codec_context.extradata
