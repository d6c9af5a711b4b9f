"""Chunks: from the steps of runs and blocks to encoded chunks of one episode each."""
