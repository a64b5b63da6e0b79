"""The simulated consumer group: who is a member, and which partition belongs to whom."""

from dataclasses import dataclass, field

from tests.support.simulation.chance import Chance
from tests.support.simulation.loop import VirtualLoop
from tests.support.simulation.process import Process


@dataclass(eq=False, slots=True)
class Member:
    """A session. `expelled`: the group goes on without it, whether it has noticed or not."""

    process: Process
    owned: set[int] = field(default_factory=set)
    expelled: bool = False


class Group:
    """A partition belongs to one member at a time, in the group's own view; a zombie's view may be another."""

    def __init__(self, partitions: int, *, loop: VirtualLoop, chance: Chance) -> None:
        self._count = partitions
        self._loop = loop
        self._chance = chance
        self._members: list[Member] = []
        self._wanted: dict[int, Member] = {}

    def join(self, process: Process) -> Member:
        """A new session."""
        member = Member(process)
        self._members.append(member)
        self.share()
        return member

    def leave(self, member: Member) -> None:
        """Close a session, or end it from outside."""
        if not member.expelled:
            member.expelled = True
            member.owned.clear()
            self._members.remove(member)
            self.share()

    def share(self) -> None:
        """Decide anew who shall own what."""
        members = self._chance.shuffled(self._members)
        self._wanted = {at: members[at % len(members)] for at in range(self._count)} if members else {}

    def surplus(self, member: Member) -> list[int]:
        """What the member owns and shall give up."""
        return sorted(each for each in member.owned if self._wanted.get(each) is not member)

    def give_back(self, member: Member, partitions: list[int]) -> None:
        """It owns them no more."""
        member.owned.difference_update(partitions)

    def take(self, member: Member) -> None:
        """What the member shall own, and nobody else does any more, it owns from now on."""
        taken = {each for other in self._members for each in other.owned}
        member.owned.update(at for at, wanted in self._wanted.items() if wanted is member and at not in taken)

    def sessions(self, process: Process) -> list[Member]:
        """The sessions of a process that still stand."""
        return [member for member in self._members if member.process is process]
