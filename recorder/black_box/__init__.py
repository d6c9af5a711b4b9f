"""The black box: the ring file between a trainer and its sender. BLACKBOX.md specifies it; it knows nothing of streams."""

from recorder.black_box.format import Kind
from recorder.black_box.header import Outcome
from recorder.black_box.layout import Field, Layout
from recorder.black_box.pages_ahead import PagesAhead
from recorder.black_box.reader import Event, RingReader, Run
from recorder.black_box.ring import Ring
from recorder.black_box.sender_page import Message
from recorder.black_box.writer import RingWriter

__all__ = [
    "Event",
    "Field",
    "Kind",
    "Layout",
    "Message",
    "Outcome",
    "PagesAhead",
    "Ring",
    "RingReader",
    "RingWriter",
    "Run",
]
