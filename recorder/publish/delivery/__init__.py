"""Delivery: what waits, what was sent, what a successor has to know, and the files beside the ring that say so."""
