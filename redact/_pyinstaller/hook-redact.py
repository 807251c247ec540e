# ruff: noqa: N999
"""PyInstaller's hook for `redact`: the files and modules that no import statement names."""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules

datas = collect_data_files(
    "redact", includes=["weights/*", "report/*.html", "review/page/*", "profiles/*.toml"]
)
# Public names and detectors are imported by name. The training of networks stays out.
hiddenimports = collect_submodules(
    "redact", filter=lambda name: not name.startswith(("redact.training", "redact._pyinstaller"))
)
hiddenimports += collect_submodules("PIL", filter=lambda name: name.endswith("ImagePlugin"))
# numba compiles from a source file, and keeps what it compiled beside it.
module_collection_mode = {"redact.cover.kernels": "py"}
