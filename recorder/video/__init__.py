"""Options and requests of videos, shared by requesters and render workers. Pure."""
