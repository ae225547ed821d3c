"""How decoded features become a distribution of expression: one file a likelihood."""
