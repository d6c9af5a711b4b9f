"""What a video can be, and who requests for one: what those who ask for videos and the workers who make them agree on. Pure."""
