"""A secret that never shows itself."""

import hmac
from collections.abc import Iterable
from typing import NoReturn, final

MASK = "**********"


@final
class Secret:
    """A resolved secret. `repr`, `str`, pickling and comparing do not give it away; `reveal` does."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself: for computing a signature, never for a message or a log."""
        return self._value

    def matches(self, given: str | bytes) -> bool:
        """Whether `given` is this secret, in time that does not depend on where they differ."""
        presented = given.encode("utf-8", "surrogatepass") if isinstance(given, str) else given
        return hmac.compare_digest(self._value.encode(), presented)

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other._value)

    def __hash__(self) -> int:
        return hash(Secret)

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not pickled: it would leave the process in clear text.")


def any_matches(secrets: Iterable[Secret], given: str | bytes) -> bool:
    """Whether `given` is one of `secrets`. All are compared, so time does not tell which one it was."""
    found = False
    for secret in secrets:
        found |= secret.matches(given)
    return found
