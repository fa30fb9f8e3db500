"""A client of Lethe, which lists, fetches and erases the responses of LLM requests.

Make an `AuthenticatedClient` with the service's `base_url` and an API key as
`token`. Each of `list_responses`, `get_response` and `erase_response` has
`sync_detailed` and `asyncio_detailed`; `result` takes the result out of what
they return, or raises. `all_responses` goes through the pages of a list, and
`fetch_receipt` waits for a receipt; `lethe_client.receipt` checks it.
"""

import time
from collections.abc import Iterator
from typing import Any, TypeVar
from uuid import UUID

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
from .generated.api.looks import list_looks
from .generated.api.responses import erase_response, get_response, list_responses
from .generated.models import (
    Erasure,
    ErasureFilter,
    ErasureRequest,
    ListResponsesCount,
    Look,
    LookPage,
    NewErasure,
    NewErasureGround,
    Problem,
    ResponseDetail,
    ResponsePage,
    ResponseSummary,
)
from .generated.types import UNSET, Response

__all__ = [
    "UNSET",
    "AuthenticatedClient",
    "Client",
    "Erasure",
    "ErasureFilter",
    "ErasureRequest",
    "ListResponsesCount",
    "Look",
    "LookPage",
    "NewErasure",
    "NewErasureGround",
    "Problem",
    "ProblemError",
    "Response",
    "ResponseDetail",
    "ResponsePage",
    "ResponseSummary",
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
    "list_looks",
    "list_responses",
    "preview_erasure",
    "result",
    "start_erasure",
    "watch_erasure",
]

T = TypeVar("T")


class ProblemError(Exception):
    """An answer of the service other than the one asked for.

    status: the HTTP status
    problem: what the service says; None where the contract does not know the status
    retry_after: seconds to wait before trying again, None if not told
    """

    def __init__(self, response: Response[Any]) -> None:
        self.status = int(response.status_code)
        self.problem = response.parsed if isinstance(response.parsed, Problem) else None
        seconds = response.headers.get("Retry-After", "")
        self.retry_after = int(seconds) if seconds.isdecimal() else None
        detail = f": {self.problem.detail} (request {self.problem.request_id})" if self.problem else ""
        super().__init__(f"{self.status} {response.status_code.phrase}{detail}")


def result(response: Response[Problem | T]) -> T:
    """What was asked for, None for an erasure and for a receipt that is yet to be sealed; raises ProblemError for any other answer."""
    if isinstance(response.parsed, Problem) or not 200 <= response.status_code < 300:
        raise ProblemError(response)
    return response.parsed  # type: ignore[return-value]


def all_responses(
    client: AuthenticatedClient | Client, *, limit: int = 100, **filters: Any
) -> Iterator[ResponseSummary]:
    """Every response that matches, page by page.

    limit is the size of a page; filters are those of list_responses, but for
    skip and count. The order is newest first: responses may come in, change or
    be erased meanwhile, and none is told twice or left out. That goes for
    active_first, too, but for those that change their state meanwhile.

    Raises ProblemError, and what httpx raises.
    """
    filters = {"active_first": False} | filters | {"limit": limit, "count": ListResponsesCount.NONE}
    while True:
        page = result(list_responses.sync_detailed(client=client, **filters))
        yield from page.data
        if page.next_cursor is None:
            return
        filters["after"] = page.next_cursor


def fetch_receipt(client: AuthenticatedClient | Client, erasure_id: UUID, *, timeout: float = 30) -> bytes:
    """The file of a receipt, as soon as it is sealed: some two seconds after its erasure.

    Raises TimeoutError after so many seconds, ProblemError, and what httpx raises.
    """
    end = time.monotonic() + timeout
    while True:
        response = get_receipt.sync_detailed(erasure_id, client=client)
        result(response)
        if response.status_code == 200:
            return response.content
        seconds = response.headers.get("Retry-After", "")
        wait = int(seconds) if seconds.isdecimal() else 1
        if time.monotonic() + wait > end:
            raise TimeoutError("the receipt is yet to be sealed")
        time.sleep(wait)
