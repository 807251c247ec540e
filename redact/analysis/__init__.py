"""Where and when a clip is scanned, and the tracks that come of it."""
