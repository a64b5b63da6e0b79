"""A plan: what an agreement would change if it were applied now. Reads, and changes nothing."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from sla_engine.application.forecast import Forecast, Outlook
from sla_engine.application.in_force import Archive, Draft
from sla_engine.domain.agreement_differences import differences
from sla_engine.domain.editions import OpenChoice


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What would change. `edition` and `version` are in force now (0 and "": nothing was ever applied).

    `applied_before`: an older edition has the same content, and it would be gone back to.
    """

    name: str
    timezone: str
    edition: int
    version: str
    proposed: str
    applied_before: bool
    differences: Sequence[str]
    leads: int
    clock_names: Mapping[str, str]
    outlooks: Sequence[Outlook]

    @property
    def nothing_new(self) -> bool:
        """Whether this very content is in force already."""
        return self.version == self.proposed


async def make_plan(
    archive: Archive,
    draft: Draft,
    choices: Sequence[OpenChoice],
    now: datetime,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> Plan:
    """Judge every lead concerned by what is in force and by what is proposed. `progress` is told how many were.

    May raise `ports.StoreUnavailable`.
    """
    agreement, editions = draft.agreement, await archive.editions()
    plan = Plan(
        name=agreement.name,
        timezone=agreement.timezone,
        edition=0 if editions is None else editions.newest.number,
        version="" if editions is None else editions.newest.version,
        proposed=agreement.version,
        applied_before=editions is not None and any(each.version == agreement.version for each in editions.all),
        differences=[] if editions is None else differences(editions.newest.agreement.declared, agreement.declared),
        leads=0,
        clock_names={},
        outlooks=[],
    )
    if editions is None or plan.nothing_new:
        return plan
    forecast = Forecast(editions, agreement, choices, now)
    proposed = editions.followed_by(agreement, applied_us=editions.newest.applied_us + 1, open_=OpenChoice.KEEP)
    async for histories in archive.concerned(proposed.changed_windows(editions.newest.mark)):
        for history in histories:
            forecast.take(history)
        progress(forecast.leads)
    return msgspec.structs.replace(
        plan, leads=forecast.leads, clock_names=forecast.clock_names, outlooks=forecast.outlooks
    )
