"""Cursors of keyset paging: opaque to clients, the last row's place to us."""

import base64
import binascii
from typing import TypeVar

import msgspec
from fastapi import HTTPException

T = TypeVar("T")


def to_cursor(place: object) -> str:
    """A place as text for a URL."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def from_cursor(cursor: str | None, kind: type[T]) -> T | None:
    """The place in a cursor. Answers 400 where it is none of ours."""
    if cursor is None:
        return None
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(data, type=kind)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise HTTPException(400, "cursor: not one that this API gave out; ask again without it") from error
