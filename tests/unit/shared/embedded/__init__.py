"""The embedded server, as far as it can be told without starting one."""
