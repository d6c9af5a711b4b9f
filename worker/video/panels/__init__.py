"""The panels of a frame, one per file. Each draws its static part once, then only what changes."""
