"""Detections of single frames, joined into tracks without holes."""
