"""Erases, waits, and checks the receipts."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import UUID

from ._answers import retry_after
from ._lists import require_list
from ._problem import FailedError, HeldError, ProblemError, RefusedError, UnprovenError, WaitingError
from ._watch import watch, watch_async
from .generated.api.erasures import get_erasure, list_erasure_receipts, preview_erasure, start_erasure
from .generated.api.log import get_log_keys, get_receipt
from .generated.api.responses import erase_response
from .generated.client import AuthenticatedClient, Client
from .generated.models.erasure import Erasure
from .generated.models.erasure_filter import ErasureFilter
from .generated.models.erasure_preview import ErasurePreview
from .generated.models.erasure_request import ErasureRequest
from .generated.models.new_erasure import NewErasure
from .generated.models.new_erasure_ground import NewErasureGround
from .generated.types import UNSET, Response, Unset

if TYPE_CHECKING:
    from .receipt import Proof

T = TypeVar("T")


@dataclass(frozen=True)
class Receipt:
    """A receipt: its file, and what the file proves."""

    file: bytes
    proof: Proof

    @property
    def id(self) -> UUID:
        return UUID(self.proof.receipt["id"])


@dataclass(frozen=True)
class Outcome:
    """What is erased and proven.

    responses: the number of responses; receipt.commits tells whether a receipt names one
    counts: deleted rows by kind, as the receipts state
    receipts: keep their files with the secret and the log's keys: together they
        prove the erasure to anyone, at any time
    secret: opens all receipts; sent only once
    keys: the public keys that the receipts were checked with
    erasure: the final state; None for a single response
    preview: what was counted before. If its `complete` is false, a filter matches
        more than one erasure takes: erase again.
    """

    responses: int
    counts: dict[str, int]
    receipts: list[Receipt]
    secret: str
    keys: str
    erasure: Erasure | None = None
    preview: ErasurePreview | None = None


def erase_and_prove(
    client: AuthenticatedClient | Client,
    *,
    responses: Iterable[UUID | str] | None = None,
    owner: UUID | str | None = None,
    filter: ErasureFilter | None = None,
    include_later_turns: bool = False,
    ground: NewErasureGround | Unset = UNSET,
    ticket: str | Unset = UNSET,
    keys: str | None = None,
    timeout: float = 600,
    x_organization_id: str | Unset = UNSET,
) -> Outcome:
    """Erases responses, an owner's or those of a filter, waits until all are erased, and checks every receipt.

    Give exactly one of responses (identifiers), owner (a UUID or an e-mail address)
    and filter. What a preview counts is erased at once; use preview_erasure and
    start_erasure if somebody is to look at it first. A single response without
    ground and ticket is erased in one call.

    keys: the log's public keys, one per line. Without them the service is asked,
        and then its own word is all that says that the log is the right one.
    timeout: in seconds, for all of it

    Raises HeldError, RefusedError, FailedError, WaitingError and UnprovenError, all
    of them ErasureError; ProblemError if a call fails before anything is known to
    be erased.
    """
    return _run(
        client,
        _erase_and_prove(
            _Target.of(responses, owner, filter, include_later_turns), ground, ticket, _Checking(keys, timeout, x_organization_id)
        ),
    )


async def erase_and_prove_async(
    client: AuthenticatedClient | Client,
    *,
    responses: Iterable[UUID | str] | None = None,
    owner: UUID | str | None = None,
    filter: ErasureFilter | None = None,
    include_later_turns: bool = False,
    ground: NewErasureGround | Unset = UNSET,
    ticket: str | Unset = UNSET,
    keys: str | None = None,
    timeout: float = 600,
    x_organization_id: str | Unset = UNSET,
) -> Outcome:
    """Like erase_and_prove."""
    return await _run_async(
        client,
        _erase_and_prove(
            _Target.of(responses, owner, filter, include_later_turns), ground, ticket, _Checking(keys, timeout, x_organization_id)
        ),
    )


def prove_erasure(
    client: AuthenticatedClient | Client,
    erasure_id: UUID,
    secret: str,
    *,
    keys: str | None = None,
    timeout: float = 600,
    x_organization_id: str | Unset = UNSET,
) -> Outcome:
    """Waits for a bulk erasure that was started before, and checks every receipt, like erase_and_prove.

    secret: the Receipt-Salt of its start
    """
    return _run(client, _prove_erasure(erasure_id, secret, _Checking(keys, timeout, x_organization_id)))


async def prove_erasure_async(
    client: AuthenticatedClient | Client,
    erasure_id: UUID,
    secret: str,
    *,
    keys: str | None = None,
    timeout: float = 600,
    x_organization_id: str | Unset = UNSET,
) -> Outcome:
    """Like prove_erasure."""
    return await _run_async(client, _prove_erasure(erasure_id, secret, _Checking(keys, timeout, x_organization_id)))


def fetch_receipt(client: AuthenticatedClient | Client, erasure_id: UUID, *, timeout: float = 30) -> bytes:
    """Waits until a receipt is sealed, about two seconds after its erasure, and returns its file.

    Raises TimeoutError after timeout seconds, and ProblemError.
    """
    return _run(client, _fetch(erasure_id, _Checking(None, timeout, UNSET)))


async def fetch_receipt_async(client: AuthenticatedClient | Client, erasure_id: UUID, *, timeout: float = 30) -> bytes:
    """Like fetch_receipt."""
    return await _run_async(client, _fetch(erasure_id, _Checking(None, timeout, UNSET)))


# What follows is written once for both kinds of calls: each generator yields what is to
# be done, and gets its result.


class _Module(Protocol):
    @property
    def sync_detailed(self) -> Callable[..., Response[Any]]: ...

    @property
    def asyncio_detailed(self) -> Callable[..., Any]: ...


class _Step(Protocol):
    def sync(self, client: AuthenticatedClient | Client) -> Any: ...

    async def asynchronous(self, client: AuthenticatedClient | Client) -> Any: ...


class _Call:
    def __init__(self, module: _Module, *arguments: Any, **named: Any) -> None:
        self._module, self._arguments, self._named = module, arguments, named

    def sync(self, client: AuthenticatedClient | Client) -> Any:
        return self._module.sync_detailed(*self._arguments, client=client, **self._named)

    async def asynchronous(self, client: AuthenticatedClient | Client) -> Any:
        return await self._module.asyncio_detailed(*self._arguments, client=client, **self._named)


class _Sleep:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def sync(self, client: AuthenticatedClient | Client) -> None:
        time.sleep(self._seconds)

    async def asynchronous(self, client: AuthenticatedClient | Client) -> None:
        await asyncio.sleep(self._seconds)


class _Watch:
    """The final state of an erasure."""

    def __init__(self, erasure_id: UUID, checking: _Checking) -> None:
        self._id, self._named = erasure_id, {"timeout": max(checking.left(), 0), "x_organization_id": checking.x_organization_id}

    def sync(self, client: AuthenticatedClient | Client) -> Erasure:
        *_, last = watch(client, self._id, **self._named)  # type: ignore[arg-type]
        return last

    async def asynchronous(self, client: AuthenticatedClient | Client) -> Erasure:
        async for last in watch_async(client, self._id, **self._named):  # type: ignore[arg-type]
            pass
        return last


_Steps = Generator[_Step, Any, T]


def _run(client: AuthenticatedClient | Client, steps: _Steps[T]) -> T:
    resume: Callable[[], _Step] = steps.__next__
    while True:
        try:
            step = resume()
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        try:
            value = step.sync(client)
            resume = lambda value=value: steps.send(value)  # type: ignore[misc]
        except Exception as error:
            resume = lambda error=error: steps.throw(error)  # type: ignore[misc]


async def _run_async(client: AuthenticatedClient | Client, steps: _Steps[T]) -> T:
    resume: Callable[[], _Step] = steps.__next__
    while True:
        try:
            step = resume()
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        try:
            value = await step.asynchronous(client)
            resume = lambda value=value: steps.send(value)  # type: ignore[misc]
        except Exception as error:
            resume = lambda error=error: steps.throw(error)  # type: ignore[misc]


class _Checking:
    """What receipts are checked with, for how long, and for whom."""

    def __init__(self, keys: str | None, timeout: float, x_organization_id: str | Unset) -> None:
        self.keys, self.x_organization_id = keys, x_organization_id
        self._end = time.monotonic() + timeout

    def left(self) -> float:
        return self._end - time.monotonic()

    def call(self, module: _Module, *arguments: Any, **named: Any) -> _Call:
        return _Call(module, *arguments, x_organization_id=self.x_organization_id, **named)


@dataclass
class _Target:
    """What to erase."""

    responses: list[UUID] | Unset
    owner: str | Unset
    filter_: ErasureFilter | Unset
    include_later_turns: bool

    @staticmethod
    def of(
        responses: Iterable[UUID | str] | None, owner: UUID | str | None, filter: ErasureFilter | None, include_later_turns: bool
    ) -> _Target:
        if sum(given is not None for given in (responses, owner, filter)) != 1:
            raise TypeError("give exactly one of responses, owner and filter")
        if responses is not None:
            require_list("responses", responses)
        return _Target(
            UNSET if responses is None else [UUID(str(id)) for id in responses],
            UNSET if owner is None else str(owner),
            UNSET if filter is None else filter,
            include_later_turns,
        )

    def request(self) -> dict[str, Any]:
        return {
            "responses": self.responses,
            "owner": self.owner,
            "filter_": self.filter_,
            "include_later_turns": self.include_later_turns or UNSET,
        }


# What a preview counted may have changed before the erasure starts; then preview again.
MOST_PREVIEWS = 3

# States of an erasure that has ended.
_ENDED = ("finished", "canceled", "failed", "refused")


def _erase_and_prove(
    target: _Target, ground: NewErasureGround | Unset, ticket: str | Unset, checking: _Checking
) -> _Steps[Outcome]:
    keys = yield from _keys(checking)
    if not isinstance(target.responses, Unset) and len(target.responses) == 1 and isinstance(ground, Unset) and isinstance(ticket, Unset):
        return (yield from _erase_one(target.responses[0], target.include_later_turns, keys, checking))
    for n in range(1, MOST_PREVIEWS + 1):
        preview: ErasurePreview = (yield checking.call(preview_erasure, body=ErasureRequest(**target.request()))).parsed
        new = NewErasure(**target.request(), token=preview.token, ground=ground, ticket=ticket)
        try:
            started = yield checking.call(start_erasure, body=new)
            break
        except ProblemError as error:
            if error.status != 409 or n == MOST_PREVIEWS:
                raise
    return (yield from _prove(started.parsed, started.headers.get("Receipt-Salt", ""), keys, checking, preview))


def _prove_erasure(erasure_id: UUID, secret: str, checking: _Checking) -> _Steps[Outcome]:
    keys = yield from _keys(checking)
    erasure: Erasure = (yield checking.call(get_erasure, erasure_id)).parsed
    return (yield from _prove(erasure, secret, keys, checking, None))


def _keys(checking: _Checking) -> _Steps[str]:
    """The keys, which are read before anything is erased."""
    from .receipt import parse_keys

    keys = checking.keys
    if keys is None:
        keys = (yield checking.call(get_log_keys)).parsed
    parse_keys(keys)
    return keys


def _erase_one(id: UUID, include_later_turns: bool, keys: str, checking: _Checking) -> _Steps[Outcome]:
    try:
        erased = yield checking.call(erase_response, id, include_later_turns=include_later_turns or UNSET)
    except ProblemError as error:
        if error.status != 409:
            raise
        if " is held " not in error.detail:
            raise RefusedError(error.detail) from error
        raise HeldError(error.detail, [UUID(hold) for hold in _UUID.findall(error.detail.partition("expire: ")[2])]) from error
    secret = erased.headers["Receipt-Salt"]
    first = UUID(erased.headers["Location"].split("/")[-2])  # …/erasures/{id}/receipt
    found = yield from _receipts([first], secret, keys, checking, _Unproven(first, secret))
    return _outcome(1, found, secret, keys, _Unproven(first, secret), responses=[id])


_UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _prove(
    erasure: Erasure, secret: str, keys: str, checking: _Checking, preview: ErasurePreview | None
) -> _Steps[Outcome]:
    if erasure.state not in _ENDED:
        try:
            erasure = yield _Watch(erasure.id, checking)
        except WaitingError as error:
            raise WaitingError(erasure.id, error.erasure or erasure, secret) from error
        except ProblemError as error:
            raise _Unproven(erasure.id, secret, erasure).error(str(error)) from error
    unproven = _Unproven(erasure.id, secret, erasure)
    ids: list[UUID] = []
    after: str | Unset = UNSET
    while True:
        try:
            page = (yield checking.call(list_erasure_receipts, erasure.id, limit=100, after=after)).parsed
        except ProblemError as error:
            raise unproven.error(str(error)) from error
        ids += [receipt.id for receipt in page.data]
        if page.next_cursor is None:
            break
        after = page.next_cursor
    if len(ids) < erasure.receipts:
        raise unproven.error(f"the erasure has {erasure.receipts} receipts, and {len(ids)} were found")
    found = yield from _receipts(ids, secret, keys, checking, unproven)
    asked = erasure.target.responses if erasure.target else []
    owner = str(erasure.target.owner) if erasure.target and erasure.target.owner else None
    # A failure names one part of a chain, and more parts of it may have been asked for.
    whole = erasure.state == "finished" and not erasure.held + erasure.refused + erasure.not_found
    outcome = _outcome(
        erasure.responses,
        found,
        secret,
        keys,
        unproven,
        responses=asked if whole else [],
        owner=owner,
        erasure=erasure,
        preview=preview,
    )
    _raise_for(erasure, outcome)
    return outcome


def _raise_for(erasure: Erasure, outcome: Outcome) -> None:
    """Raises the error for what is not erased, if anything is not."""
    what: dict[str, Any] = {"erasure": erasure, "outcome": outcome}
    why = erasure.last_error or "; ".join(dict.fromkeys(failure.message for failure in erasure.failures))
    kept = f"{erasure.held} held, {erasure.refused} refused, {erasure.not_found} not found"
    if erasure.state == "refused":
        raise RefusedError(f"the erasure {erasure.id} was refused: {why}", **what)
    if erasure.state != "finished":
        raise FailedError(f"the erasure {erasure.id} is {erasure.state}: {why}", **what)
    other = erasure.not_found or any(failure.reason not in ("held", "refused") for failure in erasure.failures)
    if other or erasure.held and erasure.refused:
        raise FailedError(f"the erasure {erasure.id} left responses: {kept}: {why}", **what)
    if erasure.refused:
        raise RefusedError(f"the erasure {erasure.id} left responses: {kept}: {why}", **what)
    if erasure.held:
        holds = list(dict.fromkeys(hold for failure in erasure.failures for hold in failure.holds))
        raise HeldError(f"the erasure {erasure.id} left responses: {kept}: {why}", holds, **what)


class _Unproven:
    """An erasure whose proof may fail."""

    def __init__(self, erasure_id: UUID, secret: str, erasure: Erasure | None = None) -> None:
        self._id, self._secret, self._erasure = erasure_id, secret, erasure

    def error(self, why: str) -> UnprovenError:
        return UnprovenError(f"the erasure {self._id} is not proven: {why}", self._id, self._secret, erasure=self._erasure)


def _receipts(
    ids: Iterable[UUID], secret: str, keys: str, checking: _Checking, unproven: _Unproven
) -> _Steps[list[Receipt]]:
    """The receipts and the other parts that they name, each checked by itself."""
    from .receipt import VerifyError, verify

    found: dict[UUID, Receipt] = {}
    waiting = list(ids)
    while waiting:
        id = waiting.pop(0)
        if id in found:
            continue
        try:
            file = yield from _fetch(id, checking)
            found[id] = Receipt(file, verify(file, keys))
        except (ProblemError, TimeoutError, VerifyError) as error:
            raise unproven.error(f"the receipt {id}: {error}") from error
        waiting += [UUID(part) for part in found[id].proof.receipt.get("parts", [])]
    return list(found.values())


def _fetch(id: UUID, checking: _Checking) -> _Steps[bytes]:
    """The file of a receipt, once it is sealed."""
    while True:
        response = yield checking.call(get_receipt, id)
        if response.status_code == 200:
            return bytes(response.content)
        seconds = retry_after(response.headers)
        wait = 1 if seconds is None else min(seconds, 30)
        if wait > checking.left():
            raise TimeoutError("the receipt is not sealed yet")
        yield _Sleep(wait)


def _outcome(
    number: int,
    receipts: list[Receipt],
    secret: str,
    keys: str,
    unproven: _Unproven,
    *,
    responses: Iterable[UUID],
    owner: str | None = None,
    erasure: Erasure | None = None,
    preview: ErasurePreview | None = None,
) -> Outcome:
    """The outcome, if the receipts name these responses and this owner."""
    from .receipt import VerifyError, commits

    counts: Counter[str] = Counter()
    for receipt in receipts:
        counts.update(receipt.proof.receipt["counts"])
    try:
        for id in responses:
            if not any(commits(receipt.proof.receipt, secret, response=id) for receipt in receipts):
                raise unproven.error(f"no receipt names the response {id}")
        if owner is not None and not any(commits(receipt.proof.receipt, secret, owner=owner) for receipt in receipts):
            raise unproven.error(f"no receipt names the owner {owner}")
    except VerifyError as error:
        raise unproven.error(str(error)) from error
    return Outcome(number, dict(counts), receipts, secret, keys, erasure, preview)
