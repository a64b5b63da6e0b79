"""A second, slow meaning of the agreement, written apart from the engine and without clever arithmetic.

It shares the event types with the engine and nothing else. Time goes by tick by tick; at each tick the wall clock of a
zone is asked whether somebody's hours are open. Only what the domain's description says is in here.
"""
