"""The calls of a recorder, by what they take; ``EpisodeRecorder`` has them all."""
