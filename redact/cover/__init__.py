"""What gets covered in a frame, and how: regions, tones, styles, and the compiled loops."""
