"""Speaks sentences: the voices, one a file, and the process that runs one of them.

A voice runs outside the process that makes the video: its libraries have another licence (GPL), load slowly, and may crash.
Nothing here imports matplotlib or the catalog, so the process starts quickly.
"""
