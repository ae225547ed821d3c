"""The fitted artefact: a folder, and the object that samples, encodes and decodes."""

from gtexgen.generator.generator import Generator

__all__ = ["Generator"]
