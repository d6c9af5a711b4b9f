"""From frames to a file: the loop that draws them, the planes of the encoder, ffmpeg."""
