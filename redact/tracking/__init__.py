"""Joins detections of single frames into tracks: one face or plate over time, without gaps."""
