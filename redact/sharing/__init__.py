"""Sharing a clip for a purpose: what has to be known, what is recorded, and what is written."""
