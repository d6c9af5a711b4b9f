"""A Redis-compatible server of one's own, for when no URL is given."""

from recorder.redis_server.embedded.binary import find_server_binary
from recorder.redis_server.embedded.folder import FolderState, look_at_folder, running_server_url
from recorder.redis_server.embedded.server import EmbeddedServer, server_url

__all__ = ["EmbeddedServer", "FolderState", "find_server_binary", "look_at_folder", "running_server_url", "server_url"]
