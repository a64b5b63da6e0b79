"""Does a request come from whom it says? One module a scheme, all pure, all on the raw bytes."""
