"""OpenAI's own client against the service."""

import os
from uuid import UUID

import openai
import pytest

from lethe_client import Lethe, all_responses, fetch_receipt, get_log_keys, result
from lethe_client.receipt import verify

# A chain of three requests of the user, which is held.
CHAIN = "resp_c0000600-0000-4000-8000-00000000000b"
PARTS = [f"resp_c0000400-0000-4000-8000-0000000000{n}" for n in ("68", "69", "6a")]


def setting(name: str) -> str:
    value = os.environ.get(name)
    assert value, f"{name} is not set: run sdk/test.sh python"
    return value


def connect(key: str, url_setting: str = "LETHE_TEST_URL") -> openai.OpenAI:
    return openai.OpenAI(base_url=setting(url_setting) + "/ai/v1", api_key=key, max_retries=0)


@pytest.fixture
def user():
    with connect(setting("LETHE_TEST_USER_KEY")) as client:
        yield client


def test_retrieve(user):
    whole = user.responses.retrieve(CHAIN)
    assert (whole.id, whole.object, whole.status, len(whole.output)) == (CHAIN, "response", "completed", 3)
    for part in PARTS:
        assert user.responses.retrieve(part) == whole


def test_input_items(user):
    items = list(user.responses.input_items.list(CHAIN, limit=1, order="asc"))
    assert items, "the prompt has no items"
    assert [(i.type, i.role) for i in items] == [("message", "user")] * len(items)
    assert list(user.responses.input_items.list(CHAIN))[::-1] == items


def test_delete(user):
    with Lethe(setting("LETHE_TEST_URL"), setting("LETHE_TEST_USER_KEY")) as client:
        oldest = [r.id for r in all_responses(client) if f"resp_{r.id}" not in PARTS][-1]
        id = f"resp_{oldest}"
        answer = user.responses.with_raw_response.delete(id)
        assert answer.http_response.json() == {"id": id, "object": "response", "deleted": True}
        file = fetch_receipt(client, UUID(answer.headers["Location"].split("/")[-2]), timeout=60)
        keys = result(get_log_keys.sync_detailed(client=client))
        verify(file, keys, salt=answer.headers["Receipt-Salt"], responses=[oldest])
    with pytest.raises(openai.NotFoundError, match=f"response with ID {id} not found"):
        user.responses.retrieve(id)
    with pytest.raises(openai.NotFoundError):
        user.responses.delete(id)


def test_errors(user):
    with pytest.raises(openai.NotFoundError, match="response with ID resp_none not found"):
        user.responses.retrieve("resp_none")
    with pytest.raises(openai.BadRequestError) as raised:
        user.responses.retrieve(CHAIN, stream=True)
    assert (raised.value.param, raised.value.type) == ("stream", "invalid_request_error")
    for wrong in ({"limit": 0}, {"limit": 101}, {"after": "msg_of_nothing"}, {"order": "up"}):
        with pytest.raises(openai.BadRequestError) as raised:
            user.responses.input_items.list(CHAIN, **wrong)
        assert raised.value.param == next(iter(wrong))
    with pytest.raises(openai.ConflictError, match="held"):
        user.responses.delete(CHAIN)
    for call in (lambda: user.responses.cancel(CHAIN), lambda: user.responses.create(model="m", input="text")):
        with pytest.raises(openai.NotFoundError, match="gateway"):
            call()
    with connect("sk-wrong") as nobody, pytest.raises(openai.AuthenticationError) as raised:
        nobody.responses.retrieve(CHAIN)
    assert raised.value.code == "invalid_api_key"
    with connect("sk-any", "LETHE_TEST_DOWN_URL") as down, pytest.raises(openai.InternalServerError) as raised:
        down.responses.retrieve(CHAIN)
    assert raised.value.status_code == 503
