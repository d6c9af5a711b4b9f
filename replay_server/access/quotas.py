"""Limits how often a client may change something. A person never reaches the limit."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from threading import Lock

from flask import Request

from recorder.settings import QuotaSettings
from replay_server.limits import RateLimiter

__all__ = ["WriteQuotas", "client_of"]

_MOST_CLIENTS = 4096
"""Clients remembered. The one that was quiet for longest is forgotten, and starts with a full quota."""

_CLIENTS_PER_ADDRESS = 5
"""Changes allowed from one address, in multiples of a client's quota."""

_IPV6_NETWORK_BITS = 64
"""Prefix length of the addresses that one subscriber has at least."""


class WriteQuotas:
    """Counts the changes of each client.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, settings: QuotaSettings, *, clock: Callable[[], float]) -> None:
        self._per_sec = settings.writes_per_min / 60
        self._burst = settings.write_burst
        self._clock = clock
        self._lock = Lock()
        self._limiters: OrderedDict[str, RateLimiter] = OrderedDict()

    def wait_secs(self, request: Request) -> float:
        """Count a change; return 0 if it is allowed, else seconds until the next one is."""
        now = self._clock()
        with self._lock:
            of_client = self._limiter(client_of(request), 1, now)
            of_address = self._limiter(_address_of(request), _CLIENTS_PER_ADDRESS, now)
            if of_client.allow(now) and of_address.allow(now):
                return 0.0
            return max(of_client.wait_secs(now), of_address.wait_secs(now))

    def _limiter(self, key: str, share: int, now: float) -> RateLimiter:
        limiter = self._limiters.get(key)
        if limiter is None:
            limiter = self._limiters[key] = RateLimiter(share * self._per_sec, share * self._burst, now)
            if len(self._limiters) > _MOST_CLIENTS:
                self._limiters.popitem(last=False)
        self._limiters.move_to_end(key)
        return limiter


def client_of(request: Request) -> str:
    """Return an opaque client id from the address and the program, so a browser and a script on one machine differ."""
    known = f"{_address_of(request)} {request.headers.get('User-Agent', '')} {request.headers.get('Origin', '')}"
    return hashlib.blake2b(known.encode(errors="replace"), digest_size=12).hexdigest()


def _address_of(request: Request) -> str:
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return request.remote_addr or ""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return f"{int(address) >> (128 - _IPV6_NETWORK_BITS):x}/{_IPV6_NETWORK_BITS}"
    return str(address)
