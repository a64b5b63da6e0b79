"""`judge`: the verdict on one lead at one instant, a pure function of its history and the agreement."""

from datetime import datetime

from sla_engine.domain.agreement import Agreement
from sla_engine.domain.history import History
from sla_engine.domain.obligation import Verdict


def judge(history: History, agreement: Agreement, now: datetime) -> Verdict:
    """Judge every promise on the lead at `now`, by event time alone; settle times play no part here."""
    raise NotImplementedError
