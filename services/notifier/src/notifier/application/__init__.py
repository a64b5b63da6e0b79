"""What the notifier does, in terms of ports: take in SLA events, deliver messages, settle what is uncertain."""
