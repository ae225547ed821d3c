"""Figures as files and for TensorBoard: Matplotlib figures of arrays, a file a kind of figure."""
