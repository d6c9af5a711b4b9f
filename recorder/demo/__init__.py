"""The demo's trainer: a small world and a learning agent in numpy, available in every installation.

``recorder.commands.demo`` starts it. It uses the recorder as any trainer does. ``examples/hamlet`` shares its
curriculum and report.
"""
