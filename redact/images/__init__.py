"""Single images: arrays of a caller, and image files, which go the same way as clips."""
