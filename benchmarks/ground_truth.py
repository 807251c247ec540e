"""Known boxes of the faces and plates in a clip, frame by frame, read from and saved as JSON.

A file has key boxes. Between two keys of an object its box moves linearly; before the first and
after the last key it has no box. One object is one span of one kind: a person who turns away is
first a "face" and then a "head". Frame indices are 0-based in presentation order, boxes are in
pixels of the upright frame, half-open.

    {"clip": "porch.mp4", "size": [768, 432], "frames": 300, "made": "how", "sure": "how sure",
     "objects": [{"id": "man", "kind": "face", "keys": [[frame, x0, y0, x1, y1], ...],
                  "hidden": [[first, stop], ...]}],
     "ignore": [[first, stop, x0, y0, x1, y1], ...]}

Kinds: "face", "plate", and "head", which is turned away or hooded: covering it is right, and not
covering it is no leak. "hidden": half-open spans of frames in which the object is occluded or too
dim to be recognised; there it does not count. "ignore": areas about which nothing is known. "made"
and "sure" tell a reader where the boxes come from and how precise they are.
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
class KnownObject:
    """One object in one frame; `counts` is False where it is hidden or a head."""

    id: str
    kind: str
    box: Box
    counts: bool


@dataclasses.dataclass(frozen=True)
class Truth:
    """The known boxes of one clip.

    size: (width, height) of the upright frame. frames: how many. objects, ignore: as in the file.
    """

    clip: str
    size: tuple[int, int]
    frames: int
    objects: tuple[dict[str, Any], ...]
    ignore: tuple[tuple[float, ...], ...] = ()
    made: str = ""
    sure: str = ""

    def at(self, frame: int) -> list[KnownObject]:
        """Every object that has a box in this frame."""
        known = []
        for item in self.objects:
            keys = np.asarray(item["keys"], dtype=np.float64)
            if keys[0, 0] <= frame <= keys[-1, 0]:
                box = Box(*(float(np.interp(frame, keys[:, 0], keys[:, i])) for i in range(1, 5)))
                is_visible = not any(a <= frame < b for a, b in item.get("hidden", ()))
                counts = is_visible and item["kind"] != "head"
                known.append(KnownObject(str(item["id"]), item["kind"], box, counts))
        return known

    def ignored(self, frame: int) -> list[Box]:
        """Areas of this frame about which nothing is known."""
        return [Box(*box) for first, stop, *box in self.ignore if first <= frame < stop]

    @classmethod
    def load(cls, path: Path) -> Truth:
        """Read a file of the format that the module's docstring describes.

        Raises:
            ValueError: an object has an unknown kind, or its keys are not in order of time.

        """
        data = json.loads(path.read_text(encoding="utf-8"))
        for item in data["objects"]:
            times = [key[0] for key in item["keys"]]
            if item["kind"] not in KINDS:
                raise ValueError(
                    f"{path.name}: {item['id']!r} has the unknown kind {item['kind']!r}"
                )
            if not times or times != sorted(set(times)):
                raise ValueError(f"{path.name}: keys of {item['id']!r} are not in order: {times}")
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
        """Write the file, with one object per line."""
        head = {"clip": self.clip, "size": self.size, "frames": self.frames}
        head |= {"made": self.made, "sure": self.sure}
        lines = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in head.items()]
        for name in ("objects", "ignore"):
            rows = ",\n  ".join(json.dumps(item) for item in getattr(self, name))
            lines.append(f'"{name}": [\n  {rows}\n ]' if rows else f'"{name}": []')
        path.write_text("{" + ",\n ".join(lines) + "}\n", encoding="utf-8")


def as_mask(boxes: list[Box], size: tuple[int, int], scale: float = 1.0) -> NDArray[np.bool_]:
    """(H, W) True inside any of the boxes, which are scaled first; size: (width, height)."""
    mask = np.zeros((size[1], size[0]), dtype=bool)
    for box in boxes:
        x0, y0, x1, y1 = (round(max(0.0, v * scale)) for v in box)
        mask[y0:y1, x0:x1] = True
    return mask
