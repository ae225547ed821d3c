"""Synthetic tables: writers of every output format, in bounded memory."""
