"""The ways by which messages leave, what each can do, and what a crash in the middle of sending means on it."""

import enum
from typing import assert_never


class ChannelKind(enum.StrEnum):
    """A way by which messages leave."""

    SLACK = "slack"
    """A bot token: posts, edits, and finds its own messages again."""
    SLACK_WEBHOOK = "slack-webhook"
    """An incoming webhook: one fixed channel, no edits, no reading back."""
    PREVIEW = "preview"
    """The same messages as text in a file."""


class Step(enum.StrEnum):
    """What a delivery says."""

    WARNING = "warning"
    BREACH = "breach"
    MET_LATE = "met_late"
    CANCELLED = "cancelled"
    RETRACTED = "retracted"
    RESTORED = "restored"
    """What a change had said (done late, cancelled) proved wrong: the message says again what it said at first."""
    FORGOTTEN = "forgotten"
    """The person asked to be deleted: the message names nobody any more."""


class Operation(enum.StrEnum):
    """How it is said: a new message, an edit of an earlier one, or a new message about an earlier one."""

    POST = "post"
    UPDATE = "update"
    FOLLOW_UP = "follow_up"


class CrashPolicy(enum.Enum):
    """What is done when nobody knows whether a request arrived."""

    REPEAT = "repeat"
    """Repeating it changes nothing: say it again."""
    LOOK_UP = "look_up"
    """Look for the message by its marker. Found: sent. Proven absent: say it again. Else it stays ambiguous."""
    LEAVE = "leave"
    """Nobody can find out: it stays ambiguous, visible, and is never repeated by itself."""


def can_edit(kind: ChannelKind) -> bool:
    """Whether a message sent on this channel can be changed afterwards."""
    match kind:
        case ChannelKind.SLACK | ChannelKind.PREVIEW:
            return True
        case ChannelKind.SLACK_WEBHOOK:
            return False
        case _:
            assert_never(kind)


def crash_policy(kind: ChannelKind, operation: Operation) -> CrashPolicy:
    """What a lost response or a crash in the middle of sending means.

    An edit in Slack sets a message to a given content: twice is once. The preview's edits are lines appended to a file,
    so they are looked up like its posts.
    """
    match kind:
        case ChannelKind.SLACK:
            return CrashPolicy.REPEAT if operation is Operation.UPDATE else CrashPolicy.LOOK_UP
        case ChannelKind.PREVIEW:
            return CrashPolicy.LOOK_UP
        case ChannelKind.SLACK_WEBHOOK:
            return CrashPolicy.LEAVE
        case _:
            assert_never(kind)


def needs_settling(kind: ChannelKind) -> bool:
    """Whether a request may still arrive after its sender is gone, so that absence is no proof at first.

    A write to a local file is done or not done once its process is dead.
    """
    return kind is not ChannelKind.PREVIEW
