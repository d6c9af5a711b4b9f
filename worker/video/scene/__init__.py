"""The panels of a frame, one a file; each draws its still part once, then only what a new moment changes."""
