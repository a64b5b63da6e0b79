"""Merged leads: what one lead must tell the lead that it was merged into, and which promises stay with the merged one.

Winner and loser may be worked on by two processes. So nobody reads another lead's history: the loser's own step passes
its facts on, as `lead.joined` on the winner's key, in the transaction that changed them. See docs/decisions/0057.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from shared.events.envelope import ChangeOrigin, TimeSource
from shared.events.identity import identifier
from shared.events.lead import LeadEvent, LeadJoined
from sla_engine.domain.facts import AnyFact, Deleted, Merged
from sla_engine.domain.history import History
from sla_engine.domain.instants import from_us
from sla_engine.domain.joined import MOST_HOPS, Edge, Joined, on_wire
from sla_engine.domain.obligation import Obligation, Verdict

MOST_BYTES = 500_000
"""Of facts in one event: half of what a record may be."""


def passing_on(before: History | None, after: History) -> tuple[History, Sequence[LeadJoined]]:
    """What `after` has to tell the leads it was merged into, beyond what `before` told; and `after`, noting that.

    The same histories give the same events with the same ids.
    """
    if not after.passed_to and Merged not in map(type, after.facts):
        return after, ()
    edges, edges_before = _edges(after), {} if before is None else _edges(before)
    ways = _ways(after)
    ways_before = {} if before is None else {each.route: each for each in _ways(before)}
    said: list[LeadJoined] = []
    for winner in sorted(edges.keys() | set(after.passed_to)):
        edge, edge_before = edges.get(winner), edges_before.get(winner)
        told = edge is not None and winner in after.passed_to
        moved = edge_before is None or edge is None or edge.at_us != edge_before.at_us
        for way in ways:
            if winner not in way.route:
                known = ways_before.get(way.route) if told else None
                standing = edge or Edge(_version(after), stands=False, at_us=edge_before.at_us if edge_before else 0)
                word = _word(after, winner, way, standing)
                said += _in_parts(word, *_news(way, known, standing), empty=moved or not _same(way, known))
    passed_to = tuple(sorted(edges))
    if passed_to == after.passed_to:
        return after, said
    return msgspec.structs.replace(after, passed_to=passed_to), said


def kept_promises(verdict: Verdict, history: History) -> Verdict:
    """The verdict without the promises that stay with a merged lead: those that were over on it before it was merged.

    They were made, judged, told and counted there.
    """
    if not history.joined:
        return verdict
    origins = history.origins()
    gone: dict[str, int] = {}
    for each in history.joined:
        if each.stands:
            gone[each.origin] = max(each.gone_us, gone.get(each.origin, each.gone_us))
    kept = tuple([each for each in verdict.obligations if not _over_elsewhere(each, origins, gone)])
    if len(kept) == len(verdict.obligations):
        return verdict
    return msgspec.structs.replace(verdict, obligations=kept)


def merges(history: History) -> frozenset[str]:
    """The ids of the events by which the lead was merged away."""
    if Merged not in map(type, history.facts):
        return frozenset()
    return frozenset([fact.id for fact in history.facts if type(fact) is Merged])


def same_person(history: History) -> frozenset[str]:
    """All other leads that are this one, as far as it knows: merged into it, on the way to it, or it into them."""
    into = [fact.into for fact in history.facts if type(fact) is Merged]
    return frozenset([*into, *history.passed_to, *[key for each in history.joined for key in each.route]]) - {
        history.lead
    }


def join_all(told: Mapping[str, Sequence[LeadEvent]]) -> dict[str, History]:
    """The histories that these events of each lead make, with what was merged into each: as on the stream, at once."""
    histories: dict[str, History] = {}
    waiting = {lead: list(events) for lead, events in told.items()}
    while waiting:
        lead = next(iter(waiting))
        events = waiting.pop(lead)
        before = histories.get(lead)
        after, changed = (History.of(events), True) if before is None else before.with_events(events)
        if not changed:
            continue
        histories[lead], words = passing_on(before, after)
        for word in words:
            waiting.setdefault(word.lead, []).append(word)
    return histories


def account_of(lead: str) -> str:
    """The account in a lead's key; empty where it has none."""
    parts = lead.split(":")
    return parts[1] if len(parts) > 2 else ""


def _over_elsewhere(obligation: Obligation, origins: Mapping[str, str], gone: Mapping[str, int]) -> bool:
    """Whether all that made and ended it happened to one merged lead before that was merged.

    Where time ended it (it was excused, or the agreement was over), there is no event that did.
    """
    if obligation.stopped_us is None:
        return False
    ended_by = () if obligation.stop_event is None else (obligation.stop_event,)
    lead, *others = {origins.get(event) for event in (*obligation.start_events, *ended_by)}
    return not others and lead is not None and obligation.stopped_us <= gone[lead]


def _edges(history: History) -> dict[str, Edge]:
    """The leads into which this one stands merged. Only another reading takes a merge back, and raises the version."""
    merged = [fact for fact in history.own_facts if type(fact) is Merged]
    if not merged:
        return {}
    edge = Edge(_version(history), stands=True, at_us=min([fact.at_us for fact in merged]))
    return {fact.into: edge for fact in merged if fact.into != history.lead}


def _version(history: History) -> int:
    return sum(history.readings.values())


def _ways(history: History) -> list[Joined]:
    """All that this lead knows, by the way it came; its own facts came by none."""
    own = Joined((), (), history.own_facts, history.readings)
    return [own, *[each for each in history.joined if len(each.route) < MOST_HOPS]]


def _same(way: Joined, known: Joined | None) -> bool:
    return known is not None and known.edges == way.edges


def _news(way: Joined, known: Joined | None, edge: Edge) -> tuple[list[AnyFact], dict[str, int]]:
    """The facts of a way that the winner does not know, and their readings. What was merged or deleted stays behind."""
    if not (way.stands and edge.stands):
        return [], {}
    told = {} if known is None else {fact.id: fact for fact in known.facts}
    readings = {} if known is None else known.readings
    news = [
        fact
        for fact in way.facts
        if told.get(fact.id) != fact or readings.get(fact.id, 0) != way.readings.get(fact.id, 0)
        if way.readings.get(fact.id) or (type(fact) is not Merged and type(fact) is not Deleted)
    ]
    return news, {fact.id: way.readings[fact.id] for fact in news if fact.id in way.readings}


def _word(history: History, winner: str, way: Joined, edge: Edge) -> LeadJoined:
    """A word about a way, without facts and id. It tells of the past only: it opens no gate."""
    at = from_us(edge.at_us)
    return LeadJoined(
        id="",
        source=history.source,
        account=account_of(winner),
        lead=winner,
        occurred_at=at,
        time_source=TimeSource.EVENT,
        received_at=at,
        raw_id="",
        origin=ChangeOrigin.MERGE,
        route=(*way.route, history.lead),
        edges=on_wire((*way.edges, edge)),
    )


def _in_parts(
    word: LeadJoined, facts: Iterable[AnyFact], readings: Mapping[str, int], *, empty: bool
) -> Iterator[LeadJoined]:
    """The word with these facts, in as many events as records must be; with none, one if it says something itself."""
    part: list[object] = []
    ids: list[str] = []
    size = 0
    for fact in facts:
        part.append(msgspec.to_builtins(fact))
        ids.append(fact.id)
        size += len(_encode(part[-1]))
        if size > MOST_BYTES:
            yield _signed(word, part, ids, readings)
            part, ids, size, empty = [], [], 0, False
    if part or empty:
        yield _signed(word, part, ids, readings)


def _signed(word: LeadJoined, facts: Sequence[object], ids: Sequence[str], readings: Mapping[str, int]) -> LeadJoined:
    told = msgspec.structs.replace(
        word, facts=tuple(facts), readings={each: readings[each] for each in ids if each in readings}
    )
    return msgspec.structs.replace(told, id=identifier("lead.joined", _encode(told).decode()))


_encode = msgspec.json.Encoder(order="deterministic").encode
