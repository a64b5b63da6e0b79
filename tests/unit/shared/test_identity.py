"""Identifiers must never change: every stored history and every announcement is named by them."""

import hashlib

from shared.events.identity import identifier


def _spelled(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def test_parts_are_preceded_by_their_length_in_bytes() -> None:
    assert identifier("ab", "c") == _spelled(b"2:ab1:c")
    assert identifier("a", "bc") != identifier("ab", "c")
    assert identifier("", "a") == _spelled(b"0:1:a")


def test_beyond_ascii_the_length_is_still_that_of_the_bytes() -> None:
    assert identifier("J\u00fcrgen", "x") == _spelled(b"7:J\xc3\xbcrgen1:x")
