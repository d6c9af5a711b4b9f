"""Videos on demand, shared by any number of workers: plan, render a segment, join, sweep. Plain functions for the tasks.

Each may run twice, at once or after a crash. Segments and videos are written atomically, and the catalog counts each
once. ``sweep_videos`` finds the work of a killed worker when its lease has expired.
"""
