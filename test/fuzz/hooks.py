"""What the contract says in words and a schema cannot: requests that it allows are made to keep to it.

A cursor is of a list that was asked for, and has no `skip` beside it; a query
has at most 16 KiB; what expires does so in the future; and a time is not later
than the one before which it is to be.
"""

from urllib.parse import urlencode

import schemathesis

MOST_OF_A_QUERY = 12 << 10
FUTURE = "2199-01-01T00:00:00Z"

# The last cursor of each list, by what decides which list it is.
cursors = {}


def list_of(case):
    query = case.query or {}
    return case.path, tuple(sorted((name, str(value)) for name, value in query.items() if name not in ("after", "skip", "limit", "count")))


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
    body = case.body
    if isinstance(body, dict):
        if "expires_at" in body:
            body["expires_at"] = FUTURE
        filter = body.get("filter")
        if isinstance(filter, dict) and "created_after" in filter:
            filter.pop("created_before", None)


@schemathesis.hook
def after_call(context, case, response):
    if case.method.upper() == "GET" and response.status_code == 200 and "json" in response.headers.get("content-type", [""])[0]:
        page = response.json()
        if isinstance(page, dict) and page.get("next_cursor"):
            cursors[list_of(case)] = page["next_cursor"]
