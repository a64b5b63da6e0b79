"""What ingest does: store requests before they are answered, translate them, put aside what can't be."""
