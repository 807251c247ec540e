"""The kernels' machine code: made by numba once, kept on disk, and loaded without numba.

Loading numba takes most of a second, nearly all of it to set up a compiler. llvmlite, on which it
stands, loads what was compiled in a tenth of that.

Kept is what is the same function, for the same processor, by the same compiler: the file's name is
a hash of all three. It lies beside this file or, where that can't be written to, in the user's
cache folder. Elsewhere than on Linux, where none of this was tried, numba keeps it in its own way
and is needed to load it.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.metadata
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import llvmlite
import numpy as np
from llvmlite import binding as llvm

_HERE = Path(__file__).parent
_LOOPS = _HERE / "_loops.py"
_PREFIX = "redact_"
_DIGEST_BYTES = hashlib.sha256().digest_size

# What owns the machine code that was loaded: it stays for as long as the process.
_owners: list[Any] = []


def loaded(prototypes: Mapping[str, str]) -> dict[str, Callable[..., Any]]:
    """Functions of `_loops.py`, by their names, that run as machine code without Python's lock.

    prototypes: for each the types of what it gives back and takes.
    """
    places = _addresses(prototypes)
    return {name: _as_function(places[name], prototypes[name].split()) for name in prototypes}


def _as_function(address: int, types: list[str]) -> Callable[..., Any]:
    result, *arguments = (_C_TYPES[t] if not t.endswith("*") else ctypes.c_void_p for t in types)
    return ctypes.CFUNCTYPE(result, *arguments)(address)


_C_TYPES: dict[str, Any] = {"void": None, "int64": ctypes.c_int64, "float64": ctypes.c_double}


def _addresses(prototypes: Mapping[str, str]) -> dict[str, int]:
    """Where each function's machine code begins."""
    # A program that was frozen into one file has no sources to tell what was kept by.
    if sys.platform == "linux" and _LOOPS.is_file():
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = _machine()
        code = _kept_or_made(machine, prototypes)
        if code is not None:
            engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
            engine.add_object_file(llvm.ObjectFileRef.from_data(code))
            engine.finalize_object()
            _owners.append(engine)
            return {name: engine.get_function_address(_PREFIX + name) for name in prototypes}
    kernels = {name: _compiled(name, types, keep=True) for name, types in prototypes.items()}
    _owners.extend(kernels.values())
    return {name: kernel.address for name, kernel in kernels.items()}


def _kept_or_made(machine: Any, prototypes: Mapping[str, str]) -> bytes | None:
    """The object code of all functions; None where it can't be kept."""
    name = f"kernels-{_identity(prototypes)}.o"
    code = next(_kept(name), None)
    if code is None and (code := _object_code(machine, prototypes)) is not None:
        _keep(name, code)
    return code


def _machine() -> Any:
    """The machine that this runs on, as LLVM knows it."""
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        codemodel="jitdefault",
        jit=True,
    )


def _identity(prototypes: Mapping[str, str]) -> str:
    """The same for the same functions, processor and compiler."""
    parts = [
        *(path.read_text(encoding="utf-8") for path in (_LOOPS, Path(__file__))),
        *(f"{name} {types}" for name, types in prototypes.items()),
        *(importlib.metadata.version("numba"), llvmlite.__version__, np.__version__),
        llvm.get_process_triple(),
        llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _compiled(name: str, types: str, *, keep: bool = False) -> Any:
    from redact.cover import _loops

    result, *arguments = types.split()
    return _loops.compiled(name, result, arguments, keep=keep)


def _object_code(machine: Any, prototypes: Mapping[str, str]) -> bytes | None:
    """All kernels in one object file; None where they need more than the C library."""
    whole = llvm.parse_assembly("")
    for name, types in prototypes.items():
        kernel = _compiled(name, types)
        module = llvm.parse_assembly(kernel.inspect_llvm())
        # numba's way in from C would tell Python of errors. Once all else is known to be used by
        # nobody but it, none turns out to be possible, and all that leads to Python goes.
        for function in module.functions:
            if function.name == kernel.native_name:
                function.name = _PREFIX + name
            elif not function.is_declaration:
                function.linkage = llvm.Linkage.internal
        whole.link_in(module)
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    builder.getModulePassManager().run(whole, builder)
    # A name that nobody knows when it is loaded would end the process.
    if any(f.is_declaration and not f.name.startswith("llvm.") for f in whole.functions):
        return None
    return bytes(machine.emit_object(whole))


def _folders() -> Iterable[Path]:
    """Where machine code may be kept, the best place first."""
    yield _HERE / "__pycache__"
    cache = os.environ.get("XDG_CACHE_HOME")
    with contextlib.suppress(RuntimeError):  # no home folder
        yield (Path(cache) if cache else Path.home() / ".cache") / "redact"


def _kept(name: str) -> Iterator[bytes]:
    """What was kept under that name and is whole."""
    for folder in _folders():
        with contextlib.suppress(OSError):
            content = (folder / name).read_bytes()
            digest, code = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
            if hashlib.sha256(code).digest() == digest:
                yield code


def _keep(name: str, code: bytes) -> None:
    """Write it where that is possible; nobody ever sees half of it."""
    for folder in _folders():
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as unfinished:
                file = Path(unfinished) / name
                file.write_bytes(hashlib.sha256(code).digest() + code)
                file.replace(folder / name)
            return
