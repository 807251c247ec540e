"""Benchmarks of quality, privacy and speed. `python -m benchmarks` lists them."""
