"""Follows an erasure to its end."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import httpx

from ._answers import Answer, Events, Request
from ._client import Lethe
from ._problem import ProblemError, UnfinishedError, WaitingError
from ._retry import backoff
from .generated.api.erasures import watch_erasure
from .generated.client import AuthenticatedClient, Client
from .generated.models.erasure import Erasure
from .generated.types import UNSET, Unset

# Limits for reopening a stream, in seconds; the first if the service does not say.
FIRST_WAIT = 3.0
LONGEST_WAIT = 30.0
MOST_FAILURES = 10  # in a row


def watch(
    client: AuthenticatedClient | Client,
    erasure_id: UUID,
    *,
    timeout: float | None = None,
    x_organization_id: str | Unset = UNSET,
) -> Iterator[Erasure]:
    """Yields an erasure at once and whenever it has changed, until it is finished; the last value is its final state.

    A stream that breaks off is reopened. An erasure that awaits approval is not finished.

    Raises ProblemError for an answer that reopening would not fix, such as 404,
    and after ten failures in a row; WaitingError if the erasure is not finished
    after timeout seconds.
    """
    watching = _Watching(client, erasure_id, timeout, x_organization_id)
    while True:
        watching.open()
        try:
            with client.get_httpx_client().stream(**watching.sent()) as response:
                watching.answer.begin(response)
                for part in response.iter_bytes():
                    yield from watching.take(part)
                    if watching.over:
                        return
                    if watching.enough:
                        break
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            watching.answer.broken = error
        time.sleep(watching.pause())


async def watch_async(
    client: AuthenticatedClient | Client,
    erasure_id: UUID,
    *,
    timeout: float | None = None,
    x_organization_id: str | Unset = UNSET,
) -> AsyncIterator[Erasure]:
    """Like watch."""
    watching = _Watching(client, erasure_id, timeout, x_organization_id)
    while True:
        watching.open()
        try:
            async with client.get_async_httpx_client().stream(**watching.sent()) as response:
                watching.answer.begin(response)
                async for part in response.aiter_bytes():
                    for erasure in watching.take(part):
                        yield erasure
                    if watching.over:
                        return
                    if watching.enough:
                        break
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            watching.answer.broken = error
        await asyncio.sleep(watching.pause())


class _Watching:
    """One stream after the other, until the end of their erasure."""

    answer: Answer
    events: Events

    def __init__(
        self, client: AuthenticatedClient | Client, erasure_id: UUID, timeout: float | None, x_organization_id: str | Unset
    ) -> None:
        self._request = Request(client, watch_erasure._get_kwargs(erasure_id, x_organization_id=x_organization_id))
        self._read = client.timeout if isinstance(client, Lethe) else None
        self._id, self._last = erasure_id, None  # type: UUID, Erasure | None
        self._end = None if timeout is None else time.monotonic() + timeout
        self._wait, self._failures = FIRST_WAIT, 0
        self.over = self.enough = False

    def open(self) -> None:
        self.answer, self.events, self.enough = Answer(self._request), Events(), False

    def sent(self) -> dict[str, Any]:
        """The arguments for httpx."""
        if self._end is None:
            return self._request.sent()
        timeout, left = httpx.Timeout(self._read), max(self._left(), 0.001)
        timeout.read = left if timeout.read is None else min(timeout.read, left)
        return self._request.sent(timeout=timeout)

    def _left(self) -> float:
        return float("inf") if self._end is None else self._end - time.monotonic()

    def take(self, part: bytes) -> Iterator[Erasure]:
        """The erasures in a part of a stream; afterwards, over says whether the last one is finished."""
        if self.answer.fault:
            self.enough = not self.answer.take(part)
            return
        for event in self.events.feed(part):
            erasure, fault, over = event.erasure(self.answer.asked)
            if fault:
                raise self.answer.failure(fault)
            if erasure is not None:
                self._failures, self._last = 0, erasure
                yield erasure
            if over:
                self.over = True
                return
        if self._left() <= 0:
            raise WaitingError(self._id, self._last)

    def pause(self) -> float:
        """How many seconds to wait before the next stream; raises ProblemError and WaitingError."""
        try:
            self.answer.finish()
        except ProblemError as error:
            failure = error
        self._wait = self.events.retry or self._wait
        self._failures += 1
        passing = isinstance(failure, UnfinishedError) or failure.status in (0, 429) or failure.status >= 500
        if self._left() <= 0 and passing:
            raise WaitingError(self._id, self._last) from failure
        if not passing or self._failures >= MOST_FAILURES:
            raise failure
        wait = backoff(self._failures, self._wait, LONGEST_WAIT, min(failure.retry_after or 0, LONGEST_WAIT))
        return max(min(wait, self._left()), 0)
