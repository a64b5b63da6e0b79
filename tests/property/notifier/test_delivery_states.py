"""The states of a delivery, under any sequence of events."""

from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from notifier.domain.channels import ChannelKind, CrashPolicy, Operation, Step, crash_policy
from notifier.domain.delivery import (
    FINAL,
    WAITING,
    Delivery,
    State,
    claimed,
    concluded,
    expired,
    is_ambiguous_for_good,
    looked_up,
    postponed,
    redriven,
    sending,
    superseded,
)
from notifier.domain.outcomes import (
    Absent,
    Ambiguous,
    Found,
    Held,
    Permanent,
    RateLimited,
    SendResult,
    Sent,
    Temporary,
    Unknown,
)
from notifier.domain.retries import DELAYS, MAX_ATTEMPTS
from tests.support.sla_events import DEADLINE

LEASE_SECONDS = 30.0
SETTLE_SECONDS = 60.0
results = st.sampled_from(
    [
        Sent(channel="C1", provider_id="1.2"),
        Permanent(reason="is_archived"),
        Temporary(reason="no_connection"),
        Temporary(reason="later", retry_after_seconds=50_000),
        RateLimited(retry_after_seconds=7),
        Held(reason="invalid_auth", retry_after_seconds=60),
        Ambiguous(reason="no_answer"),
    ]
)


class DeliveryLife(RuleBasedStateMachine):
    """What may happen to one delivery. `arrived` counts messages that the provider may have."""

    delivery: Delivery
    now: datetime
    arrived: int
    asked_for: int

    @initialize(channel=st.sampled_from(ChannelKind), operation=st.sampled_from(Operation))
    def begin(self, channel: ChannelKind, operation: Operation) -> None:
        self.now, self.arrived, self.asked_for = DEADLINE, 0, 1
        self.delivery = Delivery(
            id="d1",
            obligation="o1",
            lead="l1",
            event_id="e1",
            channel=channel,
            destination="C1",
            step=Step.BREACH,
            operation=operation,
            thread="d1",
            announced_at=DEADLINE,
            due_at=DEADLINE,
        )

    @rule(seconds=st.sampled_from([0.5, 5, 31, 61, 700, 30_000]))
    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.delivery.state in WAITING)
    @rule()
    def come_due_and_be_claimed(self) -> None:
        assert self.delivery.due_at is not None
        self.now = max(self.now, self.delivery.due_at)
        before = self.delivery.lease
        self.delivery = claimed(self.delivery, now=self.now, lease_seconds=LEASE_SECONDS)
        assert self.delivery.lease == before + 1

    @precondition(lambda self: self.delivery.state is State.LEASED and self.delivery.sending_since is None)
    @rule(reached=st.booleans(), result=results)
    def send(self, reached: bool, result: SendResult) -> None:
        self.delivery = sending(self.delivery, now=self.now)
        if isinstance(result, Sent) or (isinstance(result, Ambiguous) and reached):
            self.arrived += 1
        attempts = self.delivery.attempts
        self.delivery = concluded(self.delivery, result, now=self.now)
        if isinstance(result, RateLimited | Held):
            assert self.delivery.attempts == attempts
        if isinstance(result, RateLimited | Held | Temporary) and self.delivery.due_at is not None:
            assert self.delivery.due_at - self.now >= timedelta(seconds=result.retry_after_seconds)

    @precondition(lambda self: self.delivery.state is State.LEASED and self.delivery.sending_since is None)
    @rule(reached=st.booleans(), begun=st.booleans())
    def die_under_way(self, reached: bool, begun: bool) -> None:
        if begun:
            self.delivery = sending(self.delivery, now=self.now)
            self.arrived += reached
        self.now += timedelta(seconds=LEASE_SECONDS)
        self.delivery = expired(self.delivery, now=self.now)
        if not begun:
            assert self.delivery.state in WAITING
            assert self.delivery.due_at == self.now

    @precondition(lambda self: self.delivery.state is State.LEASED and self.delivery.sending_since is None)
    @rule(until=st.integers(min_value=0, max_value=60), drop=st.booleans())
    def not_be_sent(self, until: int, drop: bool) -> None:
        if drop:
            self.delivery = superseded(self.delivery, reason="kept")
        else:
            self.delivery = postponed(self.delivery, until=self.now + timedelta(seconds=until))

    @precondition(lambda self: self.delivery.state is State.AMBIGUOUS and self.delivery.due_at is not None)
    @rule(readable=st.booleans())
    def be_looked_up_truthfully(self, readable: bool) -> None:
        assert self.delivery.due_at is not None
        self.now = max(self.now, self.delivery.due_at)
        seen = Found(channel="C1", provider_id="1.2") if self.arrived else Absent()
        answer = seen if readable else Unknown(reason="missing_scope")
        self.delivery = looked_up(self.delivery, answer, now=self.now, settle_seconds=SETTLE_SECONDS)

    @precondition(lambda self: self.delivery.state is State.DEAD or is_ambiguous_for_good(self.delivery))
    @rule()
    def be_redriven(self) -> None:
        self.asked_for += self.delivery.state is State.AMBIGUOUS
        self.delivery = redriven(self.delivery, now=self.now)

    @invariant()
    def said_at_most_once_for_each_time_it_was_asked_for(self) -> None:
        if crash_policy(self.delivery.channel, self.delivery.operation) is not CrashPolicy.REPEAT:
            assert self.arrived <= self.asked_for

    @invariant()
    def something_will_happen_unless_it_is_over(self) -> None:
        over = self.delivery.state in FINAL or is_ambiguous_for_good(self.delivery)
        leased = self.delivery.state is State.LEASED
        assert over == (self.delivery.due_at is None) or leased
        assert leased == (self.delivery.leased_until is not None)

    @invariant()
    def tries_are_bounded(self) -> None:
        assert self.delivery.attempts < MAX_ATTEMPTS

    @invariant()
    def what_is_sent_did_arrive(self) -> None:
        if self.delivery.state is State.SENT:
            assert self.arrived > 0
            assert self.delivery.sent_at is not None

    @invariant()
    def no_wait_is_longer_than_the_schedule_or_what_the_provider_asked_for(self) -> None:
        if self.delivery.state in WAITING and self.delivery.due_at is not None:
            assert self.delivery.due_at - self.now <= max(DELAYS[-1] * 1.2, timedelta(seconds=50_000))


TestDeliveryLife = DeliveryLife.TestCase
TestDeliveryLife.settings = settings(derandomize=True, max_examples=150, stateful_step_count=30, deadline=None)
