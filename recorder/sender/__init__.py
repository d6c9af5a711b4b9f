"""What reads a trainer's ring and sends it: a process, or a thread of the trainer; and what sends an abandoned ring."""

from recorder.sender.base import Sender
from recorder.sender.start import make_ring, start_sender

__all__ = ["Sender", "make_ring", "start_sender"]
