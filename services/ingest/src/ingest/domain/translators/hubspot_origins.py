"""HubSpot's `changeSource` and `sourceId`: how a change came about, and who made it.

The list of sources is open (some ninety are public); what is not here is of unknown origin.
"""

import re
from collections.abc import Mapping

from ingest.domain.sources import Source
from ingest.domain.translators.vocabulary import user_actor
from shared.events.envelope import Actor, ActorKind, ChangeOrigin

_USER_ID = re.compile(r"userId:(\d+)")

_BY_ORIGIN: Mapping[ChangeOrigin, tuple[str, ...]] = {
    ChangeOrigin.USER: (
        "CRM_UI",
        "CRM_UI_BULK_ACTION",
        "CRM",
        "CONTACTS",
        "CONTACTS_WEB",
        "COMPANIES",
        "DEALS",
        "MOBILE_IOS",
        "MOBILE_ANDROID",
        "SALES",
        "HELP_DESK",
        "PLAYBOOKS",
    ),
    ChangeOrigin.IMPORT: ("IMPORT", "MIGRATION", "BATCH_UPDATE"),
    ChangeOrigin.WORKFLOW: (
        "AUTOMATION_PLATFORM",
        "AUTOMATION_JOURNEY",
        "PRIMARY_AUTOMATION",
        "WORKFLOWS",
        "SEQUENCES",
        "BOT",
        "PROSPECTING_AGENT",
        "CUSTOMER_AGENT",
        "BREEZE_AGENT",
        "WORKFLOW_CONTACT_DELETE_ACTION",
    ),
    ChangeOrigin.INTEGRATION: (
        "INTEGRATION",
        "INTEGRATIONS_PLATFORM",
        "INTEGRATIONS_SYNC",
        "SALESFORCE",
        "SLACK_INTEGRATION",
        "PORTAL_OBJECT_SYNC",
        "MARKETPLACE",
        "BET_CRM_CONNECTOR",
    ),
    ChangeOrigin.API: ("API",),
    ChangeOrigin.MERGE: ("MERGE_OBJECTS", "MERGE_CONTACTS", "MERGE_COMPANIES"),
    ChangeOrigin.SYSTEM: (
        "CALCULATED",
        "INTERNAL_PROCESSING",
        "ANALYTICS",
        "ASSOCIATIONS",
        "AUTO_ASSOCIATE_BY_DOMAIN",
        "ACTIVITY_AUTO_ASSOCIATE",
        "ENGAGEMENTS",
        "DEFAULT",
        "DATA_ENRICHMENT",
        "COMPANY_INSIGHTS",
        "PROPERTY_SETTINGS",
        "PIPELINE_SETTINGS",
        "RECYCLING_BIN",
    ),
}
_ORIGINS: Mapping[str, ChangeOrigin] = {name: origin for origin, names in _BY_ORIGIN.items() for name in names}

_ACTORS: Mapping[ChangeOrigin, ActorKind] = {
    ChangeOrigin.WORKFLOW: ActorKind.AUTOMATION,
    ChangeOrigin.SYSTEM: ActorKind.AUTOMATION,
    ChangeOrigin.INTEGRATION: ActorKind.INTEGRATION,
    ChangeOrigin.API: ActorKind.INTEGRATION,
}


def origin_of(change_source: str) -> ChangeOrigin:
    """How the change came about."""
    return _ORIGINS.get(change_source, ChangeOrigin.UNKNOWN)


def actor_of(source: Source, change_source: str, source_id: str | None) -> Actor | None:
    """Who made the change, as far as HubSpot says.

    A workflow's change stays automation even where it names the user who built the workflow.
    """
    origin = origin_of(change_source)
    user = _USER_ID.fullmatch(source_id) if source_id else None
    if user is not None and origin is not ChangeOrigin.WORKFLOW:
        return user_actor(source, user.group(1))
    kind = _ACTORS.get(origin)
    return None if kind is None else Actor(kind=kind, id=source_id)


def is_automated(origin: ChangeOrigin) -> bool:
    """Whether a touch of that origin was nobody's own doing: sequences, workflows, imports."""
    return origin in (ChangeOrigin.WORKFLOW, ChangeOrigin.IMPORT)
