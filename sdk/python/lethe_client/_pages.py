"""Goes through lists page by page; generated/iterators.py has an iterator for each list."""

from collections.abc import AsyncIterator, Iterator
from typing import Any


def pages(module: Any, client: Any, *arguments: Any, **named: Any) -> Iterator[Any]:
    """Every item of the list of an operation; raises ProblemError."""
    while True:
        page = module.sync_detailed(*arguments, client=client, **named).parsed
        yield from page.data
        if page.next_cursor is None:
            return
        named["after"] = page.next_cursor


async def pages_async(module: Any, client: Any, *arguments: Any, **named: Any) -> AsyncIterator[Any]:
    """Like pages."""
    while True:
        page = (await module.asyncio_detailed(*arguments, client=client, **named)).parsed
        for item in page.data:
            yield item
        if page.next_cursor is None:
            return
        named["after"] = page.next_cursor
