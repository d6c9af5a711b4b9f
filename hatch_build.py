"""Builds the machine code of a trainer's calls into the package where there is a C compiler; the package works without it."""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_MODULE = "recorder.capture.writing.native"


class NativeBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Called by hatchling before it packs a wheel or an editable one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling gives it
        """Build the module beside its source, and say that the wheel is for this platform."""
        if self.target_name != "wheel" or os.environ.get("HAMLET_PURE_PYTHON"):
            return
        if sysconfig.get_config_var("Py_GIL_DISABLED"):
            self.app.display_info(f"{_MODULE} is not built: it needs the interpreter's lock")
            return
        try:
            built = _build(Path(self.root))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - setuptools raises the second, too
            self.app.display_warning(f"{_MODULE} is not built, calls of a trainer take longer: {error}")
            return
        build_data["artifacts"].append(str(built))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True


def _build(root: Path) -> Path:
    """The path of the built module, from the root."""
    import numpy as np
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    source = Path(*_MODULE.split(".")).with_suffix(".pyx")
    flags = [] if sys.platform == "win32" else ["-O3", "-g0"]
    with tempfile.TemporaryDirectory() as folder:
        extension = Extension(
            _MODULE,
            [str(root / source)],
            include_dirs=[np.get_include()],
            define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
            extra_compile_args=flags,
        )
        modules = cythonize([extension], build_dir=folder, quiet=True)
        command = Distribution({"name": "hamlet-recorder", "ext_modules": modules}).get_command_obj("build_ext")
        command.build_temp, command.build_lib = folder, str(root)
        command.ensure_finalized()
        command.run()
        return Path(command.get_ext_fullpath(_MODULE)).relative_to(root)
