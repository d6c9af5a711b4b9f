"""Pictures of an episode that its environment draws while the video is made, from the states that were recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from recorder.catalog import Catalog
from recorder.episode_file import Episode
from recorder.errors import UsageError
from recorder.runtime.search_path import let_user_code_be_found
from recorder.video.options import STATES, VideoOptions

if TYPE_CHECKING:  # loads gymnasium, which few workers need
    from recorder.wrappers import Restoration

__all__ = ["RestoredPictures", "restored_pictures"]

_MOST_COMPARED = 24
"""Recorded pictures that are compared with the drawn ones; each takes a drawing more."""


class RestoredPictures:
    """Draws the picture of any step, in any order.

    Args:
        restoration: of the episode.

    Attributes:
        note: how much the drawn pictures differ from the recorded ones; empty if there are none.

    Raises:
        UsageError: the environment can't draw this episode.
    """

    def __init__(self, restoration: Restoration) -> None:
        self._restoration = restoration
        # A viewer's camera stays where the first picture has put it: all workers begin with the same one.
        restoration.begin()
        restoration.picture()
        restoration.compare(_MOST_COMPARED)
        self.note = restoration.comparison()

    def __call__(self, index: int) -> tuple[int, NDArray[Any]]:
        """The picture of a step, with its index.

        Raises:
            UsageError: the step has no state, or the environment can't draw it.
        """
        self._restoration.show(index)
        return index, self._restoration.picture()


@contextmanager
def restored_pictures(
    catalog: Catalog, run_id: str, episode: Episode, options: VideoOptions, modules: Sequence[str]
) -> Iterator[RestoredPictures | None]:
    """Make the run's environment for as long as the video is made; None if the options don't ask for it.

    Args:
        modules: import these, which register environments.

    Raises:
        MissingExtraError: Gymnasium is not installed.
        UsageError: the environment can't be made here, or can't draw this episode.
    """
    if options.source != STATES:
        yield None
        return
    from recorder.wrappers import Restoration, make_environment  # lazy: loads gymnasium

    let_user_code_be_found()
    for module in modules:
        try:
            import_module(module)
        except ImportError as error:
            raise UsageError(
                f"the module {module!r}, which registers environments, can't be imported: {error}"
            ) from error
    config = {**episode.metadata.info, **(catalog.get_run(run_id).config or {})}
    with make_environment(config, render_mode="rgb_array") as env:
        yield RestoredPictures(Restoration(episode, env))
