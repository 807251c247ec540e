"""Tells what moves in front of a camera, what changed, and whether the camera itself moves.

It decides only where to scan, never what to cover. A doorbell camera stands still, so whatever
differs from the learned background is where somebody is. When the camera moves, the light changes
or the scene is cut, everything counts as moving: in doubt, no scan is saved.
"""
