"""Finds, verifies, converts and indexes recordings, and reads their steps."""
