"""A file that is not a clip is refused in a few words; nothing else is opened or written."""

import contextlib
import os
import random
import socket
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from broken import (
    QUICK,
    alias_record,
    giant_h264,
    giant_jpeg,
    replace_atom,
    sequence_header,
    with_reference,
    with_sequence_header,
    without_atom,
)
from make_clips import write_clip

from redact import ClipError, Settings, video
from redact.cli import main

SMALL = {"frames": 3, "size": (64, 48)}
BEFORE = b"what was there before"
unix_only = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """The bytes of a small, undamaged MP4 file with its index at the end."""
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    write_clip(path, **SMALL)
    return path.read_bytes()


@pytest.fixture
def refused(tmp_path, monkeypatch, capfd):
    """A function that runs the command on a file of tmp_path, and returns its refusal."""

    def run(name, *, command=()):
        monkeypatch.chdir(tmp_path)
        target = tmp_path / "target.mp4"
        target.write_bytes(BEFORE)
        before = {p.name: p.lstat() for p in tmp_path.iterdir()}
        options = [] if command else ["-o", "target.mp4", *QUICK]
        assert main([*command, *options, "--", name]) == 2
        err = capfd.readouterr().err
        assert 1 <= err.count("\n") <= 4
        assert "Traceback" not in err
        assert target.read_bytes() == BEFORE
        after = {p.name: p.lstat() for p in tmp_path.iterdir()}
        assert after.keys() == before.keys()
        assert all(after[n].st_mtime_ns == before[n].st_mtime_ns for n in before)
        return err

    return run


TEXTS = {
    "text.mp4": (b"Dear neighbour,\nhere is the clip.\n" * 50, "plain text"),
    "page.mp4": (b"<!DOCTYPE html>\n<html><body>404</body></html>\n", "a web page"),
    "bom.mp4": (b"\xef\xbb\xbf \n<html><body>sign in</body></html>\n", "a web page"),
    "empty.mp4": (b"", "is empty"),
    "zeros.mp4": (bytes(10_000), "can't read"),
    "random.mp4": (random.Random(3).randbytes(50_000), "can't read"),
    "one.mp4": (b"\0", "can't read"),
    "list.m3u8": (b"#EXTM3U\n#EXTINF:1,\nneighbour.mp4\n#EXT-X-ENDLIST\n", "playlist"),
    "list.m3u": (b"#EXTM3U\nneighbour.mp4\n", "playlist"),
    "list.pls": (b"[playlist]\nFile1=neighbour.mp4\n", "playlist"),
    "list.mp4": (b"ffconcat version 1.0\nfile neighbour.mp4\n", "a list of other files"),
    "list.sdp": (b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n", "SDP"),
    "list.mpd": (
        b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period>'
        b"<AdaptationSet><BaseURL>neighbour.mp4</BaseURL></AdaptationSet></Period></MPD>",
        "DASH",
    ),
    "picture.svg": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "XML"),
    "brand.mp4": (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "without its index"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_refusal_says_what_the_file_is(tmp_path, refused, name):
    content, said = TEXTS[name]
    (tmp_path / name).write_bytes(content)
    err = refused(name)
    assert said in err
    assert name in err


@pytest.mark.parametrize("command", ["inspect", "verify"])
@pytest.mark.parametrize("name", ["text.mp4", "empty.mp4", "random.mp4", "gone.mp4"])
def test_other_commands_refuse_the_same_files(tmp_path, refused, command, name):
    if name in TEXTS:
        (tmp_path / name).write_bytes(TEXTS[name][0])
    assert name in refused(name, command=[command])


def test_a_recording_without_its_index_is_called_cut_off(tmp_path, refused, clip):
    (tmp_path / "cut.mp4").write_bytes(without_atom(clip, b"moov"))
    assert "without its index (moov)" in refused("cut.mp4")


def test_an_index_without_samples_is_refused(tmp_path, refused, clip):
    (tmp_path / "hollow.mp4").write_bytes(without_atom(clip, b"mdat"))
    assert "hollow.mp4" in refused("hollow.mp4")


def write_song(path, cover=None):
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=16_000, layout="mono")
        image = out.add_stream("mjpeg") if cover is not None else None
        if image is not None:
            image.width, image.height, image.pix_fmt = 64, 48, "yuvj420p"
            image.disposition = av.stream.Disposition.attached_pic
        chunk = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.int16), "s16", "mono")
        chunk.sample_rate = 16_000
        out.mux(stream.encode(chunk))
        out.mux(stream.encode())
        if image is not None:
            frame = av.VideoFrame.from_ndarray(cover, format="bgr24").reformat(format="yuvj420p")
            frame.pts = 0
            out.mux(image.encode(frame))
            out.mux(image.encode())


@pytest.mark.parametrize("name", ["sound.m4a", "sound.mp4", "sound.mkv"])
def test_audio_alone_is_refused(tmp_path, refused, name):
    write_song(tmp_path / name.replace("m4a", "mp4"))
    (tmp_path / name.replace("m4a", "mp4")).rename(tmp_path / name)
    assert "no video stream" in refused(name)


def test_a_song_with_a_cover_image_is_refused(tmp_path, refused):
    write_song(tmp_path / "song.mp4", cover=np.full((48, 64, 3), 90, np.uint8))
    assert "no video stream" in refused("song.mp4")


def test_a_clip_without_a_frame_is_refused(tmp_path, refused, clip):
    for table, size in {"stsz": 12, "stts": 8, "stsc": 8, "stco": 8, "stss": 8}.items():
        clip = replace_atom(clip, f"moov/trak/mdia/minf/stbl/{table}", lambda _, n=size: bytes(n))
    (tmp_path / "none.mp4").write_bytes(clip)
    assert "no frame that can be decoded" in refused("none.mp4")
    with av.open(str(tmp_path / "none.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        out.start_encoding()
    assert "none.mkv" in refused("none.mkv")


def test_folders_are_refused(tmp_path, refused):
    (tmp_path / "folder.mp4").mkdir()
    assert "a folder" in refused("folder.mp4")
    assert "a folder" in refused(".")
    assert "a folder" in refused("/")
    assert "a folder" in refused("")


@unix_only
def test_pipes_sockets_and_devices_are_refused_without_waiting_for_them(tmp_path, refused):
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "a pipe" in refused("pipe.mp4")
    assert "a device" in refused("/dev/zero")
    assert "a device" in refused("/dev/null")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind("socket.mp4")  # relative, because paths of sockets must be short
        assert "a socket" in refused("socket.mp4")


@unix_only
def test_broken_and_circular_links_are_refused(tmp_path, refused):
    (tmp_path / "nowhere.mp4").symlink_to("gone.mp4")
    (tmp_path / "circle.mp4").symlink_to("circle.mp4")
    assert "no such file" in refused("nowhere.mp4")
    assert "circle.mp4" in refused("circle.mp4")


def test_impossible_names_are_refused(refused):
    assert "gone.mp4" in refused("gone.mp4")
    assert "xxx" in refused("x" * 300 + ".mp4")
    assert r"nul\x00byte.mp4" in refused("nul\0byte.mp4")


@pytest.fixture
def listener():
    """The port of a socket on this machine; the test fails if anything connects to it."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]
        server.settimeout(0.05)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize("scheme", ["http", "rtsp", "tcp", "ftp", "rtmp"])
def test_addresses_are_refused_without_connecting_to_them(refused, listener, scheme):
    assert "is an address" in refused(f"{scheme}://127.0.0.1:{listener}/a.mp4")


@pytest.mark.parametrize("scheme", ["concat:a.mp4|a.mp4", "subfile,,start,0,end,9,,:a.mp4"])
def test_a_protocol_in_a_file_name_has_no_meaning(tmp_path, refused, clip, scheme):
    (tmp_path / "a.mp4").write_bytes(clip)
    assert "no such file" in refused(scheme)
    assert "no such file" in refused("data:video/mp4;base64,AAAA")


def has_access_times(folder):
    """Whether this file system records when a file is read."""
    (folder / "probe").write_bytes(b"1")
    return was_read(folder / "probe", lambda: (folder / "probe").read_bytes())


def was_read(path, action):
    os.utime(path, (1_000_000, 2_000_000_000))
    before = path.stat().st_atime_ns
    action()
    return path.stat().st_atime_ns != before


LISTS = {
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{place}\n#EXT-X-ENDLIST\n",
    "list.ffconcat": "ffconcat version 1.0\nfile '{place}'\n",
    "list.mp4": "ffconcat version 1.0\nfile '{place}'\n",
    "list.mpd": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" '
    'type="static" mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="video/mp4">'
    '<Representation id="1" bandwidth="1"><BaseURL>{place}</BaseURL><SegmentList>'
    '<SegmentURL media="{place}"/></SegmentList></Representation></AdaptationSet></Period></MPD>',
    "list.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\na=control:{place}\n",
}


@pytest.mark.parametrize("name", LISTS)
def test_no_list_makes_another_file_or_an_address_be_opened(
    tmp_path, refused, clip, listener, name
):
    neighbour = tmp_path / "neighbour.mp4"
    neighbour.write_bytes(clip)
    if not has_access_times(tmp_path):
        pytest.skip("this file system doesn't record when a file is read")
    (tmp_path / name).write_text(LISTS[name].format(place="neighbour.mp4"))
    assert not was_read(neighbour, lambda: refused(name))
    (tmp_path / name).write_text(LISTS[name].format(place=f"http://127.0.0.1:{listener}/a.mp4"))
    refused(name)


@pytest.mark.parametrize("kind", [b"url ", b"alis"])
def test_a_clip_with_its_samples_in_another_file_is_refused(tmp_path, refused, clip, kind):
    neighbour = tmp_path / "neighbour.mp4"
    neighbour.write_bytes(clip)
    place = b"neighbour.mp4\0" if kind == b"url " else alias_record(b"neighbour.mp4")
    (tmp_path / "reference.mov").write_bytes(with_reference(clip, place, kind))
    if not has_access_times(tmp_path):
        pytest.skip("this file system doesn't record when a file is read")
    assert not was_read(neighbour, lambda: refused("reference.mov"))
    assert "in another file" in refused("reference.mov")


def test_a_reference_to_the_file_itself_is_accepted(tmp_path, clip):
    (tmp_path / "same.mp4").write_bytes(replace_atom(clip, "moov/trak/mdia/minf", lambda b: b))
    assert video.probe(tmp_path / "same.mp4").width == 64


def giant(kind, folder, clip):
    """The path of a clip whose header claims a gigantic frame."""
    path = folder / kind
    if kind == "entry.mp4":
        path.write_bytes(with_sequence_header(clip, sequence_header(16384, 16384)))
    elif kind == "long.mp4":
        path.write_bytes(with_sequence_header(clip, sequence_header(139264, 16)))
    elif kind in ("stream.ts", "stream.h264"):
        path.write_bytes(giant_h264(16384, 16384))
        if kind == "stream.ts":
            path.rename(folder / "raw")
            with av.open(str(folder / "raw"), format="h264") as source, av.open(path, "w") as out:
                stream = out.add_stream_from_template(source.streams.video[0])
                for index, packet in enumerate(source.demux()):
                    if packet.size:
                        packet.stream, packet.pts, packet.dts = stream, index * 3600, index * 3600
                        out.mux(packet)
            (folder / "raw").unlink()
    else:
        write_clip(path, codec="mjpeg", pixel_format="yuvj420p", **SMALL)
        path.write_bytes(giant_jpeg(path.read_bytes(), 65500, 40000))
    return path


GIANTS = ("entry.mp4", "long.mp4", "stream.ts", "stream.h264", "jpeg.avi")
LITTLE_MEMORY = """
import resource, sys
from redact.cli import main
resource.setrlimit(resource.RLIMIT_AS, (2_500_000_000, 2_500_000_000))
for path in sys.argv[2:]:
    options = ["--no-faces", "--detector=fast", "--no-audit", "--quiet"]
    print(main([path, "-o", sys.argv[1], *options]), flush=True)
"""


@unix_only
def test_gigantic_frames_are_refused_in_little_memory(tmp_path, clip):
    paths = [giant(kind, tmp_path, clip) for kind in GIANTS]
    command = [sys.executable, "-c", LITTLE_MEMORY, str(tmp_path / "b.mp4"), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.stdout.split() == ["2"] * len(GIANTS), done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == len(GIANTS)
    for name, line in zip(GIANTS, lines, strict=True):
        assert name in line
        assert "max_pixels" in line
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(GIANTS)


@unix_only
def test_a_gigantic_frame_in_the_middle_takes_no_memory_either(tmp_path):
    """The frames before it are kept, and a warning tells that it could not be decoded."""
    times = {"time_base": Fraction(1, 90_000), "pts": [3600 * i for i in range(10)]}
    write_clip(tmp_path / "small.ts", size=(64, 48), **times)
    giant("stream.ts", tmp_path, b"")
    path, target = tmp_path / "both.ts", tmp_path / "b.mp4"
    path.write_bytes((tmp_path / "small.ts").read_bytes() + (tmp_path / "stream.ts").read_bytes())
    command = [sys.executable, "-c", LITTLE_MEMORY, str(target), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.stdout == "0\n", done.stderr
    assert "warning" in done.stderr
    clip = video.probe(target)
    assert (clip.width, clip.height) == (64, 48)
    assert sum(1 for _ in video.read_frames(clip)) >= 10


def test_the_largest_frame_size_is_a_setting(tmp_path):
    write_clip(tmp_path / "a.mp4", **SMALL)
    assert video.probe(tmp_path / "a.mp4", max_pixels=64 * 48).width == 64
    with pytest.raises(ClipError, match="max_pixels=3071"):
        video.probe(tmp_path / "a.mp4", max_pixels=64 * 48 - 1)
    assert Settings().max_pixels >= 8192 * 4320


def test_metadata_in_an_unknown_encoding_is_accepted(tmp_path, clip):
    (tmp_path / "a.mp4").write_bytes(clip.replace(b"Front door", b"Haust\xfcr \xff!"))
    dropped = video.probe(tmp_path / "a.mp4").dropped
    assert any("title" in item for item in dropped)
