"""The narration of a video: events, a fact sheet, sentences, and speech at its time."""
