"""Refuses a string in place of a list, which Python would treat as a list of characters."""

from collections.abc import Iterable
from typing import Any

from attrs import Attribute

from .generated.types import Unset


def require_list(name: str, value: object) -> None:
    """Raises TypeError for a string, and for anything that is not iterable."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a list, such as [value], not a {type(value).__name__}")


def list_or_unset(_: Any, attribute: "Attribute[Any]", value: object) -> None:
    """A validator of attrs."""
    if not isinstance(value, Unset):
        require_list(attribute.name, value)
