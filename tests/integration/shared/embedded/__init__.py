"""The embedded server, really started, shared, killed and moved."""
