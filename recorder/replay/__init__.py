"""Playing an episode from Python: over a recording (``manager``), or over the network (``client``)."""
