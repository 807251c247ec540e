"""Analysis: which scans run on which frame, and the tracks that their detections become."""
