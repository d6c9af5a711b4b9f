"""Argument handling that commands share."""
