"""How good tables of synthetic expression are: one file a question, each of pure functions of arrays."""
