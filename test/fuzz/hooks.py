"""What the contract says in words and a schema cannot: requests that it allows are made to keep to it.

A cursor is of a list that was asked for, and has no `skip` beside it; a query
has at most 16 KiB; what expires does so in the future, and what was received was so lately; an owner is named by what
somebody has; a time is not later than the one before which it is to be; and
figures are of some days. Every other request about a version of a
rule is about the one that it has, and every other one with a token is what was
previewed, so that there is more to be seen than 409.
"""

from datetime import UTC, datetime, timedelta
from itertools import count

from urllib.parse import urlencode

import schemathesis

MOST_OF_A_QUERY = 12 << 10
FUTURE = "2199-01-01T00:00:00Z"
MOST_ERASED = 3
OWNER = "c0000100-0000-4000-8000-000000000003"

# The last cursor of each list, by what decides which list it is.
cursors = {}
# The version of each rule, and previews of few responses, with their tokens.
versions = {}
previews = []
turn = count()


def list_of(case):
    query = case.query or {}
    return case.path, str(case.path_parameters), tuple(sorted((name, str(value)) for name, value in query.items() if name not in ("after", "skip", "limit", "count")))


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or case.meta.generation.mode.value != "positive":
        return
    query = case.query
    if query:
        if len(urlencode(query, doseq=True)) > MOST_OF_A_QUERY:
            for name, value in query.items():
                if isinstance(value, str | list):
                    query[name] = value[:50]
        if "after" in query:
            if cursor := cursors.get(list_of(case)):
                query["after"] = cursor
                query.pop("skip", None)
            else:
                del query["after"]
        if "accessed_by" in query:
            query["accessed_by"] = OWNER
        if "owner" in query and case.path.endswith("/subject-requests"):
            query["owner"] = OWNER
        if case.path.endswith("/figures") and ("from" in query or "to" in query):
            query["from"], query["to"] = "2026-03-01T00:00:00Z", "2026-03-04T12:00:00+01:00"
    body = case.body
    if isinstance(body, dict):
        if "expires_at" in body:
            body["expires_at"] = FUTURE
        if "received_at" in body:
            body["received_at"] = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        if isinstance(body.get("version"), int) and next(turn) % 2:
            body["version"] = versions.get((case.path_parameters or {}).get("rule_id"), body["version"])
        if isinstance(body.get("token"), str) and previews and next(turn) % 2:
            for field in "responses", "owner", "filter", "include_later_turns":
                body.pop(field, None)
            body.update(previews.pop())
        filter = body.get("filter")
        if isinstance(filter, dict) and "created_after" in filter:
            filter.pop("created_before", None)
        for named in body, filter:
            if isinstance(named, dict):
                if isinstance(named.get("owner"), str):
                    named["owner"] = OWNER
                if isinstance(named.get("owners"), list) and all(isinstance(o, str) for o in named["owners"]):
                    named["owners"] = [OWNER for _ in named["owners"]]


@schemathesis.hook
def after_call(context, case, response):
    if response.status_code not in (200, 201) or "application/json" not in response.headers.get("content-type", [""])[0]:
        return
    answer = response.json()
    if not isinstance(answer, dict):
        return
    if answer.get("next_cursor"):
        cursors[list_of(case)] = answer["next_cursor"]
    if "age_days" in answer:
        versions[answer["id"]] = answer["version"]
    if "token" in answer and answer["responses"] <= MOST_ERASED and isinstance(case.body, dict):
        previews.append(case.body | {"token": answer["token"]})
