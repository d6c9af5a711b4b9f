"""What a model of Stable-Baselines3 does: its lanes, its policy, its steps. For ``recorder.wrappers.sb3``."""
