"""Ordered, partitioned, durable logs: one port, two adapters (Apache Kafka; a log kept in PostgreSQL)."""
