"""Measurements: `python -m benchmarks NAME`; each module is one."""
