"""List the numeric values of the `tuning.py` modules, and change one of them for a while.

A module's public dataclass instances, and tables (mappings) of them, are its roots. A value is a
number in the tree below a root. The dataclasses are frozen, so to change a value its root is built
again with the new value, and takes the place of the old root in every module that refers to it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import math
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Number = int | float | tuple[int | float, ...]


@dataclasses.dataclass(frozen=True)
class TunedValue:
    """One value; path: field names and mapping keys that lead from the root to it."""

    stage: str
    root_name: str
    path: tuple[str, ...]
    root: Any = dataclasses.field(compare=False, repr=False)

    @property
    def name(self) -> str:
        """For example `tracking.TUNING.kinds.face.high_score`."""
        return ".".join((self.stage, self.root_name, *self.path))

    @property
    def default(self) -> Number:
        """The value in the root."""
        node = self.root
        for step in self.path:
            node = node[step] if isinstance(node, Mapping) else getattr(node, step)
        return node


def stages() -> dict[str, types.ModuleType]:
    """The `tuning` module of every package of `redact` that has one."""
    import redact

    paths = sorted(Path(redact.__file__).parent.glob("*/tuning.py"))
    names = [path.parent.name for path in paths]
    return {name: importlib.import_module(f"redact.{name}.tuning") for name in names}


def tuned_values(stage: str, module: types.ModuleType) -> list[TunedValue]:
    """All numbers in a tuning module, except for those of kinds other than "face" and "plate"."""
    values: list[TunedValue] = []
    for name, root in vars(module).items():
        if not name.startswith("_") and _is_root(root):
            values += [TunedValue(stage, name, path, root) for path in _paths(root)]
    return [value for value in values if "other_kind" not in value.name.lower()]


def _is_root(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value) and all(_is_root(item) for item in value.values())
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _paths(node: Any) -> Iterator[tuple[str, ...]]:
    """Paths from a node to all numbers, and tuples of numbers, below it."""
    if isinstance(node, Mapping):
        items = list(node.items())
    elif dataclasses.is_dataclass(node):
        items = [(field.name, getattr(node, field.name)) for field in dataclasses.fields(node)]
    else:
        if _is_number(node) or (
            isinstance(node, tuple) and node and all(_is_number(item) for item in node)
        ):
            yield ()
        return
    for step, item in items:
        yield from ((step, *path) for path in _paths(item))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def scaled(value: Number, factor: float) -> Number:
    """The value times the factor; integers change by at least 1, except for 0."""
    if isinstance(value, tuple):
        return tuple(scaled(item, factor) for item in value)  # type: ignore[misc]
    if isinstance(value, float) or value == 0:
        return value * factor if value else value
    size = round(abs(value) * factor)
    size = min(size, abs(value) - 1) if factor < 1 else max(size, abs(value) + 1)
    return int(math.copysign(size, value))


@contextlib.contextmanager
def changed(value: TunedValue, new: Number, *, package: str = "redact") -> Iterator[None]:
    """Within this context, modules of the package see the new value.

    A number that a module copied from its root when it was imported does not change.

    Raises:
        LookupError: no module of the package refers to the root.

    """
    root = _rebuilt(value.root, value.path, new)
    if not _replace(value.root, root, package):
        raise LookupError(f"no module of {package!r} refers to {value.stage}.{value.root_name}")
    try:
        yield
    finally:
        # Also in modules that were imported in the meantime.
        _replace(root, value.root, package)


def _rebuilt(node: Any, path: tuple[str, ...], new: Number) -> Any:
    """A copy of the node with another value at the end of the path."""
    if not path:
        return new
    step, rest = path[0], path[1:]
    if not isinstance(node, Mapping):
        return dataclasses.replace(node, **{step: _rebuilt(getattr(node, step), rest, new)})
    table = {**node, step: _rebuilt(node[step], rest, new)}
    return types.MappingProxyType(table) if isinstance(node, types.MappingProxyType) else table


def _replace(old: Any, new: Any, package: str) -> int:
    """Put the new object in the place of the old one, and return in how many places it was."""
    count = 0
    for name, module in list(sys.modules.items()):
        if name == package or name.startswith(f"{package}."):
            for attribute, value in list(vars(module).items()):
                if value is old:
                    setattr(module, attribute, new)
                    count += 1
    return count
