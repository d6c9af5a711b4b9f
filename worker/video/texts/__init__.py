"""The texts beside a video: chapters, what comes after, title and description for an upload."""
