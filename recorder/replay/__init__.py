"""Plays episodes in Python: recordings (``manager``), or over the network (``client``)."""
