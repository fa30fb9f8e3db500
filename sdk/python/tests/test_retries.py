"""A call is sent again if that can help and cannot do anything twice."""

import asyncio
import datetime
import json
from uuid import UUID, uuid4

import httpx
import pytest

from lethe_client import (
    ErasureFilter,
    ErasureRequest,
    Lethe,
    NewErasure,
    NewHold,
    Problem,
    ProblemError,
    Retry,
    all_access_log,
    all_responses,
    cancel_erasure,
    erase_response,
    get_erasure,
    get_response,
    place_hold,
    preview_erasure,
    release_hold,
    start_erasure,
)

ID = UUID("c0000400-0000-4000-8000-00000000005a")
SALT = {"Location": f"/lethe/api/v1/erasures/{ID}/receipt", "Receipt-Salt": "0" * 64}
PROBLEM = {"type": "about:blank", "title": "", "detail": "later", "request_id": "1"}


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """What is waited, without waiting."""
    waited = []

    async def wait(seconds):
        waited.append(seconds)

    monkeypatch.setattr("lethe_client._answers.time.sleep", waited.append)
    monkeypatch.setattr("lethe_client._answers.asyncio.sleep", wait)
    return waited


def service(*answers, **options):
    """A client of a service that answers so, one after the other, and its requests."""
    requests, waiting = [], list(answers)

    def answer(request):
        requests.append(request)
        told = waiting.pop(0)
        if isinstance(told, Exception):
            raise told
        return httpx.Response(told.status_code, headers=told.headers, content=told.read())

    return Lethe("http://lethe.test", "key", httpx_args={"transport": httpx.MockTransport(answer)}, **options), requests


def problem(status, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=PROBLEM | {"status": status}, headers={"Content-Type": "application/problem+json"} | headers)


CALLS = {"sync": lambda module, *a, **n: module.sync_detailed(*a, **n), "async": lambda module, *a, **n: asyncio.run(module.asyncio_detailed(*a, **n))}
LOST = [httpx.ReadError("reset"), httpx.RemoteProtocolError("hung up"), httpx.ReadTimeout("slow")]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("failure", [problem(429), problem(503), httpx.Response(503, text="a gateway"), *LOST], ids=repr)
def test_one_key_for_all_attempts(call, failure, pauses):
    client, requests = service(failure, failure, httpx.Response(204, headers=SALT))
    assert call(erase_response, ID, client=client).status_code == 204
    keys = [request.headers["Idempotency-Key"] for request in requests]
    assert len(keys) == 3 and len(set(keys)) == 1 and UUID(keys[0])
    assert len(pauses) == 2 and 0 < pauses[0] <= 0.5 and 0 < pauses[1] <= 1


def test_another_key_for_each_call_and_the_callers_own():
    client, requests = service(*[httpx.Response(204, headers=SALT)] * 3)
    for named in {}, {}, {"idempotency_key": "mine"}:
        erase_response.sync_detailed(ID, client=client, **named)
    first, second, third = (request.headers["Idempotency-Key"] for request in requests)
    assert first != second and third == "mine"


def test_calls_without_a_key_have_none():
    client, requests = service(problem(404), problem(404))
    for call in (lambda: get_response.sync_detailed(ID, client=client), lambda: cancel_erasure.sync_detailed(ID, client=client)):
        with pytest.raises(ProblemError):
            call()
    assert all("Idempotency-Key" not in request.headers for request in requests)


REPEATABLE = {
    "get": (get_erasure, (ID,), {}),
    "delete": (release_hold, (ID,), {}),
    "keyed post": (start_erasure, (), {"body": NewErasure(responses=[ID])}),
}
OTHERS = {
    "post": (place_hold, (), {"body": NewHold(reason="x", responses=[ID])}),
    "post without effect": (preview_erasure, (), {"body": ErasureRequest(responses=[ID])}),
    "cancel": (cancel_erasure, (ID,), {}),
}


def attempts(call, failure):
    client, requests = service(*[failure] * 9)
    module, arguments, named = call
    with pytest.raises(ProblemError) as raised:
        module.sync_detailed(*arguments, client=client, **named)
    assert raised.value.status == getattr(failure, "status_code", 0)
    return len(requests)


@pytest.mark.parametrize("call", REPEATABLE.values(), ids=REPEATABLE.keys())
def test_repeatable_calls(call):
    for failure in [problem(429), problem(503), httpx.Response(429), httpx.ConnectError("refused"), *LOST]:
        assert attempts(call, failure) == 4, failure
    for failure in problem(400), problem(409), problem(500), httpx.Response(502), httpx.UnsupportedProtocol("x"):
        assert attempts(call, failure) == 1, failure


@pytest.mark.parametrize("call", OTHERS.values(), ids=OTHERS.keys())
def test_other_calls_are_repeated_only_if_nothing_was_done(call):
    for failure in problem(429), problem(503), httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"):
        assert attempts(call, failure) == 4, failure
    for failure in [httpx.Response(503, text="a gateway"), httpx.Response(429), *LOST]:
        assert attempts(call, failure) == 1, failure


def test_answers_that_are_cut_short():
    def cut():
        yield b'{"id": '
        raise httpx.ReadError("reset")

    def answer(request):
        return httpx.Response(200, headers={"Content-Type": "application/json"}, content=cut())

    requests = []
    transport = httpx.MockTransport(lambda request: requests.append(request) or answer(request))
    with Lethe("http://lethe.test", "key", httpx_args={"transport": transport}) as client:
        for call, count in ((get_erasure, 4), (cancel_erasure, 5)):
            with pytest.raises(ProblemError, match="cut short"):
                call.sync_detailed(ID, client=client)
            assert len(requests) == count


def test_retry_after(pauses):
    client, _ = service(problem(503, Retry_After="7"), problem(503, Retry_After="0"), httpx.Response(204, headers=SALT))
    erase_response.sync_detailed(ID, client=client)
    assert 7 <= pauses[0] <= 8 and pauses[1] <= 1

    # It is not worth to wait for longer than the whole call may take.
    client, requests = service(problem(503, Retry_After="61"))
    with pytest.raises(ProblemError) as raised:
        erase_response.sync_detailed(ID, client=client)
    assert raised.value.retry_after == 61 and len(requests) == 1 and len(pauses) == 2


def test_limits_and_options():
    client, requests = service(*[problem(503)] * 9, retry=Retry(attempts=2))
    for options, count in (({}, 2), ({"retry": Retry(attempts=3)}, 5), ({"retry": Retry(total=0)}, 6), ({"timeout": httpx.Timeout(5)}, 8)):
        with pytest.raises(ProblemError):
            get_erasure.sync_detailed(ID, client=client.with_options(**options))
        assert len(requests) == count
    assert [request.extensions["timeout"]["read"] for request in requests[-3:]] == [60, 5, 5]
    assert requests[0].extensions["timeout"]["connect"] == 10


def test_options_share_the_connections():
    client, requests = service(*[httpx.Response(204, headers=SALT)] * 2)
    other = client.with_options(retry=Retry(attempts=1)).with_options(timeout=httpx.Timeout(1))
    assert other.get_httpx_client() is client.get_httpx_client()
    assert other.get_async_httpx_client() is client.get_async_httpx_client()
    assert other.retry.attempts == 1 and other.timeout == httpx.Timeout(1)


def test_the_key_is_not_shown():
    assert "secret" not in repr(Lethe("http://lethe.test", "secret"))


def sent(call):
    client, requests = service(problem(404), problem(404))
    with pytest.raises(ProblemError):
        call(client)
    return requests[0]


def test_identifiers_and_times_in_place_of_texts():
    owner, at = uuid4(), datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
    for body in (
        ErasureRequest(owner=owner),
        ErasureRequest(filter_=ErasureFilter(member_id=owner, created_before=at)),
    ):
        request = sent(lambda client, body=body: preview_erasure.sync_detailed(client=client, body=body))
        assert str(owner) in request.content.decode()
        assert request.headers["Content-Type"] == "application/json"
    request = sent(lambda client: place_hold.sync_detailed(client=client, body=NewHold(reason="x", owners=[owner], expires_at=at)))
    assert json.loads(request.content) == {"reason": "x", "owners": [str(owner)], "expires_at": "2026-03-01T00:00:00+00:00"}
    request = sent(lambda client: next(all_access_log(client, owner=owner, accessed_after=at)))
    assert request.url.params["owner"] == str(owner) and request.url.params["accessed_after"] == "2026-03-01T00:00:00+00:00"
    request = sent(lambda client: next(all_responses(client, model=[owner], x_organization_id=owner, dw_active_org=owner)))
    assert request.url.params["model"] == request.headers["X-Organization-Id"] == str(owner)
    assert request.headers["Cookie"] == f"dw_active_org={owner}"


def test_what_has_no_form_is_refused():
    client, requests = service()
    with pytest.raises(TypeError, match="object cannot be sent"):
        preview_erasure.sync_detailed(client=client, body=ErasureRequest(owner=object()))
    with pytest.raises(TypeError, match="has no time zone"):
        start_erasure.sync_detailed(client=client, body=NewErasure(owner=datetime.datetime(2026, 3, 1)))
    assert requests == []


def test_iterators_end_with_the_error_of_a_page():
    page = {"data": [], "skip": 0, "limit": 100, "count_kind": "none", "total_count": None, "has_more": True, "next_cursor": "x"}
    client, requests = service(httpx.Response(200, json=page), problem(503), httpx.Response(200, json=page), problem(400))
    with pytest.raises(ProblemError) as raised:
        list(all_responses(client, status="failed"))
    assert raised.value.status == 400 and isinstance(raised.value.problem, Problem)
    assert [request.url.params.get("after") for request in requests] == [None, "x", "x", "x"]
    assert {request.url.params["status"] for request in requests} == {"failed"}
