"""Where videos and the files of unfinished ones stand."""
