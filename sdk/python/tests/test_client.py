import asyncio
import base64
import datetime
import json
import os
from collections import Counter
from uuid import UUID, uuid4

import httpx
import pytest

from lethe_client import (
    ErasureRequest,
    Lethe,
    ListResponsesCount,
    NewErasure,
    NewErasureGround,
    Problem,
    ProblemError,
    ResponseSummary,
    Retry,
    all_responses,
    erase_response,
    fetch_receipt,
    get_checkpoint,
    get_log_keys,
    get_receipt,
    get_response,
    get_tile,
    list_erasure_receipts,
    list_responses,
    preview_erasure,
    result,
    start_erasure,
    watch_erasure,
)
from lethe_client.receipt import VerifyError, verify

MISSING = UUID("c0000400-0000-4000-8000-ffffffffffff")
SOMEBODY = UUID("c0000100-0000-4000-8000-000000000004")


def setting(name: str) -> str:
    value = os.environ.get(name)
    assert value, f"{name} is not set: run sdk/test.sh python"
    return value


def connect(key: str, url_setting: str = "LETHE_TEST_URL") -> Lethe:
    return Lethe(setting(url_setting), key, retry=Retry(attempts=1))


def whole(client: Lethe) -> ResponseSummary:
    """A response that has a prompt and an answer."""
    for summary in all_responses(client, status="completed"):
        detail = result(get_response.sync_detailed(summary.id, client=client))
        if detail.body.startswith("{") and detail.response_body:
            return summary
    raise AssertionError("no response has a prompt and an answer")


@pytest.fixture
def user():
    with connect(setting("LETHE_TEST_USER_KEY")) as client:
        yield client


def assert_problem(expected: int, call, /, *arguments, **named) -> Problem:
    with pytest.raises(ProblemError) as raised:
        call.sync_detailed(*arguments, **named)
    assert raised.value.status == expected
    problem = raised.value.problem
    assert isinstance(problem, Problem)
    assert problem.status == expected
    assert problem.title and problem.detail and problem.request_id
    assert problem.detail in str(raised.value)
    return problem


def test_lists(user):
    page = result(
        list_responses.sync_detailed(
            client=user,
            limit=5,
            status="completed",
            active_first=False,
            created_before=datetime.datetime.now(datetime.UTC),
        )
    )
    assert len(page.data) == page.limit == 5
    assert page.count_kind == "exact"
    assert page.total_count > 5
    for summary in page.data:
        assert summary.status == "completed"
        assert summary.completed_at is not None
        assert summary.batch_id is None

    counts = Counter(summary.model for summary in all_responses(user))
    assert len(counts) >= 3
    models = sorted(counts)[:2]
    page = result(list_responses.sync_detailed(client=user, model=models))
    assert page.total_count == sum(counts[model] for model in models)


def test_pages(user):
    total = result(list_responses.sync_detailed(client=user)).total_count
    assert total >= 30
    whole = [summary.id for summary in all_responses(user)]
    assert len(whole) == len(set(whole)) == total
    for limit in (1, 7):
        assert [summary.id for summary in all_responses(user, limit=limit)] == whole
    first = [summary.id for summary in all_responses(user, limit=7, active_first=True)]
    assert first != whole
    assert sorted(first) == sorted(whole)

    page = result(list_responses.sync_detailed(client=user, limit=1, count=ListResponsesCount.NONE))
    assert page.has_more and page.next_cursor
    assert page.total_count is None
    assert_problem(400, list_responses, client=user, after=page.next_cursor, status="failed")


def test_fetches_and_erases(user):
    summary = whole(user)
    detail = result(get_response.sync_detailed(summary.id, client=user))
    assert summary.to_dict().items() <= detail.to_dict().items()
    assert detail.created_by and detail.error is None

    assert result(erase_response.sync_detailed(summary.id, client=user)) is None
    assert_problem(404, get_response, summary.id, client=user)
    assert_problem(404, erase_response, summary.id, client=user)
    assert summary.id not in [other.id for other in all_responses(user)]


def test_pages_while_erasing(user):
    seen, erased = [], []
    for summary in all_responses(user, limit=4):
        seen.append(summary.id)
        if len(erased) < 3:
            result(erase_response.sync_detailed(summary.id, client=user))
            erased.append(summary.id)
    left = [summary.id for summary in all_responses(user)]
    assert left
    assert set(left) <= set(seen)
    assert not set(erased) & set(left)


def test_asynchronous():
    async def first():
        async with connect(setting("LETHE_TEST_USER_KEY")) as client:
            page = result(await list_responses.asyncio_detailed(client=client, limit=1))
            return page.data[0], result(await get_response.asyncio_detailed(page.data[0].id, client=client))

    summary, detail = asyncio.run(first())
    assert detail.id == summary.id


def test_400(user):
    problem = assert_problem(400, list_responses, client=user, limit="ten")
    assert problem.parameter == "limit"
    assert_problem(400, list_responses, client=user, member_id=SOMEBODY)
    with connect(setting("LETHE_TEST_ADMIN_KEY")) as admin:
        assert list_responses.sync_detailed(client=admin, member_id=SOMEBODY).status_code == 200


def test_401():
    with connect("sk-nobody") as client:
        assert_problem(401, get_response, MISSING, client=client)


def test_403():
    with connect(setting("LETHE_TEST_FORBIDDEN_KEY")) as client:
        assert_problem(403, erase_response, MISSING, client=client)


def test_404(user):
    assert_problem(404, get_response, MISSING, client=user)


def test_405(user):
    response = user.get_httpx_client().put("/admin/api/v1/batches/requests")
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]
    problem = Problem.from_dict(response.json())
    assert problem.status == 405 and problem.detail and problem.request_id


def test_503():
    with connect(setting("LETHE_TEST_USER_KEY"), "LETHE_TEST_DOWN_URL") as client:
        assert_problem(503, list_responses, client=client)
        with pytest.raises(ProblemError) as raised:
            next(all_responses(client))
    assert raised.value.status == 503
    assert raised.value.retry_after > 0


def test_other_answers():
    transport = httpx.MockTransport(lambda request: httpx.Response(502, text="<html>"))
    client = Lethe("http://lethe.test", "key", httpx_args={"transport": transport})
    with client, pytest.raises(ProblemError) as raised:
        next(all_responses(client))
    assert raised.value.status == 502
    assert raised.value.problem is None
    assert raised.value.retry_after is None


def test_log(user):
    assert result(get_log_keys.sync_detailed(client=user)) == setting("LETHE_TEST_LOG_KEY") + "\n"
    assert_problem(404, get_receipt, MISSING, client=user)
    # The slashes of the index reach the service.
    assert_problem(404, get_tile, "0", "x001/000.p/7", client=user)
    with connect(setting("LETHE_TEST_FORBIDDEN_KEY")) as forbidden:
        assert_problem(403, get_checkpoint, client=forbidden)


def test_erase_fetch_and_check(user):
    summary = result(list_responses.sync_detailed(client=user, status="completed", limit=1)).data[0]
    erased = erase_response.sync_detailed(summary.id, client=user)
    result(erased)
    receipt, salt = UUID(erased.headers["Location"].split("/")[-2]), erased.headers["Receipt-Salt"]
    file = fetch_receipt(user, receipt, timeout=60)
    keys = result(get_log_keys.sync_detailed(client=user))
    proof = verify(file, keys, salt=salt, responses=[summary.id])
    assert proof.receipt["id"] == str(receipt) and proof.receipt["actor"] == "owner"
    with pytest.raises(VerifyError):
        verify(file, keys, salt=salt, responses=[MISSING])
    with pytest.raises(ProblemError):
        fetch_receipt(user, MISSING)


def test_erases_many(user):
    page = result(list_responses.sync_detailed(client=user, status="completed", limit=2))
    responses = [summary.id for summary in page.data]
    preview = result(preview_erasure.sync_detailed(client=user, body=ErasureRequest(responses=responses)))
    assert preview.responses == 2
    request = NewErasure(responses=responses, token=preview.token, ground=NewErasureGround.REQUEST)
    key = str(uuid4())
    started = start_erasure.sync_detailed(client=user, body=request, idempotency_key=key)
    erasure = result(started)
    assert started.status_code == 201 and erasure.responses == 2
    assert result(start_erasure.sync_detailed(client=user, body=request, idempotency_key=key)).id == erasure.id
    other = NewErasure(responses=[MISSING])
    assert_problem(409, start_erasure, client=user, body=other, idempotency_key=key)

    events = result(watch_erasure.sync_detailed(erasure.id, client=user))
    assert events.count("event: ") == 2 and "event: end\n" in events

    receipts = result(list_erasure_receipts.sync_detailed(erasure.id, client=user))
    file = fetch_receipt(user, receipts.data[0].id, timeout=60)
    keys = result(get_log_keys.sync_detailed(client=user))
    proof = verify(file, keys, salt=started.headers["Receipt-Salt"], responses=responses)
    assert proof.receipt["trigger"] == "bulk"


def test_waits_for_a_receipt():
    leaf = base64.b64encode(json.dumps({"id": str(MISSING)}).encode()).decode()
    file = f"c2sp.org/tlog-proof@v1\nextra {leaf}\nindex 0\n"
    answers = [httpx.Response(202, headers={"Retry-After": "0"}), httpx.Response(200, text=file)]
    transport = httpx.MockTransport(lambda request: answers.pop(0) if answers else httpx.Response(202))
    with Lethe("http://lethe.test", "key", httpx_args={"transport": transport}) as client:
        assert fetch_receipt(client, MISSING) == file.encode()
        with pytest.raises(TimeoutError):
            fetch_receipt(client, MISSING, timeout=0)
