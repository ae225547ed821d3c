"""Figures that a reader turns, zooms and asks for names, in a browser without network."""
