"""A written clip has all frames of the source in order, with their times, shape and colours."""

from fractions import Fraction

import av
import numpy as np
import pytest
from make_clips import SquareDetector, brightest, read_back, write_clip
from odd_clips import (
    audio_times,
    copy_clip,
    first_frame,
    needs,
    number_in,
    set_edits,
    times_and_numbers,
    write_numbered,
)

import redact
from redact import Settings, video


def assert_same(source, target, *, seconds=None, numbers=None):
    """Check that numbers have the same order, and times since the first frame agree within 2 ms."""
    before, after = times_and_numbers(source), times_and_numbers(target)
    seconds = before[0] if seconds is None else seconds
    assert after[1] == (before[1] if numbers is None else numbers)
    times = np.array(after[0]) - after[0][0]
    np.testing.assert_allclose(times, np.array(seconds) - seconds[0], atol=2e-3)


H264 = {"codec": "libx264"}
FORMATS = {
    "H.264 with B-frames": ("a.mp4", {**H264, "codec_options": {"bf": "3"}, "gop": 12}),
    "fragmented MP4": (
        "a.mp4",
        {"container_options": {"movflags": "frag_keyframe+empty_moov"}, "gop": 4},
    ),
    "MPEG-TS": ("a.ts", {"container": "mpegts"}),
    "MKV": ("a.mkv", {}),
    "AVI": ("a.avi", {"time_base": Fraction(1, 25), "codec_options": {"bf": "2"}}),
    "AVI with MPEG-4": ("a.avi", {"codec": "mpeg4", "time_base": Fraction(1, 25)}),
    "MOV": ("a.mov", {}),
    "FLV": ("a.flv", {}),
    "Annex B": ("a.h264", {"container": "h264", "codec_options": {"bf": "0"}}),
    "Annex B with B-frames": ("a.264", {"container": "h264", "codec_options": {"bf": "2"}}),
    "HEVC": ("a.mp4", {"codec": "libx265", "codec_options": {"x265-params": "log-level=none"}}),
    "HEVC 10 bit": (
        "a.mkv",
        {
            "codec": "libx265",
            "pixel_format": "yuv420p10le",
            "codec_options": {"x265-params": "log-level=none"},
        },
    ),
    "HEVC Annex B": (
        "a.hevc",
        {
            "codec": "libx265",
            "container": "hevc",
            "codec_options": {"x265-params": "log-level=none:bframes=0"},
        },
    ),
    "VP8": ("a.webm", {"codec": "libvpx", "time_base": Fraction(1, 1000)}),
    "VP9": ("a.webm", {"codec": "libvpx-vp9", "time_base": Fraction(1, 1000)}),
    "AV1": ("a.mp4", {"codec": "libsvtav1", "codec_options": {"preset": "12"}}),
    "MJPEG": ("a.mov", {"codec": "mjpeg", "pixel_format": "yuvj420p"}),
    "MJPEG 4:2:2": (
        "a.avi",
        {"codec": "mjpeg", "pixel_format": "yuvj422p", "time_base": Fraction(1, 25)},
    ),
    "MPEG-2": ("a.mpg", {"codec": "mpeg2video", "time_base": Fraction(1, 25)}),
    "ProRes with transparency": ("a.mov", {"codec": "prores_ks", "pixel_format": "yuva444p10le"}),
    "4:4:4": ("a.mp4", {"pixel_format": "yuv444p"}),
    "4:2:2": ("a.mp4", {"pixel_format": "yuv422p"}),
    "H.264 10 bit": ("a.mp4", {"pixel_format": "yuv420p10le"}),
    "grey": ("a.mp4", {"pixel_format": "gray"}),
    "RGB": ("a.mov", {"codec": "qtrle", "pixel_format": "rgb24"}),
    "MJPEG stream": ("a.mjpeg", {"codec": "mjpeg", "pixel_format": "yuvj420p"}),
    "MPEG-2 stream": (
        "a.m2v",
        {"codec": "mpeg2video", "container": "mpeg2video", "time_base": Fraction(1, 25)},
    ),
    "MPEG-4 stream": (
        "a.m4v",
        {"codec": "mpeg4", "container": "m4v", "time_base": Fraction(1, 25)},
    ),
    "AV1 stream": (
        "a.obu",
        {"codec": "libsvtav1", "container": "obu", "codec_options": {"preset": "12"}},
    ),
    "YUV4MPEG": (
        "a.y4m",
        {"codec": "rawvideo", "container": "yuv4mpegpipe", "time_base": Fraction(1, 25)},
    ),
    "DV": (
        "a.dv",
        {"codec": "dvvideo", "container": "dv", "size": (720, 576), "time_base": Fraction(1, 25)},
    ),
    "IVF": ("a.ivf", {"codec": "libvpx", "container": "ivf", "time_base": Fraction(1, 25)}),
    "NUT": ("a.nut", {"codec": "mpeg4", "container": "nut", "time_base": Fraction(1, 25)}),
    "GIF": ("a.gif", {"codec": "gif", "pixel_format": "rgb8", "time_base": Fraction(1, 100)}),
    "APNG": ("a.apng", {"codec": "apng", "container": "apng", "pixel_format": "rgb24"}),
    "RGB in FFV1": ("a.mkv", {"codec": "ffv1", "pixel_format": "bgr0"}),
}


@pytest.mark.parametrize("clip_format", FORMATS)
def test_every_format_keeps_its_frames_and_times(tmp_path, clip_format):
    name, options = FORMATS[clip_format]
    needs(options.get("codec", "libx264"))
    source, target = tmp_path / name, tmp_path / "b.mp4"
    pts = write_numbered(source, **options)
    copy_clip(source, target)
    step = [at * float(options.get("time_base", Fraction(1, 12_800))) for at in pts]
    assert_same(source, target, seconds=step, numbers=list(range(len(pts))))


@pytest.mark.parametrize("rate", [5, 10, 15, 30, 50])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_a_bare_stream_is_as_fast_as_its_header_says(tmp_path, codec, rate):
    needs(codec)
    source, target = tmp_path / "a.bin", tmp_path / "b.mp4"
    container = {"libx264": "h264", "libx265": "hevc"}[codec]
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {"bf": "2"}
    write_numbered(
        source,
        codec=codec,
        container=container,
        rate=rate,
        time_base=Fraction(1, rate),
        codec_options=options,
    )
    clip = copy_clip(source, target)
    assert clip.frame_rate == rate
    assert_same(source, target, seconds=[i / rate for i in range(12)], numbers=list(range(12)))


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov", ".mkv", ".webm"])
def test_the_suffix_selects_the_container(tmp_path, suffix):
    source, target = tmp_path / "a.mp4", tmp_path / f"b{suffix}"
    needs("libvpx-vp9")
    write_numbered(source, gop=6)
    copy_clip(source, target)
    assert_same(source, target)
    with av.open(str(target)) as out:
        names = {".mkv": "matroska", ".webm": "matroska"}
        assert names.get(suffix, "mov") in out.format.name
        codec = out.streams.video[0].codec_context.name
        assert codec.startswith("vp9" if suffix == ".webm" else "h264")
    head = target.read_bytes()[:64]
    assert (b"webm" in head) == (suffix == ".webm")
    assert (b"qt  " in head) == (suffix == ".mov")


TIMES = {
    "uneven": [0, 400, 401, 2_000, 2_040, 9_000, 9_001, 30_000],
    "240 a second": [round(12_800 * i / 240) for i in range(40)],
    "two hours of few": [12_800 * 1_440 * i for i in range(6)],
    "late": [12_800 * 3 + 512 * i for i in range(6)],
    "very late": [12_800 * 3_600 + 512 * i for i in range(6)],
}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize("times", TIMES)
def test_times_are_kept(tmp_path, times, suffix):
    source, target = tmp_path / "a.mp4", tmp_path / f"b{suffix}"
    write_numbered(source, pts=TIMES[times])
    copy_clip(source, target)
    assert_same(source, target, seconds=[at / 12_800 for at in TIMES[times]])


def test_gaps_too_long_for_the_clock_of_an_mp4_file_are_kept(tmp_path):
    source, target = tmp_path / "a.mkv", tmp_path / "b.mp4"
    pts = [0, 40, 80, 40_000_000, 40_000_040]
    write_numbered(source, pts=pts, time_base=Fraction(1, 1000))
    copy_clip(source, target)
    assert_same(source, target)


def test_a_late_start_is_kept_but_a_very_late_one_is_moved_to_zero(tmp_path):
    for times, start in (("late", 3.0), ("very late", 0.0)):
        source, target = tmp_path / "a.mkv", tmp_path / "b.mp4"
        write_numbered(source, pts=TIMES[times])
        copy_clip(source, target)
        assert times_and_numbers(target)[0][0] == pytest.approx(start, abs=2e-3)


EDITS = {
    "cut at the front": [(320, 4 * 512)],
    "empty at the front": [(300, -1), (480, 0)],
    "two pieces": [(80, 0), (120, 6 * 512)],
    "empty in the middle": [(80, 0), (400, -1), (120, 6 * 512)],
}


@pytest.mark.parametrize("edits", EDITS)
@pytest.mark.parametrize("gop", [1, 12])
def test_edit_lists_are_followed(tmp_path, edits, gop):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_numbered(source, gop=gop, codec_options={"bf": "0"})
    set_edits(source, EDITS[edits])
    assert times_and_numbers(source) != ([0.04 * i for i in range(12)], list(range(12)))
    copy_clip(source, target)
    assert_same(source, target)


@pytest.mark.parametrize("container", ["mpegts", "matroska"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_times_before_zero_keep_their_distances(tmp_path, container, suffix):
    source, target = tmp_path / "a.bin", tmp_path / f"b{suffix}"
    pts = [512 * i - 2_000 for i in range(12)]
    options = {"avoid_negative_ts": "disabled"}
    write_numbered(source, container=container, pts=pts, container_options=options)
    copy_clip(source, target)
    assert_same(source, target, seconds=[at / 12_800 for at in pts])


def joined(folder, *starts, **options):
    """Join pieces of six frames, whose clocks start at these seconds, to a transport stream."""
    source = folder / "a.ts"
    pieces = []
    for piece, start in enumerate(starts):
        part = folder / f"{piece}.ts"
        pts = [round(start * 90_000) + 3_600 * i for i in range(6)]
        write_numbered(
            part, pts=pts, time_base=Fraction(1, 90_000), first_number=6 * piece, **options
        )
        pieces.append(part.read_bytes())
    source.write_bytes(b"".join(pieces))
    return source


@pytest.mark.parametrize("starts", [(50, 1), (50, 48, 46), (10, 60, 10), (100, 1)])
def test_time_continues_where_a_clock_restarts(tmp_path, starts):
    source, target = joined(tmp_path, *starts), tmp_path / "b.mp4"
    clip = copy_clip(source, target)
    gap = 49.76 if starts[1] > starts[0] else 0
    expected = [0.04 * i + gap * (i >= 6) for i in range(6 * len(starts))]
    assert_same(source, target, seconds=expected, numbers=list(range(6 * len(starts))))
    assert any("clock" in warning for warning in clip.warnings)


def test_time_continues_where_a_clock_wraps(tmp_path):
    source, target = joined(tmp_path, 2**33 / 90_000 - 0.1), tmp_path / "b.mp4"
    copy_clip(source, target)
    assert_same(source, target, seconds=[0.04 * i for i in range(6)], numbers=list(range(6)))


@pytest.mark.parametrize("starts", [(1,), (50, 1), (3_600,)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_kept_audio_stays_in_sync(tmp_path, starts, suffix):
    needs("aac")
    source = joined(tmp_path, *starts, audio=("aac", 0.24))
    target = tmp_path / f"b{suffix}"
    clip = copy_clip(source, target, audio="keep")
    assert clip.has_audio
    with av.open(str(target)) as out:
        assert [stream.type for stream in out.streams] == ["video", "audio"]
    assert audio_times(target)
    assert_in_sync(source, target)


def assert_in_sync(source, target):
    """Check that audio packets keep their distance from the nearest frame within 45 ms."""
    video_times = [times_and_numbers(path)[0] for path in (source, target)]
    audio_times_of_both = [audio_times(path) for path in (source, target)]
    assert len(audio_times_of_both[0]) == len(audio_times_of_both[1]) > 0
    for before, after in zip(*audio_times_of_both, strict=True):
        nearest = int(np.argmin([abs(at - before) for at in video_times[0]]))
        assert abs((after - video_times[1][nearest]) - (before - video_times[0][nearest])) < 0.045


ORIENTATIONS = [(degrees, flip) for degrees in (0, 90, 180, 270) for flip in (False, True)]


def shown(image, matrix):
    """The image as a display matrix shows it, computed pixel by pixel."""
    a, b, _, c, d = (np.sign(value) for value in matrix[:5])
    rows, columns = np.indices(image.shape[:2])
    x, y = a * columns + c * rows, b * columns + d * rows
    x, y = x - x.min(), y - y.min()
    result = np.zeros((y.max() + 1, x.max() + 1, 3), np.uint8)
    result[y, x] = image
    return result


def matrix_of(path):
    data = first_frame(path).side_data.get("DISPLAYMATRIX")
    return (
        [65536, 0, 0, 0, 65536] if data is None else np.frombuffer(bytes(data), np.int32).tolist()
    )


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize(("degrees", "flip"), ORIENTATIONS)
def test_rotations_and_flips_are_kept_and_images_are_upright(tmp_path, degrees, flip, suffix):
    source, target = tmp_path / "a.mp4", tmp_path / f"b{suffix}"
    write_numbered(source, frames=2, tune=lambda s: s.set_display_rotation(degrees, hflip=flip))
    clip = copy_clip(source, target)
    matrix = matrix_of(source)
    np.testing.assert_array_equal(np.sign(matrix_of(target)[:5]), np.sign(matrix[:5]))
    upright = video.to_bgr(next(video.read_frames(clip)), clip.rotation_degrees, clip.is_mirrored)
    expected = shown(first_frame(source).to_ndarray(format="bgr24"), matrix)
    assert upright.shape == expected.shape
    # libav rounds differently.
    assert np.abs(upright.astype(int) - expected).max() <= 3


@pytest.mark.parametrize(("degrees", "flip"), ORIENTATIONS)
def test_the_cover_is_in_the_right_place_in_any_orientation(tmp_path, degrees, flip):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source, frames=6, rotation=degrees, flip=flip)
    settings = Settings(audit=False)
    redact.redact_clip(source, target, settings, detectors=[SquareDetector()])
    assert max(map(brightest, read_back(target)[1])) < 200


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
@pytest.mark.parametrize("size", [(97, 64), (96, 65), (67, 33), (322, 182)])
def test_no_size_is_padded_or_scaled(tmp_path, size, suffix):
    source, target = tmp_path / "a.mkv", tmp_path / f"b{suffix}"
    write_numbered(source, size=size, codec="ffv1", frames=3)
    copy_clip(source, target)
    assert_same(source, target)
    before, after = (first_frame(path).to_ndarray(format="bgr24") for path in (source, target))
    assert after.shape == (size[1], size[0], 3)
    # The last rows and columns are those of the source, not padding.
    for part in (np.s_[-2:], np.s_[:, -2:]):
        assert np.abs(before[part].astype(int) - after[part]).mean() < 6


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_the_sample_aspect_ratio_is_kept(tmp_path, suffix):
    source, target = tmp_path / "a.mp4", tmp_path / f"b{suffix}"

    def stretch(stream):
        stream.codec_context.sample_aspect_ratio = Fraction(64, 45)

    write_numbered(source, frames=3, tune=stretch)
    copy_clip(source, target)
    ratio = float(video.probe(target).sample_aspect_ratio)
    assert ratio == pytest.approx(64 / 45, rel=0.01)
    with pytest.raises(redact.TargetError, match="not square"):
        video.check_fits(tmp_path / "b.webm", video.probe(source), Settings())


# Numbers of primaries, transfer and matrix in ITU-T H.273.
TAGS = {
    "BT.601": (6, 6, 6),
    "BT.601 PAL": (5, 4, 5),
    "BT.709": (1, 1, 1),
    "BT.2020": (9, 14, 9),
    "PQ": (9, 16, 9),
    "HLG": (9, 18, 9),
    "none": (2, 2, 2),
}


def tagged(primaries, transfer, matrix, full):
    def tune(stream):
        context = stream.codec_context
        context.color_primaries, context.color_trc = primaries, transfer
        context.colorspace, context.color_range = matrix, 2 if full else 1

    return tune


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("tags", "pixel_format", "suffix"),
    [
        *((tags, name, ".mp4") for tags in TAGS for name in ("yuv420p", "yuv444p10le")),
        *((tags, "yuv420p", suffix) for tags in ("BT.709", "PQ") for suffix in (".mkv", ".webm")),
    ],
)
def test_colour_tags_and_luma_are_kept(tmp_path, tags, full, suffix, pixel_format):
    source, target = tmp_path / "a.mkv", tmp_path / f"b{suffix}"
    write_numbered(source, frames=2, pixel_format=pixel_format, tune=tagged(*TAGS[tags], full))
    copy_clip(source, target)
    before, after = first_frame(source), first_frame(target)
    with av.open(str(target)) as out:
        context = out.streams.video[0].codec_context
        found = (context.color_primaries, context.color_trc, context.colorspace)
        assert found == TAGS[tags]
        assert (context.color_range == 2) == full
    depth = 4 if pixel_format.endswith("10le") else 1
    luma = [_luma(frame) / scale for frame, scale in ((before, depth), (after, 1))]
    assert np.abs(luma[0] - luma[1]).mean() < 2


def _luma(frame):
    plane = frame.planes[0]
    dtype = np.uint16 if frame.format.components[0].bits > 8 else np.uint8
    rows = np.frombuffer(plane, dtype).reshape(plane.height, -1)
    return rows[:, : plane.width].astype(float)


@pytest.mark.parametrize(
    ("codec", "pixel_format"),
    [
        ("libx264", "gray"),
        ("ffv1", "gray"),
        ("ffv1", "gray10le"),
        ("mjpeg", "yuvj444p"),
        ("qtrle", "rgb24"),
        ("ffv1", "bgr0"),
        ("prores_ks", "yuva444p10le"),
        ("prores_ks", "yuv422p10le"),
    ],
)
def test_colours_look_the_same_in_any_pixel_format(tmp_path, codec, pixel_format):
    needs(codec)
    source, target = tmp_path / "a.mov", tmp_path / "b.mp4"
    if codec == "ffv1":
        source = tmp_path / "a.mkv"
    write_numbered(source, frames=2, codec=codec, pixel_format=pixel_format)
    clip = copy_clip(source, target)
    assert any("transparency" in item for item in clip.dropped) == ("yuva" in pixel_format)
    before, after = (first_frame(path).to_ndarray(format="bgr24") for path in (source, target))
    # Not at the borders of the patches, where chroma is coarser.
    for part in (np.s_[12:28, 8:-8], np.s_[36:-4, 4:40], np.s_[36:-4, 56:-4]):
        assert np.abs(before[part].astype(int) - after[part]).mean() < 4


@pytest.mark.parametrize(("fields", "order"), [("tff", 2), ("bff", 3)])
def test_interlaced_clips_stay_interlaced_with_the_same_field_order(tmp_path, fields, order):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"

    def interlace(stream):
        flags = av.codec.context.Flags
        stream.codec_context.flags |= flags.interlaced_dct | flags.interlaced_me

    write_numbered(source, frames=4, tune=interlace, fields=fields)
    copy_clip(source, target)
    assert_same(source, target)
    for path in (source, target):
        assert first_frame(path).interlaced_frame
        with av.open(str(path)) as container:
            next(container.decode(container.streams.video[0]))
            found = container.streams.video[0].codec_context.field_order
        assert found == order or path == source


@pytest.mark.parametrize("matrix", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le"])
def test_frames_in_any_colour_matrix_can_be_converted(tmp_path, matrix, pixel_format):
    source, target = tmp_path / "a.mkv", tmp_path / "b.mp4"
    write_numbered(
        source, frames=2, codec="ffv1", pixel_format=pixel_format, tune=tagged(2, 2, matrix, False)
    )
    clip = copy_clip(source, target)
    image = video.to_bgr(next(video.read_frames(clip)))
    assert number_in(image) == 0
    assert number_in(video.to_bgr(list(video.read_frames(video.probe(target)))[1])) == 1


def test_rgb_in_h264_gets_the_matrix_that_it_is_stored_in(tmp_path):
    needs("libx264rgb")
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_numbered(source, frames=2, codec="libx264rgb", pixel_format="rgb24")
    assert copy_clip(source, target).color_matrix == 1
    before, after = (first_frame(path).to_ndarray(format="bgr24") for path in (source, target))
    assert np.abs(before[36:-4, 4:40].astype(int) - after[36:-4, 4:40]).mean() < 4
