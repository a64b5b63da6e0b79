"""A topic that does not exist yet is waited for."""

import pytest

from shared.streams.port import Record, Stream, StreamUnavailable
from tests.contract.streams.members import Member, Store


async def test_a_subscriber_waits_for_its_topic(stream: Stream, topic: str) -> None:
    store = Store()
    async with Member(stream, topic, store=store) as member:
        assert await member.fetch() == ()
        assert await member.fetch() == ()
        await stream.ensure_topic(topic, partitions=2)
        assert await stream.partitions(topic) == 2, "waiting must not have created the topic"
        await stream.append(topic, [Record(key=b"k", value=b"first")])
        await member.until(lambda: store.values == [b"first"])


async def test_without_a_topic_there_is_nothing_to_append_to(stream: Stream, topic: str) -> None:
    with pytest.raises(StreamUnavailable, match=topic):
        await stream.append(topic, [Record(key=b"k", value=b"v")])
    with pytest.raises(StreamUnavailable, match=topic):
        await stream.partitions(topic)
    await stream.ensure_topic(topic, partitions=1)
    await stream.append(topic, [Record(key=b"k", value=b"v")])
    assert await stream.end_offsets(topic) == {0: 1}
