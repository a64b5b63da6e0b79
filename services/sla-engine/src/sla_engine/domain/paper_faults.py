"""What is wrong with a file of events: every bad line at once."""


class EventsError(ValueError):
    """The file holds lines that are no lead events. Each fault names the line, what is wrong, and the cure."""

    def __init__(self, file: str, faults: tuple[str, ...]) -> None:
        self.file = file
        self.faults = faults
        super().__init__("\n".join(f"{file}: {fault}" for fault in faults))
