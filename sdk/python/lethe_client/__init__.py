"""A client of Lethe, which lists, fetches and erases the responses of LLM requests.

Make an `AuthenticatedClient` with the service's `base_url` and an API key as
`token`. Each of `list_responses`, `get_response` and `erase_response` has
`sync_detailed` and `asyncio_detailed`, which return a documented success and raise
`ProblemError` for everything else; `result` returns the parsed value of a success.
`all_responses` iterates over a whole list, `watch` follows an erasure to its end,
and `fetch_receipt` waits for a receipt, which `lethe_client.receipt` checks.
"""

import time
from collections.abc import Iterator
from typing import Any, TypeVar
from uuid import UUID

import httpx

from ._answers import Answer, Events, ProblemError, UnfinishedError, retry_after
from .generated import AuthenticatedClient, Client
from .generated.api.erasures import (
    cancel_erasure,
    get_erasure,
    list_erasure_receipts,
    list_erasures,
    preview_erasure,
    start_erasure,
    watch_erasure,
)
from .generated.api.log import get_checkpoint, get_log_keys, get_receipt, get_tile
from .generated.api.access_log import list_access_log
from .generated.api.responses import erase_response, get_response, list_responses, list_steps
from .generated.models import (
    Erasure,
    ErasureFilter,
    ErasureRequest,
    ListResponsesCount,
    Access,
    AccessPage,
    NewErasure,
    NewErasureGround,
    Problem,
    ResponseDetail,
    ResponsePage,
    ResponseSummary,
    Step,
    StepPage,
)
from .generated.types import UNSET, Response, Unset

__all__ = [
    "UNSET",
    "AuthenticatedClient",
    "Client",
    "Erasure",
    "ErasureFilter",
    "ErasureRequest",
    "ListResponsesCount",
    "Access",
    "AccessPage",
    "NewErasure",
    "NewErasureGround",
    "Problem",
    "ProblemError",
    "Response",
    "ResponseDetail",
    "ResponsePage",
    "ResponseSummary",
    "Step",
    "StepPage",
    "all_responses",
    "cancel_erasure",
    "erase_response",
    "fetch_receipt",
    "get_checkpoint",
    "get_erasure",
    "get_log_keys",
    "get_receipt",
    "get_response",
    "get_tile",
    "list_erasure_receipts",
    "list_erasures",
    "list_access_log",
    "list_responses",
    "list_steps",
    "preview_erasure",
    "result",
    "start_erasure",
    "watch",
    "watch_erasure",
]

T = TypeVar("T")


def result(response: Response[Problem | T]) -> T:
    """The parsed value of a success; None for an erased response, and for a receipt that is not sealed yet.

    For everything else, the call itself raises ProblemError.
    """
    return response.parsed  # type: ignore[return-value]


def all_responses(
    client: AuthenticatedClient | Client, *, limit: int = 100, **filters: Any
) -> Iterator[ResponseSummary]:
    """Every response that matches, page by page.

    limit is the page size; filters are those of list_responses, except skip and
    count. The order is newest first. No response is repeated or left out, even if
    responses are created, changed or erased meanwhile. With active_first this does
    not hold for responses whose state changes meanwhile.

    Raises ProblemError.
    """
    filters = {"active_first": False} | filters | {"limit": limit, "count": ListResponsesCount.NONE}
    while True:
        page = result(list_responses.sync_detailed(client=client, **filters))
        yield from page.data
        if page.next_cursor is None:
            return
        filters["after"] = page.next_cursor


def fetch_receipt(client: AuthenticatedClient | Client, erasure_id: UUID, *, timeout: float = 30) -> bytes:
    """Waits until a receipt is sealed, about two seconds after its erasure, and returns its file.

    Raises TimeoutError after timeout seconds, and ProblemError.
    """
    end = time.monotonic() + timeout
    while True:
        response = get_receipt.sync_detailed(erasure_id, client=client)
        if response.status_code == 200:
            return response.content
        seconds = retry_after(response.headers)
        wait = 1 if seconds is None else min(seconds, LONGEST_WAIT)
        if time.monotonic() + wait > end:
            raise TimeoutError("the receipt is not sealed yet")
        time.sleep(wait)


# Limits for reopening a stream, in seconds; the first if the service does not say.
FIRST_WAIT = 3.0
LONGEST_WAIT = 30.0
MOST_FAILURES = 10  # in a row


def watch(
    client: AuthenticatedClient | Client, erasure_id: UUID, *, x_organization_id: str | Unset = UNSET
) -> Iterator[Erasure]:
    """Yields an erasure at once and whenever it has changed, until it is finished; the last value is its final state.

    A stream that breaks off is reopened.

    Raises ProblemError for an answer that reopening would not fix, such as 404,
    and after ten failures in a row.
    """
    request = watch_erasure._get_kwargs(erasure_id, x_organization_id=x_organization_id)
    wait, failures = FIRST_WAIT, 0
    while True:
        answer, events, failure = Answer(request), Events(), None
        try:
            with client.get_httpx_client().stream(**request, follow_redirects=False) as response:
                answer.begin(response)
                for part in response.iter_bytes():
                    if answer.fault:
                        if not answer.take(part):
                            break
                        continue
                    for event in events.feed(part):
                        erasure, fault, over = event.erasure(answer.asked)
                        if fault:
                            raise answer.failure(fault)
                        if erasure is not None:
                            failures = 0
                            yield erasure
                        if over:
                            return
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            answer.broken = error
        try:
            answer.finish()
        except ProblemError as error:
            failure = error
        assert failure is not None  # no body is kept, so finish always fails
        wait = events.retry or wait
        failures += 1
        passing = isinstance(failure, UnfinishedError) or failure.status == 0 or failure.status >= 500
        if not passing or failures >= MOST_FAILURES:
            raise failure
        time.sleep(min(max(wait * 2 ** (failures - 1), failure.retry_after or 0), LONGEST_WAIT))
