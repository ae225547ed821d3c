"""The fitted artefact: a folder, and the object that samples, encodes and decodes."""

from gtexgen.generator.baseline import BaselineGenerator
from gtexgen.generator.generator import Generator
from gtexgen.generator.networks import NetworkGenerator

__all__ = ["BaselineGenerator", "Generator", "NetworkGenerator"]
