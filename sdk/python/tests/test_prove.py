"""Erasing, waiting and checking in one call."""

import asyncio
import base64
import datetime
import json
import os
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from lethe_client import (
    ErasureError,
    ErasureFilter,
    FailedError,
    HeldError,
    Lethe,
    NewErasureGround,
    NewHold,
    ProblemError,
    RefusedError,
    Retry,
    UnprovenError,
    WaitingError,
    all_erasures,
    all_erasures_async,
    all_holds,
    all_responses,
    all_responses_async,
    all_retention_rules,
    all_steps,
    erase_and_prove,
    erase_and_prove_async,
    fetch_receipt_async,
    place_hold,
    prove_erasure,
    prove_erasure_async,
    release_hold,
    result,
    watch,
    watch_async,
)
from lethe_client.receipt import VerifyError, commits

GLOBEX = "owner@globex.test"


def setting(name: str) -> str:
    value = os.environ.get(name)
    assert value, f"{name} is not set: run sdk/test.sh python"
    return value


@pytest.fixture
def user():
    with Lethe(setting("LETHE_TEST_URL"), setting("LETHE_TEST_USER_KEY")) as client:
        yield client


@pytest.fixture
def admin():
    with Lethe(setting("LETHE_TEST_URL"), setting("LETHE_TEST_ADMIN_KEY")) as client:
        yield client


def some(client, n, **filters):
    return [summary.id for summary in all_responses(client, status="completed", **filters)][:n]


def test_one_response(user):
    [id] = some(user, 1)
    outcome = erase_and_prove(user, responses=[str(id)])
    assert outcome.responses == 1 and outcome.erasure is None and outcome.counts["requests"] >= 1
    [receipt] = outcome.receipts
    assert receipt.id == UUID(receipt.proof.receipt["id"]) and receipt.proof.receipt["trigger"] == "single"
    assert commits(receipt.proof.receipt, outcome.secret, response=id)
    assert not commits(receipt.proof.receipt, outcome.secret, response=uuid4())
    with pytest.raises(ProblemError) as raised:
        erase_and_prove(user, responses=[id])
    assert raised.value.status == 404


def test_several_responses(user):
    ids = some(user, 2)
    outcome = erase_and_prove(user, responses=ids, ground=NewErasureGround.REQUEST, ticket="PRIV-1", keys=setting("LETHE_TEST_LOG_KEY"))
    assert outcome.responses == outcome.preview.responses == 2 and outcome.erasure.ticket == "PRIV-1"
    for id in ids:
        assert any(commits(receipt.proof.receipt, outcome.secret, response=id) for receipt in outcome.receipts)
    again = prove_erasure(user, outcome.erasure.id, outcome.secret)
    assert [receipt.id for receipt in again.receipts] == [receipt.id for receipt in outcome.receipts]
    with pytest.raises(UnprovenError, match="no receipt names the response") as raised:
        prove_erasure(user, outcome.erasure.id, "0" * 64)
    assert raised.value.secret == "0" * 64 and raised.value.erasure_id == outcome.erasure.id
    with pytest.raises(UnprovenError, match="base64"):
        prove_erasure(user, outcome.erasure.id, "no salt")


def test_an_owner_by_address(admin):
    theirs = [summary.id for summary in all_responses(admin, created_by_email=GLOBEX)]
    assert theirs
    outcome = erase_and_prove(admin, owner=GLOBEX)
    assert outcome.responses >= len(theirs)
    for id in theirs:
        assert any(commits(receipt.proof.receipt, outcome.secret, response=id) for receipt in outcome.receipts)
    owner = str(outcome.erasure.target.owner)
    assert any(commits(receipt.proof.receipt, outcome.secret, owner=owner) for receipt in outcome.receipts)
    assert list(all_responses(admin, created_by_email=GLOBEX)) == []
    # Nothing is left, which is proven too; the owner may be given as an identifier.
    nothing = erase_and_prove(admin, owner=UUID(owner))
    assert nothing.responses == 0 and len(nothing.receipts) == 1


def test_a_filter(user):
    before = datetime.datetime.now(datetime.UTC)
    failed = [summary.id for summary in all_responses(user, status="failed", created_before=before)]
    outcome = erase_and_prove(user, filter=ErasureFilter(states=["failed"], created_before=before))
    assert 0 < outcome.responses <= len(failed) and outcome.preview.complete
    assert outcome.counts["requests"] >= outcome.responses


def test_asynchronous(user):
    async def erase():
        async with Lethe(setting("LETHE_TEST_URL"), setting("LETHE_TEST_USER_KEY")) as client:
            ids = [summary.id async for summary in all_responses_async(client, status="completed", limit=5)][:3]
            one = await erase_and_prove_async(client, responses=ids[:1])
            two = await erase_and_prove_async(client, responses=ids[1:])
            again = await prove_erasure_async(client, two.erasure.id, two.secret)
            states = [erasure.state async for erasure in watch_async(client, two.erasure.id)]
            file = await fetch_receipt_async(client, one.receipts[0].id)
            listed = [erasure.id async for erasure in all_erasures_async(client, limit=1)]
            return one, two, again, states, file, listed

    one, two, again, states, file, listed = asyncio.run(erase())
    assert (one.responses, two.responses, again.responses) == (1, 2, 2)
    assert one.receipts[0].proof.receipt["id"] in base64.b64decode(file.split(b"\n")[1][6:]).decode()
    assert states and set(states) == {"finished"}
    assert listed[0] == two.erasure.id and len(listed) == len(set(listed)) > 1
    assert listed == [erasure.id for erasure in all_erasures(user)]


@pytest.fixture
def held(user, admin):
    """Two responses, the first of which is held, and the hold."""
    ids = some(user, 2)
    hold = result(place_hold.sync_detailed(client=admin, body=NewHold(reason="a lawsuit", responses=ids[:1])))
    yield ids, hold
    release_hold.sync_detailed(hold.id, client=admin)


def test_held(user, admin, held):
    ids, hold = held
    with pytest.raises(HeldError, match="is held") as raised:
        erase_and_prove(admin, responses=ids[:1])
    assert hold.id in raised.value.holds and raised.value.outcome is None
    with pytest.raises(HeldError) as raised:
        erase_and_prove(admin, responses=ids)
    error = raised.value
    assert hold.id in error.holds and error.erasure.held == 1
    # The rest is erased and proven.
    assert error.outcome.responses == 1 and len(error.outcome.receipts) == 1
    assert commits(error.outcome.receipts[0].proof.receipt, error.outcome.secret, response=ids[1])
    with pytest.raises(HeldError) as raised:
        erase_and_prove(user, responses=ids[:1])
    assert raised.value.holds == []
    assert hold.id in [other.id for other in all_holds(admin, limit=1)]


def test_not_found(user):
    [id] = some(user, 1)
    with pytest.raises(FailedError, match="1 not found") as raised:
        erase_and_prove(user, responses=[id, uuid4()])
    assert raised.value.outcome.responses == 1 and raised.value.erasure.not_found == 1


def test_keys_are_needed_before_anything_is_erased(user):
    [id] = some(user, 1)
    for keys in "", "no key":
        with pytest.raises(VerifyError):
            erase_and_prove(user, responses=[id], keys=keys)
    other = "example.com/other+00000000+AAAA"
    with pytest.raises(VerifyError):
        erase_and_prove(user, responses=[id], keys=other)
    assert id in [summary.id for summary in all_responses(user)]


def test_other_iterators(admin, user):
    assert isinstance(list(all_retention_rules(admin)), list)
    [id] = some(user, 1)
    assert [step.id for step in all_steps(user, id, limit=1)]


def test_exactly_one_target(user):
    for target in {}, {"responses": [], "owner": "x"}, {"owner": "x", "filter": ErasureFilter(all_=True)}:
        with pytest.raises(TypeError, match="exactly one"):
            erase_and_prove(user, **target)
    with pytest.raises(TypeError, match="must be a list"):
        erase_and_prove(user, responses=str(uuid4()))


# What the service does not do at will, or not yet.

ERASURE = UUID("3f2b8c1e-6d0a-4b7e-9c55-0a1d2e3f4a5b")
ID = UUID("c0000400-0000-4000-8000-00000000005a")
KEY = json.loads((Path(__file__).parents[3] / "docs" / "vectors" / "vectors.json").read_text())["keys"]["log"]
AT = "2026-03-01T12:00:00Z"
NUMBERS = ("requests", "steps", "templates", "raw_requests", "raw_responses", "tasks", "files", "retained", "kept_templates")


def erasure(**changed):
    return {
        "id": str(ERASURE),
        "state": "finished",
        "trigger": "bulk",
        "rule": None,
        "kind": "owner",
        "target": None,
        "ground": "request",
        "ticket": None,
        "subject_request": None,
        "approval": None,
        "requested_at": AT,
        "requested_by": None,
        "started_at": None,
        "finished_at": None,
        "verify_at": None,
        "verified_at": None,
        "as_of": AT,
        "expected": None,
        "responses": 0,
        "counts": dict.fromkeys(NUMBERS, 0),
        "held": 0,
        "not_found": 0,
        "refused": 0,
        "receipts": 0,
        "failures": [],
        "last_error": None,
    } | changed


PREVIEW = dict.fromkeys(NUMBERS, 0) | {
    "token": "T",
    "expires_at": AT,
    "as_of": AT,
    "complete": True,
    "responses": 0,
    "held": 0,
    "not_found": 0,
    "later_turns": None,
    "later_turns_complete": True,
    "later_turns_searched": None,
}
CONFLICT = {"type": "about:blank", "title": "Conflict", "status": 409, "detail": "have changed since the preview", "request_id": "1"}


def pretend(told, *, conflicts=0, events="", gone=""):
    """A client of a service that starts this erasure, and its requests."""
    requests, left = [], [conflicts]

    def answer(request):
        requests.append(f"{request.method} {request.url.path}")
        if gone and request.url.path.endswith(gone):
            return httpx.Response(404)
        if request.url.path.endswith("/preview"):
            return httpx.Response(200, json=PREVIEW)
        if request.method == "POST":
            if left[0] > 0:
                left[0] -= 1
                return httpx.Response(409, json=CONFLICT, headers={"Content-Type": "application/problem+json"})
            return httpx.Response(202, json=told, headers={"Receipt-Salt": "0" * 64})
        if request.url.path.endswith("/events"):
            return httpx.Response(200, text=events, headers={"Content-Type": "text/event-stream"})
        if request.url.path.endswith("/receipts"):
            return httpx.Response(200, json={"data": [], "limit": 100, "has_more": False, "next_cursor": None})
        return httpx.Response(404)

    client = Lethe("http://lethe.test", "key", retry=Retry(attempts=1), httpx_args={"transport": httpx.MockTransport(answer)})
    return client, requests


def event(name, **changed):
    return f"event: {name}\nretry: 1\ndata: {json.dumps(erasure(**changed))}\n\n"


def test_awaits_approval():
    client, requests = pretend(erasure(state="awaiting_approval"), events=event("progress", state="awaiting_approval"))
    with pytest.raises(WaitingError, match="awaiting_approval") as raised:
        erase_and_prove(client, owner="x", keys=KEY, timeout=0.2)
    error = raised.value
    assert isinstance(error, TimeoutError) and isinstance(error, ErasureError)
    assert (error.erasure_id, error.secret, error.erasure.state) == (ERASURE, "0" * 64, "awaiting_approval")
    assert requests.count("POST /lethe/api/v1/erasures") == 1
    assert requests.count(f"GET /lethe/api/v1/erasures/{ERASURE}/events") > 1
    with pytest.raises(WaitingError):
        list(watch(client, ERASURE, timeout=0.05))


def test_is_approved():
    client, _ = pretend(
        erasure(state="awaiting_approval"),
        events=event("progress", state="awaiting_approval") + event("progress", state="running") + event("end"),
    )
    assert erase_and_prove(client, owner="x", keys=KEY).erasure.state == "finished"


FAILURE = {"response": str(ID), "message": "why it is kept", "holds": []}


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"state": "refused", "last_error": "why it is kept"}, RefusedError),
        ({"state": "failed", "last_error": "why it is kept"}, FailedError),
        ({"state": "canceled", "last_error": "why it is kept"}, FailedError),
        ({"refused": 1, "failures": [FAILURE | {"reason": "refused"}]}, RefusedError),
        ({"held": 1, "failures": [FAILURE | {"reason": "held", "holds": [str(ID)]}]}, HeldError),
        ({"held": 1, "refused": 1, "failures": [FAILURE | {"reason": "held"}]}, FailedError),
        ({"not_found": 1, "failures": [FAILURE | {"reason": "not_found"}]}, FailedError),
        ({"failures": [FAILURE | {"reason": "unlucky"}]}, FailedError),
    ],
)
def test_what_is_not_erased(told, kind):
    client, _ = pretend(erasure(state="running"), events=event("end", **told))
    with pytest.raises(kind, match="why it is kept") as raised:
        erase_and_prove(client, owner="x", keys=KEY)
    assert type(raised.value) is kind
    assert raised.value.erasure.id == ERASURE and raised.value.outcome.secret == "0" * 64
    if kind is HeldError:
        assert raised.value.holds == [ID]


def test_missing_receipts():
    client, _ = pretend(erasure(receipts=1))
    with pytest.raises(UnprovenError, match="has 1 receipts, and 0 were found"):
        erase_and_prove(client, owner="x", keys=KEY)


@pytest.mark.parametrize("gone", ["/events", "/receipts"])
def test_calls_that_fail_after_the_start(gone):
    client, _ = pretend(erasure(state="running"), events=event("end"), gone=gone)
    with pytest.raises(UnprovenError, match="404") as raised:
        erase_and_prove(client, owner="x", keys=KEY)
    assert (raised.value.erasure_id, raised.value.secret) == (ERASURE, "0" * 64)
    assert isinstance(raised.value.__cause__, ProblemError)


def test_previews_again_if_something_has_changed():
    client, requests = pretend(erasure(), conflicts=2)
    erase_and_prove(client, owner="x", keys=KEY)
    assert requests.count("POST /lethe/api/v1/erasures/preview") == requests.count("POST /lethe/api/v1/erasures") == 3
    client, requests = pretend(erasure(), conflicts=3)
    with pytest.raises(ProblemError) as raised:
        erase_and_prove(client, owner="x", keys=KEY)
    assert raised.value.status == 409 and len(requests) == 6
