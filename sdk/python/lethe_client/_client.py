"""The client: where the service is, who calls, and for how long to wait and retry."""

import httpx
from attrs import define, evolve, field

from ._retry import Retry
from .generated.client import AuthenticatedClient

TIMEOUT = httpx.Timeout(60, connect=10)


@define
class Lethe(AuthenticatedClient):
    """A client of the service at base_url, for the owner of the API key token.

    Use it in a `with`, or in an `async with` with the calls' `asyncio_detailed`.

    timeout: of httpx, for each attempt; by default 10 seconds to connect and 60
        without a byte of the answer
    retry: how often a call is sent
    httpx_args: further arguments of httpx.Client, such as `verify` or `proxy`
    """

    retry: Retry = field(factory=Retry, kw_only=True)
    _timeout: httpx.Timeout | None = field(default=TIMEOUT, kw_only=True, alias="timeout")
    _root: "Lethe | None" = field(default=None, init=False, repr=False)  # whose connections these are

    def with_options(self, *, timeout: httpx.Timeout | None = None, retry: Retry | None = None) -> "Lethe":
        """The same client with the same connections, and another timeout or other retries: for single calls."""
        other = evolve(self, timeout=timeout or self._timeout, retry=retry or self.retry)
        other._root = self._root or self
        return other

    def __repr__(self) -> str:
        return f"Lethe({self._base_url!r})"  # without the key

    @property
    def timeout(self) -> httpx.Timeout | None:
        return self._timeout

    def get_httpx_client(self) -> httpx.Client:
        return self._root.get_httpx_client() if self._root else super().get_httpx_client()

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        return self._root.get_async_httpx_client() if self._root else super().get_async_httpx_client()
