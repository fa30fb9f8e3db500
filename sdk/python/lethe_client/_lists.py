"""Refuses a text where a list is meant, which Python would take for a list of its characters."""

from collections.abc import Iterable
from typing import Any

from attrs import Attribute

from .generated.types import Unset


def require_list(name: str, value: object) -> None:
    """Raises TypeError for a text, and for what is no collection at all."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a list, such as [value], not a {type(value).__name__}")


def list_or_unset(_: Any, attribute: "Attribute[Any]", value: object) -> None:
    """A validator of attrs."""
    if not isinstance(value, Unset):
        require_list(attribute.name, value)
