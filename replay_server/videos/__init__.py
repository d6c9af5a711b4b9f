"""Videos that a viewer asks for: the request in the catalog, and a picture of what it would show."""
