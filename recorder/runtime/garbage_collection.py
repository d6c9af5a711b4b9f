"""How often the cyclic garbage collector runs, in processes of ours alone: a trainer's own is its business."""

from __future__ import annotations

import gc

__all__ = ["relax_garbage_collection"]


def relax_garbage_collection() -> None:
    """Run the cyclic garbage collector 100 times less often.

    A batch creates some hundred thousand objects, almost none of them in cycles; collecting took a tenth of the
    time.
    """
    gc.freeze()
    gc.set_threshold(70_000, 20, 20)
