"""Graphs over samples: who is next to whom, and how much each edge counts."""
