"""When a call is sent again, and how long to wait before."""

import random
import time
from dataclasses import dataclass

import httpx

from ._problem import ProblemError

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0  # seconds, if the service does not say

# Methods whose requests can be repeated without doing more (RFC 9110, 9.2.2).
REPEATABLE = ("GET", "HEAD", "PUT", "DELETE")
# The connection broke, or the answer did not come in time.
LOST = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)
# No byte of the request was sent.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True)
class Retry:
    """How often a call is sent.

    attempts: at most so many times
    total: none begins later than so many seconds after the first
    """

    attempts: int = 4
    total: float = 60.0


class Attempts:
    """The attempts of one call."""

    def __init__(self, retry: Retry, repeatable: bool) -> None:
        self._retry, self._repeatable = retry, repeatable
        self._done, self._end = 0, time.monotonic() + retry.total

    def pause(self, error: ProblemError) -> float:
        """How many seconds to wait before the next attempt; raises the error if there is none."""
        self._done += 1
        wait = backoff(self._done, FIRST_PAUSE, LONGEST_PAUSE, error.retry_after)
        if not self._passing(error) or self._done >= self._retry.attempts or time.monotonic() + wait > self._end:
            raise error
        return wait

    def _passing(self, error: ProblemError) -> bool:
        if error.status in (429, 503):
            # The service itself then has done nothing, but a gateway may have passed the request on.
            return self._repeatable or error.problem is not None
        return isinstance(error.__cause__, NOT_SENT) or self._repeatable and isinstance(error.__cause__, LOST)


def backoff(failures: int, first: float, longest: float, retry_after: float | None) -> float:
    """Twice as long after each failure, less up to a half by chance, and never shorter than the service asks."""
    wait = min(first * 2 ** (failures - 1), longest)
    return max(random.uniform(wait / 2, wait), (retry_after or 0) + random.uniform(0, wait / 10))
