"""Where every face and plate is, frame by frame: boxes over time, read from and saved as JSON.

A file holds key boxes; between two keys of an object its box moves linearly, before the first
and after the last there is none. One object is one span of one kind: a person who turns away is
a "face" and then a "head". Frames are 0-based in presentation order, boxes in pixels of the
upright picture, half-open.

    {"clip": "porch.mp4", "size": [768, 432], "frames": 300, "made": "how", "sure": "how sure",
     "objects": [{"id": "man", "kind": "face", "keys": [[frame, x0, y0, x1, y1], ...],
                  "hidden": [[first, stop], ...]}],
     "ignore": [[first, stop, x0, y0, x1, y1], ...]}

Kinds: "face", "plate", and "head": turned away or hooded, so that covering it is right and not
covering it no leak. "hidden": half-open spans of frames in which the object is behind something
or too dim to be told; they don't count either way. "ignore": areas of which nothing is said.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redact.types import Box

KINDS = ("face", "plate", "head")


@dataclasses.dataclass(frozen=True)
class Known:
    """One object in one frame; `counts` is False where it is hidden or a head."""

    id: str
    kind: str
    box: Box
    counts: bool


@dataclasses.dataclass(frozen=True)
class Truth:
    """All that is known of a clip."""

    clip: str
    size: tuple[int, int]
    frames: int
    objects: tuple[dict[str, Any], ...]
    ignore: tuple[tuple[float, ...], ...] = ()
    made: str = ""
    sure: str = ""

    def at(self, frame: int) -> list[Known]:
        """Every object with a box in that frame."""
        found = []
        for item in self.objects:
            keys = np.asarray(item["keys"], dtype=np.float64)
            if keys[0, 0] <= frame <= keys[-1, 0]:
                box = Box(*(float(np.interp(frame, keys[:, 0], keys[:, i])) for i in range(1, 5)))
                shown = not any(a <= frame < b for a, b in item.get("hidden", ()))
                counts = shown and item["kind"] != "head"
                found.append(Known(str(item["id"]), item["kind"], box, counts))
        return found

    def ignored(self, frame: int) -> list[Box]:
        """Areas of that frame of which nothing is said."""
        return [Box(*box) for first, stop, *box in self.ignore if first <= frame < stop]

    @classmethod
    def load(cls, path: Path) -> Truth:
        """Read a file that says what the module's docstring tells.

        Raises:
            ValueError: an object is of an unknown kind, or its keys aren't in order of time.

        """
        data = json.loads(path.read_text(encoding="utf-8"))
        for item in data["objects"]:
            times = [key[0] for key in item["keys"]]
            if item["kind"] not in KINDS:
                raise ValueError(f"{path.name}: {item['id']!r} is of unknown kind {item['kind']!r}")
            if not times or times != sorted(set(times)):
                raise ValueError(f"{path.name}: keys of {item['id']!r} aren't in order: {times}")
        return cls(
            clip=data["clip"],
            size=tuple(data["size"]),
            frames=data["frames"],
            objects=tuple(data["objects"]),
            ignore=tuple(tuple(area) for area in data.get("ignore", ())),
            made=data.get("made", ""),
            sure=data.get("sure", ""),
        )

    def save(self, path: Path) -> None:
        """Write the file, one object a line."""
        head = {"clip": self.clip, "size": self.size, "frames": self.frames}
        head |= {"made": self.made, "sure": self.sure}
        lines = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in head.items()]
        for name in ("objects", "ignore"):
            rows = ",\n  ".join(json.dumps(item) for item in getattr(self, name))
            lines.append(f'"{name}": [\n  {rows}\n ]' if rows else f'"{name}": []')
        path.write_text("{" + ",\n ".join(lines) + "}\n", encoding="utf-8")


def as_mask(boxes: list[Box], size: tuple[int, int], scale: float = 1.0) -> NDArray[np.bool_]:
    """(H, W) True inside any of the boxes; size is (width, height), boxes are scaled first."""
    mask = np.zeros((size[1], size[0]), dtype=bool)
    for box in boxes:
        x0, y0, x1, y1 = (round(max(0.0, v * scale)) for v in box)
        mask[y0:y1, x0:x1] = True
    return mask
