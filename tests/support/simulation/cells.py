"""The failure table by cells: what happens to a process × where it is at that instant."""

import enum
from dataclasses import dataclass

POINTS = (
    "claim asked",
    "claim answered",
    "wakeups asked",
    "wakeups answered",
    "records fetched",
    "load asked",
    "load answered",
    "commit begun",
    "commit sent",
    "commit applied",
    "commit answered",
    "open_leads answered",
    "editions answered",
    "partitions taken away",
)
"""Where a process may be. Asked: on its way to the server; answered: on the way back, the answer is not there yet.

A commit is begun, then sent (the server has all of it), applied, and answered.
"""
MOST_DEEDS = 8


class Deed(enum.Enum):
    """What happens to it there."""

    DIES = "dies"
    FROZEN = "is frozen for 20 s, and the group goes on without it at once"
    CUT_OFF = "cannot reach the database for 3 s"
    LOSES_THE_LOG = "cannot reach the log for 3 s"
    REBALANCED = "the group shares the partitions anew"
    EXPELLED = "the group goes on without it, and it does not notice for a while"
    CLOCK_AHEAD = "its clock is set an hour ahead"
    CLOCK_BACK = "its clock is set an hour back, or right again"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of the table."""

    point: str
    deed: Deed
