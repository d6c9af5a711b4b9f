"""A Redis-compatible server of one's own, for when no URL is given."""

from recorder.embedded_server.binary import find_server_binary
from recorder.embedded_server.folder import running_server_url
from recorder.embedded_server.server import EmbeddedServer, server_url

__all__ = ["EmbeddedServer", "find_server_binary", "running_server_url", "server_url"]
