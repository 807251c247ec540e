"""What gets covered in a frame, and how: regions, styles, tones, and the compiled loops."""
