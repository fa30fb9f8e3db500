"""The errors of calls."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID

from .generated.models.erasure import Erasure
from .generated.models.problem import Problem

if TYPE_CHECKING:
    from ._prove import Outcome


class ProblemError(Exception):
    """Any answer that is not a success as the contract documents it.

    A success has the documented status and media type, and the required headers
    and fields. Once a request is sent, calls raise no other error.

    status: the HTTP status, 0 if nothing answered (__cause__ says why)
    problem: the service's own problem; None if something else answered, such as a gateway in between
    detail: what is wrong according to the service, or what is wrong with the answer
    body: as much of the answer as arrived, at most 64 KiB
    retry_after: seconds to wait before trying again, None if unknown
    """

    def __init__(
        self, status: int, detail: str, *, problem: Problem | None = None, body: bytes = b"", retry_after: int | None = None
    ) -> None:
        self.status, self.detail, self.problem, self.body, self.retry_after = status, detail, problem, body, retry_after
        request = f" (request {problem.request_id})" if problem else ""
        super().__init__(f"{status} {_phrase(status)}: {detail}{request}")


class UnfinishedError(ProblemError):
    """A stream ended before its erasure did."""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "No answer" if status == 0 else "Unknown"


class ErasureError(Exception):
    """An erasure that is not both complete and proven.

    erasure: as it is; None for a single response, which is erased in one call
    outcome: what is erased and proven anyway, with its secret; None if nothing is
    """

    def __init__(self, message: str, *, erasure: Erasure | None = None, outcome: Outcome | None = None) -> None:
        self.erasure, self.outcome = erasure, outcome
        super().__init__(message)


class HeldError(ErasureError):
    """Holds cover a part, which is kept.

    holds: their identifiers, for callers who may see them
    """

    def __init__(self, message: str, holds: list[UUID], **what: Any) -> None:
        self.holds = holds
        super().__init__(message, **what)


class RefusedError(ErasureError):
    """Somebody refused the erasure, or the database refuses to delete a part of it, which is kept."""


class FailedError(ErasureError):
    """The erasure failed or was canceled, or parts are not erased for other or several reasons: see erasure.failures."""


class WaitingError(ErasureError, TimeoutError):
    """The time is over and the erasure is not finished, for example because it awaits approval.

    erasure_id, secret: for prove_erasure, which waits again; the secret is sent
        only once and opens the receipts. It is "" if it is not known here.
    """

    def __init__(self, erasure_id: UUID, erasure: Erasure | None, secret: str = "") -> None:
        self.erasure_id, self.secret = erasure_id, secret
        state = str(erasure.state) if erasure else "unknown"
        super().__init__(f"the erasure {erasure_id} is not finished yet; its state is {state}", erasure=erasure)


class UnprovenError(ErasureError):
    """Begun, but not proven: a call failed, or a receipt is missing or wrong; __cause__ says why.

    erasure_id, secret: for prove_erasure, which tries again
    """

    def __init__(self, message: str, erasure_id: UUID | None, secret: str, **what: Any) -> None:
        self.erasure_id, self.secret = erasure_id, secret
        super().__init__(message, **what)
