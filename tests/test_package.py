"""The package as a whole: what it shows, what it loads, and which way its imports point."""

import ast
import platform
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import redact

HOME = Path(redact.__file__).parent
HEAVY = {
    "PIL",
    "av",
    "cv2",
    "fsspec",
    "jinja2",
    "llvmlite",
    "matplotlib",
    "mediapipe",
    "numba",
    "onnxruntime",
    "ray",
    "scipy",
    "starlette",
    "torch",
    "tqdm",
    "watchdog",
    "uvicorn",
}

# Each may import only from rows below its own; those of one row know nothing of each other.
LAYERS = [
    {"__main__"},
    {"cli"},
    {"batch"},
    {"review"},
    {"manual_tracks"},
    {"pipeline", "streaming", "burned_in_text", "sharing"},
    {"images", "clip_analysis"},
    {"job", "report", "audit", "rendering"},
    {"analysis"},
    {"motion", "detectors", "tracking", "cover"},
    {"plan", "views"},
    {"inspection", "output"},
    {"image_files"},
    {"video"},
    {"ledger", "machine", "resizing"},
    {"geometry", "source_files"},
    {"profiles", "types"},
    {"settings"},
    {"zones"},
    {"errors"},
]
OWNERS = {
    **{"av": "video", "jinja2": "report", "numba": "cover", "PIL": "image_files"},
    **dict.fromkeys(("fsspec", "psutil", "ray", "watchdog"), "batch"),
}


def run(code):
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def imports_of(path):
    """(module, names) of every import statement that runs, TYPE_CHECKING blocks aside."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module, [alias.name for alias in node.names]


def sources():
    return [p for p in HOME.rglob("*.py") if "training" not in p.parts]


def place_of(path):
    return path.relative_to(HOME).with_suffix("").parts[0]


def test_every_public_name_is_listed_sorted_and_resolves():
    assert redact.__all__ == sorted(redact.__all__)
    for name in redact.__all__:
        assert getattr(redact, name).__name__ == name
    assert set(redact.__all__) <= set(dir(redact))


def test_public_names_are_these():
    """A name joins or leaves the public surface on purpose only."""
    assert redact.__all__ == [
        "BatchObserver",
        "BatchReport",
        "Box",
        "ClipError",
        "ClipInfo",
        "ClipRecord",
        "Decision",
        "Detection",
        "Detector",
        "LeakError",
        "Ledger",
        "LedgerError",
        "Plan",
        "PlanError",
        "Profile",
        "RedactError",
        "Report",
        "Settings",
        "SettingsError",
        "TargetError",
        "Track",
        "Verification",
        "WeightsError",
        "WorkerLimits",
        "Zone",
        "analyze",
        "find_burned_in_text",
        "follow",
        "preview",
        "redact_clip",
        "redact_frames",
        "redact_image",
        "redact_many",
        "render",
        "verify",
    ]


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="blurr"):
        redact.blurr  # noqa: B018


def test_importing_redact_loads_nothing_heavy():
    loaded = run("import sys, redact; print(*sorted(m.split('.')[0] for m in sys.modules))")
    assert not HEAVY & set(loaded.split())
    assert "numpy" not in loaded.split()


def test_help_loads_nothing_heavy():
    code = (
        "import sys, contextlib, io\n"
        "from redact.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    main(['--help'])\n"
        "print(*sorted(m.split('.')[0] for m in sys.modules))"
    )
    assert not HEAVY & set(run(code).split())


def test_imports_point_downward_only():
    rank = {name: number for number, row in enumerate(LAYERS) for name in row}
    for path in sources():
        place = place_of(path)
        if place == "__init__":
            continue
        for module, names in imports_of(path):
            if module is None or module.split(".")[0] != "redact":
                continue
            targets = [module.split(".")[1]] if "." in module else names
            for target in targets:
                if target in ("__version__", place):
                    continue
                assert rank[target] > rank[place], f"{path.name} imports redact.{target}"


def test_each_heavy_library_has_one_owner():
    for path in sources():
        for module, _ in imports_of(path):
            top = (module or "").split(".")[0]
            if top in OWNERS:
                assert place_of(path) == OWNERS[top], f"{path.name} imports {top}"


def test_the_map_names_every_room_and_nothing_that_is_not_there():
    text = (HOME / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w/]+(?:/|\.(?:py|html|js|md)))`", text))
    rooms = {f"{p.name}/" if p.is_dir() else p.name for p in HOME.iterdir()}
    rooms -= {"__init__.py", "__main__.py", "__pycache__/", "README.md", "py.typed"}
    assert rooms <= named
    # Beside the room that it is in, a file may be named without it.
    named -= {"tests/test_package.py", "tuning.py"}
    assert all((HOME / name).exists() or list(HOME.glob(f"*/{name}")) for name in named)


def test_the_wheel_says_it_is_typed():
    assert (HOME / "py.typed").is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep less")
def test_freed_pictures_go_back_at_once():
    freed = run(
        """
        import numpy as np
        from redact.machine import keep_no_memory

        def resident():
            with open("/proc/self/statm") as figures:
                return int(figures.read().split()[1])

        keep_no_memory()
        for _ in range(2):
            pictures = [np.ones(20_000_000, np.uint8) for _ in range(8)]
            last, before = pictures[-1], resident()
            del pictures
        print(1 - resident() / before)
        """
    )
    assert float(freed) > 0.3
