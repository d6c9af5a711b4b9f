"""What happened in a run: its facts, and the episodes that matter."""

from recorder.highlights.find import Highlight, RunHighlights, find_highlights

__all__ = ["Highlight", "RunHighlights", "find_highlights"]
