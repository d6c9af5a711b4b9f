"""Names of recordings and of the folders of runs."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from recorder.storage.packs import is_pack

__all__ = ["episode_path", "run_folder"]

_SAFE_IN_NAMES = " +,=@()-_."
_MAX_FOLDER_BYTES = 200
"""File systems allow 255 bytes per name."""


def episode_path(run_id: str, episode_id: int, *, compression: str = "lz4", replaced_plays: int = 0) -> str:
    """Name of a recording below the root: ``<run_id>/episode_000500.msgpack.lz4``.

    A later play of a resumed run has another name, ``episode_000500_play2.msgpack.lz4``, so that a late write of an
    earlier play can't replace it.
    """
    play = f"_play{replaced_plays + 1}" if replaced_plays else ""
    suffix = {"lz4": ".lz4", "zstd": ".zst", "none": ""}[compression]
    return f"{run_folder(run_id)}/episode_{episode_id:06d}{play}.msgpack{suffix}"


def run_folder(run_id: str) -> str:
    """Name of a run's folder below the root.

    A run id may be any text. Characters that are unsafe in file names are percent-escaped, so no id leads out of the
    root. So are dots and spaces at the ends: ``..`` is the parent folder, a leading dot hides a folder, and Windows
    drops trailing ones, and a folder can't have the name of a pack. Different ids never share a folder, except on file
    systems that ignore case.
    """
    folder = quote(run_id, safe=_SAFE_IN_NAMES, errors="surrogatepass") or "%"
    if folder[0] in ". ":
        folder = f"%{ord(folder[0]):02X}{folder[1:]}"
    if folder[-1] in ". ":
        folder = f"{folder[:-1]}%{ord(folder[-1]):02X}"
    if len(folder) > _MAX_FOLDER_BYTES:
        digest = hashlib.blake2b(run_id.encode(errors="surrogatepass"), digest_size=8).hexdigest()
        folder = f"{folder[:_MAX_FOLDER_BYTES]}%{digest}"
    if is_pack(folder):
        folder = f"{folder.removesuffix('.lz4')}%2Elz4"
    return folder
