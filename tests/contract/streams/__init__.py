"""What every adapter of the Stream port must do: one suite, run over Apache Kafka and over the log in PostgreSQL."""
