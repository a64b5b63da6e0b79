"""Dossiers of the leads last dealt with, decoded: a lead seldom has one event only."""

from collections import OrderedDict
from collections.abc import Iterable

from sla_engine.application.dossier import Dossier


class DossierCache:
    """At most `bound` dossiers of one owned partition; the one longest unused goes first."""

    __slots__ = ("_bound", "_by_key", "_keys")

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._by_key: OrderedDict[str, Dossier] = OrderedDict()
        self._keys: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def put(self, dossier: Dossier) -> None:
        """Keep a dossier as it was committed; it has an id."""
        assert dossier.id is not None
        self._by_key[dossier.key] = dossier
        self._by_key.move_to_end(dossier.key)
        self._keys[dossier.id] = dossier.key
        while len(self._by_key) > self._bound:
            _, oldest = self._by_key.popitem(last=False)
            assert oldest.id is not None
            self._keys.pop(oldest.id, None)

    def by_key(self, keys: Iterable[str]) -> dict[str, Dossier]:
        """Those of `keys` that are here."""
        return {key: dossier for key in keys if (dossier := self._by_key.get(key)) is not None}

    def by_id(self, leads: Iterable[int]) -> dict[int, Dossier]:
        """Those of `leads` that are here."""
        found: dict[int, Dossier] = {}
        for lead in leads:
            key = self._keys.get(lead)
            if key is not None:
                found[lead] = self._by_key[key]
        return found
