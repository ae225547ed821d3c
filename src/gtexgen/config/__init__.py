"""The configuration: where ``conf/`` is, what its keys may be, and how a command is started with it."""
