"""One module a dialect; each a pure function (raw request, source) → `Translation`."""
