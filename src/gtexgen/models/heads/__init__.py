"""The objectives: one file a head."""
