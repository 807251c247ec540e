"""Reads and writes image files; this is the only module that imports Pillow.

An image comes upright and in sRGB, as people see it. A written file holds pixels and nothing else.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import io
import os
import struct
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redact.errors import ClipError, TargetError
from redact.settings import Settings
from redact.source_files import check_source, image_format, reason

SUFFIXES = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "JPEG"),
    ".png": "PNG",
    ".webp": "WEBP",
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
    ".bmp": "BMP",
    ".gif": "GIF",
    ".avif": "AVIF",
}
"""Suffix of a target: Pillow's name of the format that is written."""

# Pillow's modules for these formats, and their names. Its JPEG module also reads MPO, which is
# several JPEG images in one file.
_PLUGINS = ("Avif", "Bmp", "Gif", "Jpeg", "Png", "Tiff", "WebP")
_READ_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")
# Animations that FFmpeg reads as clips. Of an AVIF file it reads the still image in it only.
_CLIP_FORMATS = ("PNG", "GIF")
# An image is decoded once and needs no video decoder, so it may be larger than a frame.
_MAX_PIXELS_RATIO = 2
# What Pillow raises for damaged files.
_PILLOW_ERRORS = (
    *(OSError, SyntaxError, ValueError, RuntimeError, EOFError),
    *(LookupError, TypeError, ArithmeticError, struct.error),
)
# Tags that only say where others lie.
_POINTERS = ("ExifOffset", "GPSInfo", "ExifInteroperabilityOffset")
# Markers without a segment, and what may follow a byte of 0xff among the coded pixels.
_MARKERS_ALONE = (0x01, *range(0xD0, 0xD8), 0xFF)
_CODES_IN_PIXELS = (0x00, *range(0xD0, 0xD8))
_MODES_WITH_ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")
_LOSSLESS_TIFF = ("tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "raw")
# For files whose own quality is not known.
_JPEG_QUALITY, _WEBP_QUALITY, _AVIF_QUALITY = 93, 90, 85


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class StoredImage:
    """An image from a file, upright and in sRGB.

    pixels: (H, W, 3) uint8 BGR. alpha: (H, W) uint8, 255 where it is opaque, or None.
    """

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None
    is_grey: bool
    format: str
    """Pillow's name of the file's format."""
    options: Mapping[str, Any]
    """How Pillow has to write a file of this format so that the quality stays the same."""
    dropped: tuple[str, ...]
    """What the file holds besides the pixels, in words."""
    warnings: tuple[str, ...]
    """What had to be changed, in words."""


def is_image_file(path: Path) -> bool:
    """Whether the file holds a single image, and is not a clip or an animation.

    False also for a file that can't be read: whoever opens it will tell why.

    Raises:
        ClipError: it is an image that can't be read: of a format without a decoder, damaged, or an
            animation that nothing here decodes.

    """
    name = image_format(path)
    if name is None or path.suffix.lower() in (".mjpeg", ".mjpg"):
        return False
    if name in ("HEIC", "JPEG XL", "JPEG 2000"):
        raise ClipError(f"{str(path)!r} is a {name} image, which can't be read; save it as JPEG")
    with _opened(path) as image:
        if not getattr(image, "is_animated", False) or image.format == "MPO":
            return True
        if image.format in _CLIP_FORMATS:
            return False
        what = "several pages" if image.format == "TIFF" else "an animation"
        raise ClipError(
            f"{str(path)!r} holds {what}, which can't be read; save each image as a file of its "
            "own, or an animation as GIF or MP4"
        )


def result_suffix(path: Path) -> str:
    """The suffix of an image file's result: its own, unless that stands for another format."""
    name = image_format(path)
    if SUFFIXES.get(path.suffix.lower()) == name:
        return path.suffix
    return next((suffix for suffix, other in SUFFIXES.items() if other == name), path.suffix)


def read_image(path: Path, *, max_pixels: int = Settings.max_pixels) -> StoredImage:
    """Read an image file.

    max_pixels: as `Settings.max_pixels`; an image may have twice as many.

    Raises:
        ClipError: the file can't be read as an image.

    """
    from PIL import ImageOps

    check_source(path)
    with _opened(path) as image:
        _check_size(image.size, _MAX_PIXELS_RATIO * max_pixels, path)
        image.load()
        dropped, changes = tuple(_describe_dropped(image)), tuple(_describe_changes(image))
        options = _options(image)
        shown = _in_srgb(ImageOps.exif_transpose(_in_8_bits(image)))
        pixels, alpha = _as_arrays(shown)
        return StoredImage(
            pixels=pixels,
            alpha=alpha,
            is_grey=shown.mode in ("L", "LA"),
            format="JPEG" if image.format == "MPO" else image.format,
            options=options,
            dropped=dropped,
            warnings=changes,
        )


def check_image_target(target: Path, stored: StoredImage | None = None) -> None:
    """Refuse a target whose suffix stands for no image format, or for one without transparency.

    Raises:
        TargetError: see above.

    """
    name = SUFFIXES.get(target.suffix.lower())
    if name is None:
        raise TargetError(
            f"can't write {target.name!r}: the source is an image, so the suffix must be one of "
            f"{', '.join(SUFFIXES)}"
        )
    if stored is not None and stored.alpha is not None and name in ("JPEG", "BMP"):
        raise TargetError(
            f"can't write {target.name!r}: the image has transparent parts, which {name} can't "
            "store; write to a .png file"
        )


def write_image(target: Path, pixels: NDArray[np.uint8], stored: StoredImage) -> None:
    """Write pixels to a file, as well as the image that they come from is stored.

    Args:
        target: its suffix decides on the format.
        pixels: (H, W, 3) uint8 BGR, in the place of those of `stored`.
        stored: gives the transparency and, for a file of the same format, the quality.

    Raises:
        TargetError: the file can't be written.

    """
    from PIL import Image

    check_image_target(target, stored)
    name = SUFFIXES[target.suffix.lower()]
    image = Image.fromarray(np.ascontiguousarray(pixels[:, :, ::-1]))
    if stored.is_grey:
        image = image.convert("L")
    if stored.alpha is not None:
        image.putalpha(Image.fromarray(stored.alpha))
    options = stored.options if name == stored.format else _default_options(name)
    data = io.BytesIO()
    try:
        image.save(data, format=name, **options)
        target.write_bytes(data.getvalue())
    except (OSError, ValueError) as err:
        raise TargetError(f"can't write {str(target)!r}: {reason(err)}") from err


def image_metadata(path: Path) -> dict[str, str]:
    """What an image file tells besides its pixels: the name of each EXIF tag, and its value.

    Raises:
        ClipError: the file can't be read as an image.

    """
    from PIL import ExifTags

    with _opened(path) as image:
        exif = image.getexif()
        found = {ExifTags.TAGS.get(tag, f"tag {tag}"): value for tag, value in exif.items()}
        for ifd, names in ((ExifTags.IFD.Exif, ExifTags.TAGS), (ExifTags.IFD.GPSInfo, None)):
            found |= {
                (names or ExifTags.GPSTAGS).get(tag, f"tag {tag}"): value
                for tag, value in exif.get_ifd(ifd).items()
            }
        found |= {
            key: value
            for key, value in image.info.items()
            if isinstance(value, str) or key in ("comment", "photoshop")
        }
        return {name: str(value) for name, value in found.items() if name not in _POINTERS}


def image_size(path: Path) -> tuple[int, int]:
    """(width, height) of an image file as it is stored.

    Raises:
        ClipError: the file can't be read as an image.

    """
    with _opened(path) as image:
        width, height = image.size
        return width, height


def count_bytes_after_image(path: Path) -> int:
    """How many bytes follow the image in a JPEG, PNG or WebP file.

    Phones append further images there, and the seconds of video of a "motion photo". 0 for other
    formats, and where the end can't be found.
    """
    data = path.read_bytes()
    name, end = image_format(path), len(data)
    if name == "JPEG":
        end = _end_of_jpeg(data)
    elif name == "WEBP":
        size = int.from_bytes(data[4:8], "little")
        end = 8 + size + size % 2
    elif name == "PNG" and (last := data.find(b"\0\0\0\0IEND")) >= 0:
        end = last + 12
    return max(0, len(data) - end)


def _end_of_jpeg(data: bytes) -> int:
    """The offset after the marker that ends the first image (ITU-T T.81, B.1.1)."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xD9:
            return at + 2
        if marker in _MARKERS_ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
        if marker == 0xDA:  # The coded pixels follow, up to the next marker.
            at = data.find(b"\xff", at)
            while 0 <= at < len(data) - 1 and data[at + 1] in _CODES_IN_PIXELS:
                at = data.find(b"\xff", at + 2)
            if at < 0:
                break
    is_ended = data[at : at + 2] == b"\xff\xd9"
    return at + 2 if is_ended else len(data)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file as a Pillow image, closed at the end of the block.

    Errors of Pillow in the block are raised as `ClipError`, so it should only read this file.
    """
    from PIL import Image, UnidentifiedImageError

    for name in _PLUGINS:
        importlib.import_module(f"PIL.{name}ImagePlugin")
    try:
        # Pillow warns of what is odd in a file, and of sizes that are refused here anyway.
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(path, formats=_READ_FORMATS) as image,
        ):
            yield image
    except UnidentifiedImageError as err:
        raise ClipError(
            f"can't read {os.fspath(path)!r} as an image: it is damaged, or of an unknown kind"
        ) from err
    except _PILLOW_ERRORS as err:
        raise ClipError(
            f"can't read {os.fspath(path)!r} as an image ({reason(err)}): it is damaged, or of an "
            "unusual kind; save it as JPEG or PNG"
        ) from err
    except Image.DecompressionBombError as err:
        raise ClipError(f"can't read {os.fspath(path)!r} as an image: {reason(err)}") from err


def _check_size(size: tuple[int, int], limit: int, path: Path) -> None:
    width, height = size
    if width * height > limit:
        raise ClipError(
            f"{str(path)!r} has {width}x{height} pixels, more than {limit}, which is twice "
            "max_pixels; raise that setting if you trust the image"
        )


def _in_8_bits(image: Any) -> Any:
    """The image with 8 bits for each channel, in grey, RGB or CMYK."""
    from PIL import Image

    if image.mode.startswith("I;16"):
        grey = np.asarray(image, dtype=np.uint16) >> 8
        result = Image.fromarray(grey.astype(np.uint8))
        result.info = image.info
        return result
    if image.mode in ("I", "F"):
        raise ValueError(f"its pixels are of the kind {image.mode}")
    if image.mode in ("P", "PA", "1"):
        has_alpha = image.mode == "PA" or "transparency" in image.info
        return image.convert("L" if image.mode == "1" else "RGBA" if has_alpha else "RGB")
    if "transparency" in image.info:  # One colour stands for transparency.
        return image.convert("RGBA")
    return image


def _in_srgb(image: Any) -> Any:
    """The image in sRGB or grey, by its colour profile."""
    from PIL import ImageCms

    alpha = image.getchannel("A") if image.mode in _MODES_WITH_ALPHA else None
    profile = image.info.get("icc_profile")
    plain = image.convert("L" if image.mode in ("L", "LA", "La") else "RGB")
    if profile and plain.mode == "RGB":
        source = image if image.mode == "CMYK" else plain
        # By a damaged profile nothing is changed: the numbers are taken as they are.
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            plain = ImageCms.profileToProfile(
                source,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
    if alpha is not None:
        plain.putalpha(alpha)
    return plain


def _as_arrays(image: Any) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """BGR pixels and alpha. Nobody sees what is under transparent pixels, so it becomes black."""
    alpha = None
    if image.mode in _MODES_WITH_ALPHA:
        alpha = np.array(image.getchannel("A"), dtype=np.uint8)
    rgb = np.asarray(image.convert("RGB"), dtype=np.uint8)
    pixels = np.ascontiguousarray(rgb[:, :, ::-1])
    if alpha is not None:
        if alpha.min() == 255:
            return pixels, None
        pixels[alpha == 0] = 0
    return pixels, alpha


def _options(image: Any) -> dict[str, Any]:
    """How to write a file of the image's format and quality."""
    if image.format in ("JPEG", "MPO"):
        return _jpeg_options(image)
    if image.format == "TIFF" and image.info.get("compression") in _LOSSLESS_TIFF:
        return {"compression": image.info["compression"]}
    if image.format == "WEBP":
        with Path(image.filename).open("rb") as file:
            is_lossless = b"VP8L" in file.read(64)
        return {"lossless": True} if is_lossless else _default_options("WEBP")
    return _default_options(image.format)


def _jpeg_options(image: Any) -> dict[str, Any]:
    """The quantisation of the file itself, so that nothing gets coarser than it was."""
    from PIL import JpegImagePlugin

    if image.mode not in ("RGB", "L") or not image.quantization:
        return _default_options("JPEG")
    options = {
        "qtables": dict(image.quantization),
        "optimize": True,
        "progressive": bool(image.info.get("progressive")),
    }
    sampling = JpegImagePlugin.get_sampling(image)
    return options if sampling < 0 else {**options, "subsampling": sampling}


def _default_options(name: str) -> dict[str, Any]:
    options: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": _JPEG_QUALITY, "optimize": True},
        "PNG": {"optimize": True},
        "WEBP": {"quality": _WEBP_QUALITY},
        "TIFF": {"compression": "tiff_lzw"},
        "AVIF": {"quality": _AVIF_QUALITY},
    }
    return options.get(name, {})


def _describe_dropped(image: Any) -> Iterator[str]:
    info = image.info
    exif = image.getexif()
    if len(exif) - (0x0112 in exif):
        yield "metadata: EXIF"
    names = {"xmp": "XMP", "XML:com.adobe.xmp": "XMP", "comment": "comment", "photoshop": "IPTC"}
    for name in dict.fromkeys(name for key, name in names.items() if info.get(key)):
        yield f"metadata: {name}"
    for key in getattr(image, "text", {}):
        if key not in names:
            yield f"metadata: {key}"
    if image.format == "MPO":
        yield f"further images ({image.n_frames - 1})"
    if count := count_bytes_after_image(Path(image.filename)):
        yield f"{count} bytes after the image"


def _describe_changes(image: Any) -> Iterator[str]:
    if image.info.get("icc_profile"):
        yield "its colours were converted from its colour profile to sRGB"
    if image.mode == "CMYK":
        yield "its colours were converted from CMYK to RGB"
    if _bits(image) > 8:
        yield f"its {_bits(image)} bits for each channel became 8"


def _bits(image: Any) -> int:
    """Bits for each channel, as far as it is known."""
    if image.mode.startswith("I;16"):
        return 16
    if image.format == "PNG":
        with Path(image.filename).open("rb") as file:
            return file.read(25)[24]
    if image.format == "TIFF":
        return int(max(image.tag_v2.get(258, (8,))))
    return 8
