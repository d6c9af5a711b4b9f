"""An S3 server of the tests' own (moto), as a process on a port of this machine; it keeps what it is given in memory."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

from tests.processes import PythonProcess
from tests.waiting import DEADLINE_SECS

__all__ = ["S3Server", "s3_server"]

_PROGRAM = """
import signal
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
print(f"endpoint http://{host}:{port}", flush=True)
signal.pause()
"""


@dataclass(frozen=True)
class S3Server:
    """A running server.

    Args:
        endpoint: its address.
    """

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        """What lets a process find it, and be let in."""
        return environment_of(self.endpoint)

    def new_bucket(self) -> str:
        """Make an empty bucket; returns its name."""
        name = f"bucket-{uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=name)
        return name

    def buckets(self) -> list[str]:
        """The names of all buckets."""
        return [bucket["Name"] for bucket in self.client().list_buckets()["Buckets"]]

    def objects(self, bucket: str) -> list[str]:
        """The names of the objects in a bucket."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def client(self):  # type: ignore[no-untyped-def]
        """A client past the project's storage."""
        import boto3  # takes a second

        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        return boto3.client("s3", endpoint_url=self.endpoint, **keys)


def environment_of(endpoint: str) -> dict[str, str]:
    """What makes a process take this address for S3."""
    return {
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Start a server, and end it on the way out."""
    with PythonProcess("-c", _PROGRAM) as process:
        endpoint = process.wait_for("endpoint").split()[1]
        # It loads its S3 for the first request, for which a storage on a busy machine would not wait long enough.
        urllib.request.urlopen(endpoint, timeout=DEADLINE_SECS).close()
        yield S3Server(endpoint)
