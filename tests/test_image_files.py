"""Image files: upright, of the same kind and quality, and with nothing but pixels."""

import contextlib
import random

import cv2
import numpy as np
import pytest
from make_clips import SquareDetector, brightest
from PIL import Image, ImageCms, PngImagePlugin

import redact
from redact import Settings
from redact.cli import main
from redact.image_files import is_image_file, read_image
from redact.inspection.contents import inspect_clip

SECRET = "Elm Street 12"
SQUARE = (90, 40, 130, 80)
FORMATS = ["a.jpg", "a.png", "a.webp", "a.tif", "a.bmp", "a.avif", "a.gif"]


def scene(width=240, height=160):
    """A grey gradient with a bright square at `SQUARE`, and a red one in the top left corner."""
    image = np.empty((height, width, 3), np.uint8)
    image[:] = np.linspace(40, 120, width, dtype=np.uint8)[None, :, None]
    image[SQUARE[1] : SQUARE[3], SQUARE[0] : SQUARE[2]] = 240
    image[:20, :20] = (180, 20, 20)
    return Image.fromarray(image)


def exif(orientation=1):
    data = Image.Exif()
    data[0x0112], data[0x010F], data[0x0132] = orientation, SECRET, "2024:05:06 07:08:09"
    data.get_ifd(0x8825)[1], data.get_ifd(0x8825)[2] = "N", (47.0, 22.0, 12.5)
    return data


def redacted(source, target=None, **settings):
    target = target or source.with_name(f"b{source.suffix}")
    chosen = Settings(**{"audit": False, **settings})
    return redact.redact_clip(source, target, chosen, detectors=[SquareDetector()]), target


def pixels(path):
    """(H, W, 3) BGR of an image file, by another library where that reads it."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return np.asarray(Image.open(path).convert("RGB"))[:, :, ::-1] if image is None else image


@pytest.mark.parametrize("name", FORMATS)
def test_an_image_is_covered_and_keeps_its_format(tmp_path, name):
    source = tmp_path / name
    scene().save(source)
    report, target = redacted(source)
    with Image.open(source) as before, Image.open(target) as after:
        assert (
            (after.format, after.size)
            == (before.format, before.size)
            == (before.format, (240, 160))
        )
    assert brightest(pixels(target)) < 200
    assert report.frame_count == 1
    assert [track.kind for track in report.plan.tracks] == ["face"]
    assert 0.04 < report.covered_ratio < 0.3
    outside = np.abs(pixels(source).astype(int) - pixels(target))[100:, 160:]
    assert outside.max() <= 8


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp", "lossless.webp"])
def test_pixels_of_lossless_formats_stay_the_same_outside_of_covers(tmp_path, name):
    source = tmp_path / name
    scene().save(source, **({"lossless": True} if name.endswith("webp") else {}))
    _, target = redacted(source)
    same = (pixels(source) == pixels(target)).all(axis=2)
    assert same[:, 180:].all()
    assert not same[50:70, 100:120].all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_images_are_turned_upright_and_their_metadata_is_left_out(tmp_path, name, orientation):
    source = tmp_path / name
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = scene().transpose(turns[orientation]) if orientation > 1 else scene()
    stored.save(source, exif=exif(orientation))
    assert SECRET.encode() in source.read_bytes()
    report, target = redacted(source)
    with Image.open(target) as after:
        assert after.size == (240, 160)
        assert not after.getexif()
        red, green, blue = after.convert("RGB").getpixel((8, 8))
        assert red > 150
        assert max(green, blue) < 60
    assert brightest(pixels(target)) < 200
    assert SECRET.encode() not in target.read_bytes()
    assert "metadata: EXIF" in report.removed


def test_comments_and_text_are_left_out(tmp_path):
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", SECRET)
    text.add_itxt("XML:com.adobe.xmp", f"<x:xmpmeta>{SECRET}</x:xmpmeta>")
    scene().save(tmp_path / "a.png", pnginfo=text)
    scene().save(
        tmp_path / "a.jpg", comment=SECRET, xmp=f"<x:xmpmeta>{SECRET}</x:xmpmeta>".encode()
    )
    for name in ("a.png", "a.jpg"):
        report, target = redacted(tmp_path / name)
        assert SECRET.encode() not in target.read_bytes()
        assert "metadata: XMP" in report.removed


@pytest.mark.parametrize("name", ["a.jpg", "progressive.jpg", "a.png", "a.webp", "lossless.webp"])
def test_what_follows_the_image_in_its_file_is_left_out_and_told(tmp_path, name):
    """As in a "motion photo", which holds some seconds of video."""
    source = tmp_path / name
    noise = np.random.default_rng(1).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    options = {"progressive": name.startswith("progressive"), "lossless": name.startswith("loss")}
    Image.fromarray(noise).save(source, **options)
    assert inspect_clip(source).found == ()
    assert read_image(source).dropped == ()
    source.write_bytes(source.read_bytes() + SECRET.encode())
    assert read_image(source).dropped == (f"{len(SECRET)} bytes after the image",)
    finding = next(f for f in inspect_clip(source).found if f.topic == "trailing bytes")
    assert finding.value == f"{len(SECRET)} bytes"
    _, target = redacted(source)
    assert SECRET.encode() not in target.read_bytes()


def test_further_images_and_bytes_after_the_end_are_left_out(tmp_path):
    source = tmp_path / "a.jpg"
    hidden = Image.fromarray(np.full((160, 240, 3), 250, np.uint8))
    scene().save(source, format="MPO", save_all=True, append_images=[hidden])
    source.write_bytes(source.read_bytes() + SECRET.encode())
    report, target = redacted(source)
    assert "further images (1)" in report.removed
    assert target.stat().st_size < source.stat().st_size
    with Image.open(target) as after:
        assert (after.format, getattr(after, "n_frames", 1)) == ("JPEG", 1)
    assert SECRET.encode() not in target.read_bytes()


@pytest.mark.parametrize(("quality", "subsampling"), [(95, 0), (80, 2), (40, 2)])
def test_a_jpeg_keeps_its_quality(tmp_path, quality, subsampling):
    source = tmp_path / "a.jpg"
    scene().save(source, quality=quality, subsampling=subsampling, progressive=quality == 80)
    _, target = redacted(source)
    with Image.open(source) as before, Image.open(target) as after:
        assert after.quantization == before.quantization
        assert after.layer == before.layer
        assert after.info.get("progressive") == before.info.get("progressive")


def test_transparency_is_kept_and_nothing_stays_under_it(tmp_path):
    source = tmp_path / "a.png"
    image = scene().convert("RGBA")
    alpha = np.full((160, 240), 255, np.uint8)
    alpha[:, 200:], alpha[:, 150:200] = 0, 128
    image.putalpha(Image.fromarray(alpha))
    image.save(source)
    _, target = redacted(source)
    with Image.open(target) as after:
        assert after.mode == "RGBA"
        values = np.asarray(after)
    assert (values[:, :, 3] == alpha).all()
    assert not values[:, 200:, :3].any()
    with pytest.raises(redact.TargetError, match=r"transparent parts.*\.png"):
        redacted(source, tmp_path / "b.jpg")
    assert not (tmp_path / "b.jpg").exists()


def test_grey_images_stay_grey(tmp_path):
    for name in ("a.jpg", "a.png", "a.tif"):
        scene().convert("L").save(tmp_path / name)
        _, target = redacted(tmp_path / name)
        with Image.open(target) as after:
            assert after.mode == "L"
        assert brightest(pixels(target)) < 200


def test_what_had_to_be_changed_is_told(tmp_path):
    scene().convert("CMYK").save(tmp_path / "cmyk.jpg")
    grey = np.linspace(0, 40_000, 240 * 160).reshape(160, 240).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), grey)
    colour = np.dstack([grey] * 3)
    cv2.imwrite(str(tmp_path / "colour.png"), colour)
    cv2.imwrite(str(tmp_path / "deep.tif"), colour)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    scene().save(tmp_path / "profile.jpg", icc_profile=profile)
    for name, said in {
        "cmyk.jpg": "from CMYK",
        "deep.png": "16 bits",
        "colour.png": "16 bits",
        "deep.tif": "16 bits",
        "profile.jpg": "to sRGB",
    }.items():
        report, target = redacted(tmp_path / name, tmp_path / f"b.{name}")
        assert any(said in text for text in report.to_dict()["warnings"]), name
        with Image.open(target) as after:
            assert after.mode in ("RGB", "L")
            assert "icc_profile" not in after.info
    deep = pixels(tmp_path / "b.deep.png")[:, :, 0].astype(int)
    assert np.abs(deep[:, 200:] - (grey[:, 200:] >> 8)).max() <= 1


def test_colours_are_converted_from_the_colour_profile(tmp_path):
    """In this file's profile red and blue have changed places."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = plain.replace(b"rXYZ", b"____").replace(b"bXYZ", b"rXYZ").replace(b"____", b"bXYZ")
    for name, profile, red in (("a.png", plain, [20, 20, 180]), ("b.png", swapped, [180, 20, 20])):
        scene().save(tmp_path / name, icc_profile=profile)
        stored = read_image(tmp_path / name)
        assert np.abs(stored.pixels[8, 8].astype(int) - red).max() <= 2
    scene().save(tmp_path / "c.png", icc_profile=b"no profile" * 20)
    assert read_image(tmp_path / "c.png").pixels[8, 8].tolist() == [20, 20, 180]


def test_a_plan_of_an_image_can_be_saved_and_edited(tmp_path):
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    scene().save(source)
    plan = redact.analyze(source, detectors=[SquareDetector()])
    plan.save(tmp_path / "plan.json")
    plan = redact.Plan.load(tmp_path / "plan.json")
    redact.render(plan.allow({1}), target, detectors=[])
    assert brightest(pixels(target)) > 200
    redact.render(plan, target, detectors=[])
    assert brightest(pixels(target)) < 200
    scene(200).save(source)
    with pytest.raises(redact.PlanError, match="not the clip that was analyzed"):
        redact.render(plan, target, detectors=[])


class Blind(SquareDetector):
    """Sees nothing in the first image, as an analysis that misses a face."""

    def __init__(self):
        super().__init__(blind=(0,))


def test_the_audit_covers_what_the_analysis_missed(tmp_path):
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    scene().save(source)
    report = redact.redact_clip(source, target, detectors=[Blind()])
    assert brightest(pixels(target)) < 200
    assert (report.audited_frames, len(report.leaks)) == (1, 0)


def test_verify_finds_what_shows_in_an_image(tmp_path):
    source = tmp_path / "a.jpg"
    scene().save(source)
    found = redact.verify(source, detectors=[SquareDetector()])
    assert [detection.kind for detection in found] == ["face"]
    assert found.frames_checked == 1
    _, target = redacted(source)
    assert not redact.verify(target, detectors=[SquareDetector()]).detections


def test_inspect_tells_place_device_and_time(tmp_path):
    scene().save(tmp_path / "a.jpg", exif=exif())
    contents = inspect_clip(tmp_path / "a.jpg")
    assert {"location", "device", "time"} <= {finding.topic for finding in contents.found}
    assert any(finding.value == SECRET for finding in contents.found)
    _, target = redacted(tmp_path / "a.jpg")
    assert inspect_clip(target).found == ()


def test_the_command_writes_an_image_and_its_reports(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    scene().save("a.jpg")
    assert main(["a.jpg", "--report", "r.html", "--json", "r.json", "--no-plates"]) == 0
    assert "1 frame," in capsys.readouterr().out
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "a.jpg",
        "a.redacted.jpg",
        "r.html",
        "r.json",
    ]
    assert main(["a.jpg", "-o", "b.mp4"]) == 2
    assert "the source is an image" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "result"),
    [("a.JPG", "a.redacted.JPG"), ("a.mp4", "a.redacted.jpg"), ("a.png", "a.redacted.jpg")],
)
def test_the_result_is_named_by_the_format_of_the_image(tmp_path, name, result):
    scene().save(tmp_path / name, format="JPEG")
    report = redact.redact_clip(
        tmp_path / name, settings=Settings(audit=False), detectors=[SquareDetector()]
    )
    assert report.output == tmp_path / result
    with Image.open(report.output) as after:
        assert after.format == "JPEG"


def test_the_report_shows_covered_pictures_of_an_image(tmp_path):
    source = tmp_path / "a.png"
    scene().save(source)
    report, target = redacted(source)
    report.save_html(tmp_path / "r.html", result=target)
    assert "data:image/jpeg" in (tmp_path / "r.html").read_text()


def test_animations_are_clips_or_refused(tmp_path):
    images = [scene(), scene().transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    for name in ("a.gif", "a.png", "a.webp", "a.avif", "a.tif"):
        path = tmp_path / name
        images[0].save(path, save_all=True, append_images=images[1:], duration=100)
        if name in ("a.gif", "a.png"):
            assert not is_image_file(path)
            report, _ = redacted(path, path.with_suffix(".mp4"))
            assert report.frame_count == 2
        else:
            with pytest.raises(redact.ClipError, match="save each image"):
                redacted(path)


@pytest.mark.parametrize("brand", [b"heic", b"mif1"])
@pytest.mark.parametrize("command", [[], ["verify"], ["inspect"]])
def test_heic_is_refused_in_words(tmp_path, capsys, brand, command):
    """FFmpeg would take one tile of such an image for all of it."""
    path = tmp_path / "a.heic"
    path.write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(200))
    assert main([*command, str(path)]) == 2
    assert "HEIC image, which can't be read; save it as JPEG" in capsys.readouterr().err


@pytest.mark.parametrize("name", [*FORMATS, "mpo.jpg"])
def test_flipped_bytes_are_refused_or_read_but_never_a_crash(tmp_path, name):
    options = {"exif": exif()} if name in ("a.jpg", "a.png", "a.webp", "a.avif") else {}
    if name == "mpo.jpg":
        options = {"format": "MPO", "save_all": True, "append_images": [scene(40, 30)]}
    scene(60, 40).save(tmp_path / name, **options)
    data, rng = (tmp_path / name).read_bytes(), random.Random(name)
    for _ in range(60):
        changed = bytearray(data)
        for _ in range(rng.choice((1, 3, 9))):
            changed[rng.randrange(rng.choice((100, len(data))))] = rng.randrange(256)
        (tmp_path / name).write_bytes(changed[: rng.choice((len(data), len(data) // 2))])
        for read in (is_image_file, read_image, inspect_clip):
            with contextlib.suppress(redact.ClipError):
                read(tmp_path / name)


def test_damaged_and_giant_images_are_refused(tmp_path):
    scene().save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2])
    (tmp_path / "fake.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    for name in ("cut.jpg", "fake.png"):
        with pytest.raises(redact.ClipError, match=name):
            redacted(tmp_path / name)
    with pytest.raises(redact.ClipError, match="240x160 pixels, more than 20000"):
        redacted(tmp_path / "a.jpg", max_pixels=10_000)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jpg", "cut.jpg", "fake.png"]


def test_zones_of_an_image_file_are_covered_whatever_their_times(tmp_path):
    pixels = np.full((120, 160, 3), 60, np.uint8)
    pixels[:60, :80] = 240
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    zone = redact.Zone.from_box(0, 0, 0.5, 0.5, start_seconds=5)
    plan = redact.analyze(tmp_path / "a.png", Settings(zones=(zone,)), detectors=[])
    redact.render(plan, tmp_path / "b.png", detectors=[])
    assert cv2.imread(str(tmp_path / "b.png")).max() < 200


def test_the_page_of_an_image_has_its_picture_and_speaks_of_no_times(tmp_path):
    scene().save(tmp_path / "a.jpg", exif=exif())
    report = redact.redact_clip(tmp_path / "a.jpg", detectors=[SquareDetector()])
    report.save_html(tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text()
    assert report.verdict == "1 face covered; the audit found nothing more, which proves nothing."
    assert page.count("data:image/jpeg;base64,") == 2
    assert "The image, 1 face covered in it" in page and "one image, 240" in page
    assert "0:0" not in page and '<h2 id="h-line"' not in page


def test_a_seal_of_an_image_is_told(tmp_path):
    scene().save(tmp_path / "a.jpg")
    kind = bytes.fromhex("6332706100110010800000aa00389b71")
    description = (30).to_bytes(4, "big") + b"jumd" + kind + b"\x03c2pa\0"
    manifest = (8 + len(description)).to_bytes(4, "big") + b"jumb" + description
    data = (tmp_path / "a.jpg").read_bytes()
    segment = b"JP\0\1\0\0\0\1" + manifest
    marker = b"\xff\xeb" + (2 + len(segment)).to_bytes(2, "big")
    (tmp_path / "a.jpg").write_bytes(data[:2] + marker + segment + data[2:])
    assert inspect_clip(tmp_path / "a.jpg").is_sealed
    report = redact.redact_clip(tmp_path / "a.jpg", detectors=[])
    assert f"C2PA manifest ({len(manifest)} bytes)" in report.removed
    assert not inspect_clip(report.output).is_sealed


def test_an_image_is_not_trimmed(tmp_path):
    scene().save(tmp_path / "a.png")
    with pytest.raises(redact.SettingsError, match=r"no frame from 0:01\.0 on"):
        redact.redact_clip(tmp_path / "a.png", settings=Settings(start_seconds=1.0), detectors=[])
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
