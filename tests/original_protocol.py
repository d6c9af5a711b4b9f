"""What the original protocol prints: the configuration that users have copied from it."""

from __future__ import annotations

__all__ = ["CONFIGURATION"]

CONFIGURATION = """\
recording:
  enabled: true
  recordings_dir: "recordings"
  criteria:
    periodic:
      enabled: true
      interval: 100
    stage_transitions:
      enabled: true
      lookback: 5
      lookahead: 5
    performance:
      enabled: true
      top_percentile: 10.0
      bottom_percentile: 10.0
      history_window: 100
    stage_boundaries:
      enabled: true
      record_first_n: 5
      record_last_n: 5
"""
