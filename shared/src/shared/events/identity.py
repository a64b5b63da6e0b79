"""Deterministic identifiers: the same facts give the same id, on every machine, after every replay."""

import hashlib


def identifier(*parts: str) -> str:
    """Hash `parts` to 32 hexadecimal digits.

    Every part is preceded by its length, so ("ab", "c") and ("a", "bc") differ.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode()
        digest.update(b"%d:" % len(encoded))
        digest.update(encoded)
    return digest.hexdigest()
