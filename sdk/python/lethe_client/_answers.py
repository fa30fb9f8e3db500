"""Separates the successes that the contract documents from all other answers."""

import asyncio
import base64
import datetime
import email.utils
import functools
import json
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from email.message import Message
from enum import Enum
from importlib.resources import files
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx

from ._client import Lethe
from ._problem import ProblemError, UnfinishedError
from ._retry import REPEATABLE, Attempts, Retry
from .generated.client import AuthenticatedClient, Client
from .generated.models.erasure import Erasure
from .generated.models.problem import Problem

T = TypeVar("T")

# How much of an error answer is kept, in bytes.
ERROR_LIMIT = 64 << 10


@functools.cache
def _documented() -> dict[str, Any]:
    """The documented successes, extracted by internal/sdkanswers; read with the first answer."""
    table: dict[str, Any] = json.loads(files(__package__).joinpath("generated/answers.json").read_text("utf-8"))
    return table


def retry_after(headers: httpx.Headers) -> int | None:
    """The seconds in Retry-After, or until its date."""
    text = headers.get("Retry-After", "")
    if re.fullmatch("[0-9]{1,9}", text):
        return int(text)
    try:
        at = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    now = datetime.datetime.now(datetime.UTC)
    return max(0, math.ceil((at.replace(tzinfo=at.tzinfo or datetime.UTC) - now).total_seconds()))


class Request:
    """A request as it is sent, each time in the same form."""

    def __init__(self, client: AuthenticatedClient | Client, asked: Mapping[str, Any]) -> None:
        self.method, self.path = str(asked["method"]).upper(), urlsplit(str(asked["url"])).path
        self.headers = httpx.Headers({name: _written(value) for name, value in asked.get("headers", {}).items()})
        self.operation: dict[str, Any] = next((o for o in _documented()["operations"] if o["method"] == self.method and re.search(o["path"], self.path)), {})
        if self.operation.get("keyed") and "Idempotency-Key" not in self.headers:
            self.headers["Idempotency-Key"] = str(uuid4())
        self.reached = str(asked.get("params", {}).get("reached", ""))
        self._sent = {**asked, "headers": self.headers, "follow_redirects": False}
        self._sent["cookies"] = {name: _written(value) for name, value in asked.get("cookies", {}).items()}
        if "json" in asked:
            self._sent["content"] = json.dumps(self._sent.pop("json"), default=_written, allow_nan=False).encode()
        retry = Retry()
        if isinstance(client, Lethe):
            self._sent["timeout"], retry = client.timeout, client.retry
        self.attempts = Attempts(retry, self.method in REPEATABLE or "Idempotency-Key" in self.headers)

    def sent(self, **changed: Any) -> dict[str, Any]:
        """The arguments for httpx."""
        return self._sent | changed


def _written(value: object) -> str:
    """A value of a type that JSON does not have, as the contract writes it."""
    match value:
        case datetime.datetime() if value.tzinfo is None:
            raise TypeError(f"{value!r} has no time zone: use datetime.now(datetime.UTC), or replace(tzinfo=…)")
        case datetime.date():
            return value.isoformat()
        case Enum():
            return str(value.value)
        case str() | UUID():
            return str(value)
    raise TypeError(f"{type(value).__name__} cannot be sent: {value!r}")


def send(client: AuthenticatedClient | Client, **kwargs: Any) -> httpx.Response:
    """The answer to a request, if it is a documented success; raises ProblemError.

    A request that got no answer, 429 or 503 is sent again, as long as that cannot
    do anything twice.
    """
    request = Request(client, kwargs)
    while True:
        answer = Answer(request)
        try:
            with client.get_httpx_client().stream(**request.sent()) as response:
                answer.begin(response)
                for part in response.iter_bytes():
                    if not answer.take(part):
                        break
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            answer.broken = error
        try:
            return answer.finish()
        except ProblemError as error:
            pause = request.attempts.pause(error)
        time.sleep(pause)


async def send_async(client: AuthenticatedClient | Client, **kwargs: Any) -> httpx.Response:
    """Like send."""
    request = Request(client, kwargs)
    while True:
        answer = Answer(request)
        try:
            async with client.get_async_httpx_client().stream(**request.sent()) as response:
                answer.begin(response)
                async for part in response.aiter_bytes():
                    if not answer.take(part):
                        break
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            answer.broken = error
        try:
            return answer.finish()
        except ProblemError as error:
            pause = request.attempts.pause(error)
        await asyncio.sleep(pause)


def understood(build: Callable[..., T], *, client: AuthenticatedClient | Client, response: httpx.Response) -> T:
    """A success as parsed by the generated code; raises ProblemError if it cannot be parsed."""
    try:
        return build(client=client, response=response)
    except Exception as error:
        raise ProblemError(response.status_code, f"could not read the answer: {error}", body=response.content[:ERROR_LIMIT]) from error


class Answer:
    """An answer that is being received."""

    def __init__(self, request: Request) -> None:
        self.broken: Exception | None = None
        self._request = request
        self._response: httpx.Response | None = None
        self._expected: dict[str, Any] = {}
        self._fault = ""
        self._asked: tuple[str, ...] = ()  # the path's parameters
        self._body = bytearray()

    def begin(self, response: httpx.Response) -> None:
        self._response = response
        self.media_type, charset_fault = _media_type(response.headers)
        self._expected, self._fault = self._documented(response)
        if self._fault:
            return
        if media := self._expected.get("media"):
            if charset_fault:
                self._fault = charset_fault
            elif self.media_type != media:
                self._fault = f"the answer is not {media} but {self.media_type or 'nothing'}; is this the service's address?"
        elif self._request.path.endswith("/events") and not self._request.headers.get("Last-Event-ID"):
            self._fault = "204 means that the stream has ended, but no end was received"

    def _documented(self, response: httpx.Response) -> tuple[dict[str, Any], str]:
        location = response.headers.get("Location")
        if response.history:
            return {}, f"the answer is from {response.url}, after a redirect"
        if 300 <= response.status_code < 400 and location:
            return {}, f"a redirect to {location!r}, which is not followed; use the service's own address"
        operation = self._request.operation
        if path := re.search(operation.get("path", "$^"), self._request.path):
            self._asked = path.groups()
            if answer := operation["answers"].get(str(response.status_code)):
                return answer, ""
            if str(response.status_code) in operation["answers"]:
                return {}, ""  # it has nothing but its status
        return {}, f"{response.status_code} is not a documented success of this call"

    def take(self, part: bytes) -> bool:
        """Keeps a part of the body; returns whether more of it is needed."""
        if not self._fault and not self._expected.get("media"):
            return False
        self._body += part
        return not self._fault or len(self._body) < ERROR_LIMIT

    def finish(self) -> httpx.Response:
        """The complete answer; raises ProblemError."""
        response, body = self._response, bytes(self._body)
        if response is None:
            raise ProblemError(0, str(self.broken) or type(self.broken).__name__) from self.broken
        media = self._expected.get("media")
        if not self._fault and self.broken and media != "text/event-stream":
            self._fault = f"the answer was cut short: {self.broken}"
        if not self._fault:
            self._fault = _headers_fault(self._expected.get("headers", {}), response.headers)
        if self._fault:
            raise self.failure(self._fault) from self.broken
        if media == "application/json":
            value, self._fault = _json(self._expected["schema"], body)
            if not self._fault:
                self._fault = self._another(value)
        elif media == "text/event-stream":
            ended = False
            for event in Events().feed(body):
                _, fault, over = event.erasure(self.asked)
                if fault:
                    raise self.failure(fault)
                ended = ended or over
            if not ended:
                self._fault = UNFINISHED
        elif media == "text/plain" and _text(body) is None:
            self._fault = "the answer is not UTF-8"
        elif media == "text/plain" and "same" in self._expected:
            self._fault = _receipt_fault(body, self.asked, self._request.reached)
        if self._fault:
            raise self.failure(self._fault) from self.broken
        headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in _OF_TRANSFER]
        return httpx.Response(response.status_code, headers=headers, content=body, request=response.request)

    def failure(self, fault: str) -> ProblemError:
        """The answer as an error."""
        response, body = self._response, bytes(self._body[:ERROR_LIMIT])
        assert response is not None
        problem = None
        if self.media_type == "application/problem+json" and response.status_code >= 400:
            if not json_fault({"ref": "Problem"}, body):
                problem = Problem.from_dict(json.loads(body))
                fault = problem.detail
        kind = UnfinishedError if fault.startswith(UNFINISHED) else ProblemError
        return kind(response.status_code, fault, problem=problem, body=body, retry_after=retry_after(response.headers))

    def _another(self, value: Any) -> str:
        """How JSON is about something other than what was requested, "" if it is not."""
        for field, asked in zip(self._expected.get("same", ()), self._asked):
            if fault := _another_fault(field, value[field], asked):
                return fault
        return ""

    @property
    def fault(self) -> str:
        return self._fault

    @property
    def asked(self) -> str:
        """The requested identifier."""
        return self._asked[0]


def _another_fault(field: str, told: object, asked: str) -> str:
    if str(told).lower() == asked.lower():
        return ""
    return f"the answer is for something else: its {field} is {told}, not {asked}"


def _receipt_fault(file: bytes, asked: str, reached: str) -> str:
    """The same for a receipt file: the receipt with this identifier, or the one that confirms a later level for it.

    lethe_client.receipt checks the receipt itself.
    """
    leaf = file.partition(b"\nextra ")[2].partition(b"\n")[0]
    try:
        receipt = json.loads(base64.b64decode(leaf, validate=True))
        id, level, about = receipt["id"], receipt.get("level"), receipt.get("about")
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return "the answer is not a receipt"
    if not reached:
        return _another_fault("id", id, asked)
    return _another_fault("level", level, reached) or _another_fault("erasure", about, asked)


UNFINISHED = "the stream ended before the erasure did"

# Headers about the transfer of a body, which is already read.
_OF_TRANSFER = ("content-encoding", "content-length", "transfer-encoding")


def _media_type(headers: httpx.Headers) -> tuple[str, str]:
    """The media type of an answer, and what is wrong with it."""
    text = headers.get("Content-Type", "")
    if not re.fullmatch(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(\s*;\s*[\w!#$&^.+-]+=(\"[^\"]*\"|[^\s;\"]+))*\s*", text, re.ASCII):
        return "", f"{text!r} is not a media type"
    message = Message()
    message["Content-Type"] = text
    charset = message.get_content_charset("utf-8")
    if charset not in ("utf-8", "utf8", "us-ascii"):
        return message.get_content_type(), f"the answer's charset is {charset!r}, not UTF-8"
    return message.get_content_type(), ""


def _headers_fault(required: Mapping[str, Any], headers: httpx.Headers) -> str:
    for name, shape in required.items():
        values = headers.get_list(name)
        if len(values) != 1 or not values[0]:
            return f"the answer has no {name}"
        if fault := _fault(shape, values[0], name):
            return fault
    return ""


def _text(body: bytes) -> str | None:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def json_fault(shape: Mapping[str, Any], body: bytes) -> str:
    """How JSON does not match a shape, "" if it does."""
    return _json(shape, body)[1]


def _json(shape: Mapping[str, Any], body: bytes) -> tuple[Any, str]:
    if (text := _text(body)) is None:
        return None, "the answer is not UTF-8"
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return None, f"the answer is not JSON, or was cut short: {error}"
    return value, _fault(shape, value, "the answer")


def _fault(shape: Mapping[str, Any], value: Any, name: str) -> str:
    if value is None and shape.get("nullable"):
        return ""
    if "ref" in shape:
        return _fault(_documented()["schemas"][shape["ref"]], value, name)
    for part in shape.get("all", ()):
        if fault := _fault(part, value, name):
            return fault
    kind = shape.get("type")
    if kind and not _is(kind, shape, value):
        return f"{name} is not of the type in the contract: {kind} {shape.get('format', '')}".rstrip()
    if kind == "object":
        for field in shape.get("required", ()):
            if field not in value:
                return f"{name} has no {field}"
        for field, inner in shape.get("properties", {}).items():
            if field in value and (fault := _fault(inner, value[field], field)):
                return fault
    if kind == "array" and "items" in shape:
        for inner in value:
            if fault := _fault(shape["items"], inner, name):
                return fault
    return ""


def _is(kind: str, shape: Mapping[str, Any], value: Any) -> bool:
    match kind:
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            bits = 31 if shape.get("format") == "int32" else 63
            return isinstance(value, int) and not isinstance(value, bool) and -(1 << bits) <= value < 1 << bits
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not isinstance(value, str):
        return False
    try:
        match shape.get("format"):
            case "uuid":
                return len(value) == 36 and bool(UUID(value))
            case "date-time":
                return "T" in value and datetime.datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
    return "pattern" not in shape or re.search(shape["pattern"], value) is not None


class Event:
    """A server-sent event."""

    def __init__(self, name: str, data: str) -> None:
        self.name, self.data = name, data

    def erasure(self, asked: str) -> tuple[Erasure | None, str, bool]:
        """The requested erasure, what is wrong with the event, and whether it is the end."""
        if self.name not in ("progress", "end"):
            return None, "", False
        if fault := json_fault({"ref": "Erasure"}, self.data.encode(errors="surrogatepass")):
            return None, fault, False
        told = Erasure.from_dict(json.loads(self.data))
        if fault := _another_fault("id", told.id, asked):
            return None, fault, False
        if self.name == "end" and str(told.state) in ("pending", "running"):
            return None, f"got an end event for an erasure that is {told.state}", False
        return told, "", self.name == "end"


class Events:
    """Parses events from a stream that arrives in parts."""

    def __init__(self) -> None:
        self.retry: float | None = None  # in seconds, as last received
        self._line = bytearray()
        self._cr = False  # the last byte was a carriage return, which a line feed may follow
        self._name, self._data = "", []  # type: tuple[str, list[str]]

    def feed(self, part: Iterable[int]) -> Iterator[Event]:
        for byte in part:
            if byte == 0x0A and self._cr:
                self._cr = False
                continue
            self._cr = byte == 0x0D
            if byte not in (0x0A, 0x0D):
                self._line.append(byte)
                continue
            # Text that is not UTF-8 is not JSON either.
            line, self._line = self._line.decode(errors="surrogateescape"), bytearray()
            if line:
                self._field(*line.partition(":")[::2])
                continue
            name, data, self._name, self._data = self._name, self._data, "", []
            if data:
                yield Event(name, "\n".join(data))

    def _field(self, name: str, value: str) -> None:
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
        elif name == "retry" and re.fullmatch("[0-9]{1,9}", value):
            self.retry = int(value) / 1000
