"""A client of Lethe, which lists, fetches and erases the responses of LLM requests.

Make a `Lethe` with the service's address and an API key. Each call, such as
`list_responses`, has `sync_detailed` and `asyncio_detailed`, which return a documented
success and raise `ProblemError` for everything else; `result` returns the parsed value
of a success. Each list has iterators, such as `all_responses` and
`all_responses_async`. `erase_and_prove` erases, waits, and checks the receipts; `watch`
follows an erasure to its end, and `fetch_receipt` waits for a receipt, which
`lethe_client.receipt` checks.
"""

from typing import TypeVar

from .generated import calls, iterators, models
from .generated.calls import *
from .generated.iterators import *
from .generated.models import *

# After those of the contract, which must not replace them.
from ._client import Lethe
from ._problem import (
    ErasureError,
    FailedError,
    HeldError,
    ProblemError,
    RefusedError,
    UnprovenError,
    WaitingError,
)
from ._prove import (
    Outcome,
    Receipt,
    erase_and_prove,
    erase_and_prove_async,
    fetch_receipt,
    fetch_receipt_async,
    prove_erasure,
    prove_erasure_async,
)
from ._retry import Retry
from ._watch import watch, watch_async
from .generated.types import UNSET, Response, Unset

__all__ = [
    "UNSET",
    "ErasureError",
    "FailedError",
    "HeldError",
    "Lethe",
    "Outcome",
    "ProblemError",
    "Receipt",
    "RefusedError",
    "Response",
    "Retry",
    "UnprovenError",
    "Unset",
    "WaitingError",
    "erase_and_prove",
    "erase_and_prove_async",
    "fetch_receipt",
    "fetch_receipt_async",
    "prove_erasure",
    "prove_erasure_async",
    "result",
    "watch",
    "watch_async",
]
__all__ += calls.__all__
__all__ += iterators.__all__
__all__ += models.__all__

T = TypeVar("T")


def result(response: Response[Problem | T]) -> T:
    """The parsed value of a success; None for an erased response, and for a receipt that is not sealed yet.

    For everything else, the call itself raises ProblemError.
    """
    return response.parsed  # type: ignore[return-value]
