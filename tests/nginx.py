"""A real nginx in front of a server of the tests: as people put one there, with a prefix, and with TLS."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.waiting import DEADLINE_SECS, wait_until

__all__ = ["UPGRADE", "make_certificate", "nginx"]

UPGRADE = """
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header Host $http_host;
"""
"""What each location needs for WebSockets, and for the name that the browser wrote."""

_CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
    {servers}
}}
"""


@contextmanager
def nginx(folder: Path, servers: str, *, port: int) -> Iterator[None]:
    """Run nginx until the block is left.

    Args:
        folder: for its files.
        servers: ``server`` blocks of its configuration; port: that one of them listens on.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        reason = "needs nginx: apt-get install nginx-light"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, servers=servers))
    with (folder / "nginx.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-p", str(folder), "-c", str(configuration), "-e", "stderr"], stdout=log, stderr=log
        )
    try:

        def answers() -> bool:
            assert process.poll() is None, (folder / "nginx.log").read_text()
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                return False
            return True

        wait_until(answers, message="nginx")
        yield
    finally:
        process.terminate()
        process.wait(DEADLINE_SECS)


def make_certificate(folder: Path) -> None:
    """``cert.pem`` and ``key.pem`` of a name that the tests use."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj", "/CN=replay.localhost"],
        check=True, capture_output=True, timeout=DEADLINE_SECS,
    )  # fmt: skip
