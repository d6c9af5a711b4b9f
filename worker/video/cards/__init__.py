"""What is shown before, after and over the frames: cards, captions, emphasis, subtitles."""
