"""A string in place of a list is refused wherever the contract has a list."""

import importlib
import inspect
import pkgutil
from pathlib import Path
from uuid import UUID

import attrs
import pytest

from lethe_client import ErasureFilter, ErasureRequest, Lethe, all_responses, list_erasures, list_responses
from lethe_client.generated import api, models
from lethe_client.receipt import verify

VECTOR = Path(__file__).parents[3] / "docs" / "vectors" / "single.receipt"

OPERATIONS = [
    importlib.import_module(found.name)
    for found in pkgutil.walk_packages(api.__path__, api.__name__ + ".")
    if not found.ispkg
]
PARAMETERS = [
    pytest.param(operation._get_kwargs, name, id=f"{operation.__name__.rpartition('.')[2]}-{name}")
    for operation in OPERATIONS
    for name, parameter in inspect.signature(operation._get_kwargs).parameters.items()
    if "list[" in str(parameter.annotation)
]
FIELDS = [
    pytest.param(model, field.name, id=f"{model.__name__}-{field.name}")
    for model in (getattr(models, name) for name in models.__all__)
    if attrs.has(model)
    for field in attrs.fields(model)
    if "list[" in str(field.type)
]


def refusal(name, call):
    with pytest.raises(TypeError, match=rf"^{name} must be a list, such as \[value\], not a \w+$"):
        call()


def test_there_is_something_to_test():
    assert len(OPERATIONS) >= 28
    assert len(PARAMETERS) >= 4
    assert len(FIELDS) >= 20


@pytest.mark.parametrize(("request_of", "name"), PARAMETERS)
def test_parameters(request_of, name):
    refusal(name, lambda: request_of(**{name: "failed"}))
    assert request_of(**{name: ["failed", "canceled"]})["params"][name] == "failed,canceled"
    assert request_of(**{name: ("failed",)})["params"][name] == "failed"
    assert request_of(**{name: []})["params"][name] == ""
    assert name not in request_of()["params"]


@pytest.mark.parametrize(("model", "name"), FIELDS)
def test_fields(model, name):
    given = {
        field.name.lstrip("_"): [] if "list[" in str(field.type) else None
        for field in attrs.fields(model)
        if field.init and field.default is attrs.NOTHING
    }
    for wrong in "failed", b"failed", UUID(int=0), None:
        refusal(name, lambda wrong=wrong: model(**given | {name: wrong}))
    made = model(**given | {name: ["failed"]})
    assert getattr(made, name) == ["failed"]
    refusal(name, lambda: setattr(made, name, "failed"))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__.rpartition(".")[2])
def test_parameters_that_the_contract_has_not(operation):
    with Lethe("http://lethe.test", "key") as client:
        for call in operation.sync_detailed, operation.asyncio_detailed:
            with pytest.raises(TypeError, match="unexpected keyword argument 'organisation'"):
                call(client=client, organisation="x")


def test_all_responses_with_what_the_contract_has_not():
    with Lethe("http://lethe.test", "key") as client, pytest.raises(TypeError, match="owner"):
        next(all_responses(client, owner="x"))


def test_words_that_nothing_has_by_now():
    params = list_responses._get_kwargs(status="complete", statuses=["x"], service_tiers=["y"])["params"]
    assert (params["status"], params["statuses"], params["service_tiers"]) == ("complete", "x", "y")
    params = list_erasures._get_kwargs(state=["ended"], trigger="sweep")["params"]
    assert (params["state"], params["trigger"]) == ("ended", "sweep")


def test_what_is_left_out():
    assert ErasureFilter(has_error=True).to_dict() == {"has_error": True}
    assert ErasureRequest(responses=[UUID(int=1)]).to_dict() == {"responses": [str(UUID(int=1))]}


def test_all_responses():
    with Lethe("http://lethe.test", "key") as client:
        refusal("model", lambda: next(all_responses(client, model="qwen/qwen3-235b")))


@pytest.mark.parametrize("name", ["responses", "owners"])
@pytest.mark.parametrize("wrong", ["", "c0000400-0000-4000-8000-000000000001"])
def test_verify(name, wrong):
    refusal(name, lambda: verify(VECTOR.read_bytes(), "", **{name: wrong}))
