"""What a file gives away besides its pictures. Nothing is written."""
