"""Deterministic simulation: the engine's application layer on virtual time, with faults; each run is of its seed alone.

Real are the engine (`sla_engine.application`, the domain, the stream's `Gate`); simulated are time, the log, the group,
the database, and the processes, which are killed between any two awaits, frozen, slowed, cut off and lied to about the
time. `python -m tests.support.simulation SEED` replays a run.
"""
