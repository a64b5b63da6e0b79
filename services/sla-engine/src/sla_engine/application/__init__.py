"""Use cases of the engine: take what the stream brings, fire what falls due, answer what people ask.

Nothing here knows SQL, HTTP or a broker: those stand behind the protocols in `ports` and `shared.streams.port`.
"""
