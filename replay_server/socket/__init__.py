"""The WebSocket: one thread with an event loop serves all connections of a process; Flask only does the upgrade."""
