"""The sound of a video: effects made with numpy from the episode's events, mixed with a voice, and brought to a
loudness."""
