"""What a video shows of an episode, as arrays: its series, the signals chosen, their scales."""
