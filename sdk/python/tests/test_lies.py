"""No answer of a gateway in place of the service counts as a success."""

import asyncio
import json
import os
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from lethe_client import (
    EnabledVersion,
    ErasureRequest,
    GetReceiptReached,
    Lethe,
    NewErasure,
    ProblemError,
    Retry,
    all_responses,
    approve_retention_rule,
    cancel_erasure,
    enable_retention_rule,
    erase_response,
    get_erasure,
    get_hold,
    get_receipt,
    get_response,
    get_retention_rule,
    get_retention_rule_version,
    list_erasure_receipts,
    list_erasures,
    preview_erasure,
    release_hold,
    result,
    start_erasure,
    watch,
    watch_erasure,
)

ID = UUID("c0000400-0000-4000-8000-00000000005a")
TOLD = json.loads((Path(__file__).parents[2] / "testdata" / "lies.json").read_text("utf-8"))

CALLS = {
    "eraseResponse": (erase_response, (ID,), {}),
    "startErasure": (start_erasure, (), {"body": NewErasure(responses=[ID])}),
    "previewErasure": (preview_erasure, (), {"body": ErasureRequest(responses=[ID])}),
    "getErasure": (get_erasure, (ID,), {}),
    "cancelErasure": (cancel_erasure, (ID,), {}),
    "getResponse": (get_response, (ID,), {}),
    "listErasures": (list_erasures, (), {}),
    "listErasureReceipts": (list_erasure_receipts, (ID,), {}),
    "releaseHold": (release_hold, (ID,), {}),
    "getHold": (get_hold, (ID,), {}),
    "getRetentionRule": (get_retention_rule, (ID,), {}),
    "approveRetentionRule": (approve_retention_rule, (ID,), {"body": EnabledVersion(version=1)}),
    "enableRetentionRule": (enable_retention_rule, (ID,), {"body": EnabledVersion(version=1)}),
    "getRetentionRuleVersion": (get_retention_rule_version, (ID, 1), {}),
    "getReceipt": (get_receipt, (ID,), {}),
    "getReceiptOfVacuumed": (get_receipt, (ID,), {"reached": GetReceiptReached.VACUUMED}),
    "watchErasure": (watch_erasure, (ID,), {}),
}


def gateway(path: str) -> str:
    url = os.environ.get("LETHE_TEST_LIES_URL")
    assert url, "LETHE_TEST_LIES_URL is not set: run sdk/test.sh python"
    return f"{url}/{path}"


def connect(name: str) -> Lethe:
    return Lethe(gateway(name), "key", retry=Retry(attempts=1))


def asked(path: str) -> int:
    return int(httpx.get(gateway(path)).raise_for_status().text)


def test_there_are_lies():
    assert len(TOLD["lies"]) >= 30 and len(TOLD["streams"]) >= 5


def check(lie, call, name=""):
    with pytest.raises(ProblemError) as raised:
        call()
    error = raised.value
    assert error.status == lie["status"]
    assert (error.problem is not None) == lie.get("documented", False)
    assert error.detail and error.detail in str(error)
    if name in lie.get("another_for", []):
        assert error.detail == lie["detail"]
    if lie["status"] >= 400:
        assert error.body.startswith(lie.get("body", "").encode())
    if "retry_after" in lie:
        assert lie["retry_after"] - 10 < error.retry_after <= lie["retry_after"]
    else:
        assert error.retry_after is None


@pytest.mark.parametrize("lie", TOLD["lies"], ids=lambda lie: lie["name"])
def test_lies(lie):
    with connect(lie["name"]) as client:
        for name, (call, arguments, named) in CALLS.items():
            for sync in (call.sync_detailed, call.sync):
                if name in lie.get("true_for", []):
                    sync(*arguments, client=client, **named)
                else:
                    check(lie, lambda sync=sync, arguments=arguments, named=named: sync(*arguments, client=client, **named), name)
        check(lie, lambda: next(all_responses(client)))
    assert asked("follows") == 0


@pytest.mark.parametrize("lie", TOLD["lies"], ids=lambda lie: lie["name"])
def test_lies_asynchronous(lie):
    async def erase():
        async with connect(lie["name"]) as client:
            await erase_response.asyncio_detailed(ID, client=client)

    check(lie, lambda: asyncio.run(erase()))


def test_redirects_are_not_followed_by_a_client_that_does():
    client = Lethe(gateway("redirect-307"), "key", follow_redirects=True)
    with client, pytest.raises(ProblemError) as raised:
        erase_response.sync_detailed(ID, client=client)
    assert raised.value.status == 307
    assert asked("follows") == 0


@pytest.mark.parametrize("truth", TOLD["truths"], ids=lambda truth: truth["name"])
def test_unknown_words_are_passed_on(truth):
    with connect(truth["name"]) as client:
        erasure = result(get_erasure.sync_detailed(ID, client=client))
    if truth["name"] == "unknown-words":
        assert erasure.state == "hibernating" and str(erasure.state) == "hibernating" and erasure.state.value == "hibernating"
        assert erasure.failures[0].reason == "unlucky"
        assert erasure.to_dict()["kind"] == "orphans"
        assert {erasure.state: 1}[type(erasure.state)("hibernating")] == 1
    else:
        assert erasure["later"] == {"and": ["more"]}


@pytest.mark.parametrize("stream", TOLD["streams"], ids=lambda stream: stream["name"])
def test_watch(stream):
    name = f"{stream['name']}/{uuid4()}"
    states, status, detail = [], None, ""
    with connect(name) as client:
        try:
            for erasure in watch(client, ID):
                states.append(erasure.state)
        except ProblemError as error:
            status, detail = error.status, error.detail
    assert stream.get("detail", detail) == detail
    assert (states, status) == (stream["states"], stream.get("error"))
    assert asked(f"asked/{name}") == stream.get("asked", len(stream["connections"]))


def test_nobody_answers():
    with Lethe("http://127.0.0.1:1", "key", retry=Retry(attempts=1)) as client, pytest.raises(ProblemError) as raised:
        erase_response.sync_detailed(ID, client=client)
    assert raised.value.status == 0
    assert isinstance(raised.value.__cause__, httpx.ConnectError)
