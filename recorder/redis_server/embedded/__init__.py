"""An embedded Redis or Valkey server, used if no URL is given."""

from recorder.redis_server.embedded.binary import find_server_binary
from recorder.redis_server.embedded.folder import FolderState, folder_state, running_redis_url
from recorder.redis_server.embedded.server import EmbeddedServer, use_redis

__all__ = ["EmbeddedServer", "FolderState", "find_server_binary", "folder_state", "running_redis_url", "use_redis"]
