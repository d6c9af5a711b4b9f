"""The WebSocket: one thread with one event loop serves all connections of a process; Flask does the upgrade and lets go."""
