"""Redis: clients, status, finding its URL, and an embedded server."""
