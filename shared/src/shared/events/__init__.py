"""The events on the stream: what happened to leads, and what became of the promises made on them.

Pure data. Nothing in this package knows how an event travels.
"""
