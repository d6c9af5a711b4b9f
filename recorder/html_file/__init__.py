"""One HTML document with an episode and its player: as a file, or in a notebook's output."""

from recorder.html_file.document import build_html, export_episode_html
from recorder.html_file.notebook import NotebookView

__all__ = ["NotebookView", "build_html", "export_episode_html"]
