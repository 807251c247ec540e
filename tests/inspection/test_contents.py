"""`redact inspect` shows everything that a clip carries, and finds none of it in a result."""

import json
import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from make_clips import SquareDetector, draw, write_clip

import redact
from redact.cli import main
from redact.inspection.contents import as_json, as_text, inspect_clip
from redact.video import hidden_data

XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>\n <photographer>Ann</photographer>\n</x:xmpmeta>"


def write_rich(path, **values):
    """Write a clip with audio, a second video stream, chapters and metadata of every topic."""
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as out:
        out.metadata.update(values)
        for _ in range(2):
            video = out.add_stream("libx264", rate=25)
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = out.add_stream("aac", rate=16_000, layout="mono")
        out.set_chapters(
            [
                {
                    "id": 1,
                    "start": 0,
                    "end": 1,
                    "time_base": Fraction(1, 25),
                    "metadata": {"title": "He rings"},
                }
            ]
        )
        for video in out.streams.video:
            for index in range(3):
                frame = av.VideoFrame.from_ndarray(draw(index, 64, 48), format="bgr24")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                out.mux(video.encode(frame))
            out.mux(video.encode())
        chunk = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.int16), "s16", "mono")
        chunk.sample_rate = 16_000
        out.mux(audio.encode(chunk))
        out.mux(audio.encode())


@pytest.fixture
def rich(tmp_path):
    path = tmp_path / "rich.mp4"
    write_rich(
        path,
        title="Front door",
        make="Acme",
        location="+51.5000-000.1000/",
        creation_time="2024-05-06T07:08:09Z",
        note="with \x1b[31mcolour\nand a second line",
    )
    user_box = struct.pack(">I4s", 8 + 16 + len(XMP), b"uuid") + bytes(16) + XMP
    path.write_bytes(path.read_bytes() + user_box + b"tail")
    return path


def found_in(path):
    return {(found.topic, found.value) for found in inspect_clip(path).found}


def test_everything_that_a_clip_reveals_is_listed_with_its_value(rich):
    found = found_in(rich)
    assert ("metadata", "Front door") in found
    assert ("device", "Acme") in found
    assert ("location", "+51.5000-000.1000/") in found
    assert any(topic == "time" and value.startswith("2024-05-06") for topic, value in found)
    assert ("audio", "aac") in found
    assert ("second video", "h264") in found
    assert ("chapter", "He rings") in found
    assert any(topic == "user data" and "x264" in value for topic, value in found)
    assert any(topic == "XMP" and "<photographer>Ann" in value for topic, value in found)
    assert ("private box", f"{24 + len(XMP)} bytes") in found
    assert ("trailing bytes", "4 bytes") in found


def test_text_output_escapes_control_characters_and_line_breaks(rich, capsys):
    assert main(["inspect", str(rich)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert r"with \x1b[31mcolour\nand a second line" in out
    assert "stream 0: video, h264, 64x48, yuv420p, 25 frames/s" in out
    assert len(out.splitlines()) == len(as_text(inspect_clip(rich)).splitlines())


def test_json_output_has_values_in_full(rich, capsys):
    assert main(["inspect", "--json", str(rich)]) == 0
    out = capsys.readouterr().out
    data = json.loads(out)
    assert out == as_json(inspect_clip(rich)) + "\n"
    assert data["metadata"]["note"] == "with \x1b[31mcolour\nand a second line"
    assert [stream["type"] for stream in data["streams"]].count("video") == 2
    assert data["size_bytes"] == rich.stat().st_size


def test_inspecting_writes_nothing(rich):
    before = {p.name: p.read_bytes() for p in rich.parent.iterdir()}
    inspect_clip(rich)
    assert {p.name: p.read_bytes() for p in rich.parent.iterdir()} == before


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_a_result_carries_nothing_besides_its_video(rich, suffix):
    target = rich.with_name(f"safe{suffix}")
    redact.redact_clip(rich, target, detectors=[])
    assert found_in(target) == set()
    assert "carries nothing besides its pictures" in as_text(inspect_clip(target))


def test_attachments_are_found_with_their_names(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as out:
        video = out.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        out.add_attachment("diary.txt", "text/plain", b"dear diary")
        frame = av.VideoFrame.from_ndarray(draw(0, 64, 48), format="bgr24")
        out.mux(video.encode(frame))
        out.mux(video.encode())
    found = found_in(path)
    assert ("metadata", "diary.txt") in found
    assert any(topic == "attachment track" for topic, _ in found)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_trailing_bytes_are_counted_in_every_container(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    codec = {"codec": "mjpeg", "pixel_format": "yuvj420p"} if suffix == ".avi" else {}
    times = {"time_base": Fraction(1, 25), "pts": [0, 1, 2]}
    write_clip(path, size=(64, 48), **codec, **times)
    assert hidden_data.count_trailing_bytes(path) == 0
    path.write_bytes(path.read_bytes() + b"Ann was here" * 10)
    assert hidden_data.count_trailing_bytes(path) == 120


def message(message_type, content):
    """An H.264 NAL unit with one SEI message."""
    sizes = b"\xff" * (len(content) // 255) + bytes([len(content) % 255])
    return b"\x06" + bytes([message_type]) + sizes + content + b"\x80"


def test_messages_are_found_however_nal_units_are_delimited():
    unit = message(5, bytes(range(16)) + b"taken at 51.5 north" * 20)
    expected = [hidden_data.Message("user data", "taken at 51.5 north" * 20)]
    slice_unit = b"\x65" + bytes(range(40, 90))
    assert (
        list(hidden_data.read_messages(b"\0\0\0\1" + unit + b"\0\0\1" + slice_unit, "h264"))
        == expected
    )
    for length_size in (1, 2, 4):
        units = [unit, slice_unit] if length_size > 1 else [message(5, bytes(16) + b"short")]
        packet = b"".join(len(u).to_bytes(length_size, "big") + u for u in units)
        header = bytes([1, 66, 0, 30, 0xFC | length_size - 1])
        found = list(hidden_data.read_messages(packet, "h264", header))
        assert found == (
            expected if length_size > 1 else [hidden_data.Message("user data", "short")]
        )


def test_messages_in_the_header_of_an_hevc_stream_are_found():
    unit = b"\x4e\x01" + message(5, bytes(range(16)) + b"x265 was here")[1:]
    array = b"\x27" + struct.pack(">HH", 1, len(unit)) + unit
    header = b"\1" + bytes(20) + b"\x03" + b"\1" + array
    expected = [hidden_data.Message("user data", "x265 was here")]
    assert list(hidden_data.read_header_messages(header, "hevc")) == expected
    assert list(hidden_data.read_header_messages(b"\0\0\0\1" + unit, "hevc")) == expected


def test_other_codecs_and_truncated_messages_raise_nothing():
    assert list(hidden_data.read_messages(b"\0\0\1\x06\x05", "vp9")) == []
    unit = message(5, bytes(16) + b"a long text that was cut off")
    for end in range(len(unit)):
        list(hidden_data.read_messages(b"\0\0\1" + unit[:end], "h264"))
        list(hidden_data.read_messages(unit[:end], "h264", b"\1\0\0\0\xff"))
        list(hidden_data.read_header_messages(b"\1" + bytes(21) + unit[:end], "hevc"))


C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


def jumbf(payload=b"claim_generator: Acme Doorbell"):
    """The start of a C2PA manifest store: a superbox with its description."""
    kind = bytes.fromhex("6332706100110010800000aa00389b71")
    description = struct.pack(">I4s", 8 + 16 + 6, b"jumd") + kind + b"\x03c2pa\0"
    return struct.pack(">I4s", 8 + len(description) + len(payload), b"jumb") + description + payload


def seal_box():
    """A "uuid" box as a camera adds one: version and flags, what it is for, and the manifest."""
    content = C2PA_UUID + bytes(4) + b"manifest\0" + bytes(8) + jumbf()
    return struct.pack(">I4s", 8 + len(content), b"uuid") + content


@pytest.mark.parametrize(
    ("suffix", "seal"), [(".mp4", seal_box()), (".mov", seal_box()), (".mkv", jumbf())]
)
def test_a_seal_is_told_and_does_not_reach_the_result(tmp_path, suffix, seal, capsys):
    path = tmp_path / f"a{suffix}"
    write_clip(path, frames=3)
    with path.open("ab") as file:
        file.write(seal)
    contents = inspect_clip(path)
    assert contents.is_sealed and json.loads(as_json(contents))["is_sealed"]
    assert "so keep this file" in as_text(contents)
    assert [f.value for f in contents.found if f.topic == "seal (C2PA)"] == [f"{len(seal)} bytes"]
    assert "private box" not in as_text(contents)
    report = redact.redact_clip(path, tmp_path / "b.mp4", detectors=[SquareDetector()])
    assert f"C2PA manifest ({len(seal)} bytes)" in report.removed
    assert not any("'uuid'" in item for item in report.removed)
    assert not inspect_clip(tmp_path / "b.mp4").is_sealed


def test_another_uuid_box_is_no_seal(tmp_path):
    write_clip(tmp_path / "a.mp4", frames=3)
    with (tmp_path / "a.mp4").open("ab") as file:
        file.write(seal_box().replace(C2PA_UUID, bytes(16)))
    contents = inspect_clip(tmp_path / "a.mp4")
    assert not contents.is_sealed and "private box (uuid)" in as_text(contents)
    assert "keep this file" not in as_text(contents)
