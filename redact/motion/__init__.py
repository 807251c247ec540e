"""What moves in front of a camera, and whether the camera itself does."""
