"""An SLA event without the person it is about: for what was announced of somebody who asked to be deleted.

Left are the promise, its times, and who of us held it: what counts, and what nobody outside is named by.
"""

import msgspec

from shared.events.sla import AnySlaEvent, ObligationCancelled, ObligationRetracted, event_type

FORGOTTEN_NAME = "(deleted)"
FORGOTTEN_REASON = "the person asked to be deleted"


def without_person(event: AnySlaEvent) -> AnySlaEvent:
    """The same event, with nothing that was taken from the CRM about the person, or written by people about them."""
    what = event_type(event).removeprefix("obligation.").replace("_", " ")
    bare = msgspec.structs.replace(
        event, lead_name=FORGOTTEN_NAME, crm_url=None, summary=f"{event.clock_name} of {FORGOTTEN_NAME}: {what}."
    )
    if isinstance(bare, ObligationCancelled | ObligationRetracted):
        return msgspec.structs.replace(bare, reason=FORGOTTEN_REASON)
    return bare
